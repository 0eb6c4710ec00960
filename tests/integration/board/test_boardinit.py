"""Decisions of boardinit about a data partition, with the program of this machine."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from agentc.toolchain.zig import SMALL, host_target, link_program
from board import cpio
from board.bundle import Bundle
from board.program import emit

from tests.support.compiled_objects import compiled

SETTINGS = b"bgbundle 1\nuser 1000\nrun /agent\n"


def bundle(note: str) -> Bundle:
    """Return a bundle with a file."""
    settings = cpio.file("settings", SETTINGS + f"note {note}\n".encode())
    return Bundle(cpio.archive([settings, cpio.file("root/agent", b"\x7fELF", 0o755)]))


A, B, C = (bundle(note) for note in "abc")


@pytest.fixture(scope="module")
def boardinit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program for this machine."""
    folder = tmp_path_factory.mktemp("boardinit")
    source, output = folder / "boardinit.c", folder / "boardinit.o"
    source.write_text(emit())
    compiled(source, host_target(), output, SMALL)
    link_program([output], host_target()[0], folder / "boardinit")
    return folder / "boardinit"


@dataclass(frozen=True)
class Partition:
    """A data partition in a folder."""

    program: Path
    folder: Path

    def put(self, bundle: Bundle, folder: str = "slots") -> Path:
        """Write a bundle."""
        path = self.folder / folder / bundle.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bundle.content)
        return path

    def record(self, a: Bundle | None, b: Bundle | None, **changes: str) -> None:
        """Write a boot record."""
        rows = {
            "a": a.digest if a else "-",
            "b": b.digest if b else "-",
            "active": "a",
            "trial": "-",
            "tries": "0",
            "state": "none",
            "reason": "-",
        } | changes
        text = "bgboot 1\n" + "".join(f"{key} {value}\n" for key, value in rows.items())
        value = 0xCBF29CE484222325
        for byte in text.encode():
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        (self.folder / "record").write_text(f"{text}sum {value:016x}\n")

    def rows(self) -> dict[str, str]:
        """Return the rows of the boot record."""
        rows = (self.folder / "record").read_text().splitlines()
        return {key: value for key, _, value in (row.partition(" ") for row in rows)}

    def decide(self, code: int = 0) -> str:
        """Return what a start prints."""
        done = subprocess.run(
            [self.program, "decide", self.folder], capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stderr.replace("boardinit: ", "")

    def slots(self) -> set[str]:
        """Return the names of the bundles in the slots."""
        return {path.name for path in (self.folder / "slots").iterdir()}


@pytest.fixture
def partition(boardinit: Path, tmp_path: Path) -> Partition:
    """Return an empty partition."""
    return Partition(boardinit, tmp_path)


def test_the_only_bundle_of_a_new_board_becomes_slot_a(partition: Partition) -> None:
    partition.put(A)
    assert partition.decide() == f"starting slot a sha256:{A.digest}\n"
    assert partition.rows() | {"sum": ""} == {
        "bgboot": "1",
        "a": A.digest,
        "b": "-",
        "active": "a",
        "trial": "-",
        "tries": "0",
        "state": "none",
        "reason": "-",
        "sum": "",
    }


def test_a_board_without_a_bundle_starts_nothing(partition: Partition) -> None:
    assert partition.decide(code=1) == "no slot has a whole bundle\n"


def test_a_trial_has_three_starts_and_is_then_undone(partition: Partition) -> None:
    partition.put(A), partition.put(B)
    partition.record(A, B, trial="b", tries="3")
    for left in "210":
        assert partition.decide() == f"trying slot b sha256:{B.digest}\n"
        assert (partition.rows()["tries"], partition.rows()["trial"]) == (left, "b")
    reason = f"slot b sha256:{B.digest[:12]}: it was not healthy in 3 starts"
    for _ in range(2):
        assert partition.decide() == (
            f"starting slot a sha256:{A.digest}\nlast roll-back: {reason}\n"
        )
    assert partition.rows()["reason"] == reason and partition.rows()["b"] == "-"
    assert partition.slots() == {A.name}


def test_a_committed_update_stays(partition: Partition) -> None:
    partition.put(A), partition.put(B)
    partition.record(A, B, active="b")
    assert partition.decide() == f"starting slot b sha256:{B.digest}\n"
    assert partition.slots() == {A.name, B.name}


def test_a_bundle_that_the_record_names_is_moved_from_incoming(partition: Partition) -> None:
    partition.put(A), partition.put(B, "incoming")
    partition.record(A, B, trial="b", tries="3")
    assert partition.decide() == f"trying slot b sha256:{B.digest}\n"
    assert partition.slots() == {A.name, B.name}
    assert not list((partition.folder / "incoming").iterdir())


def test_other_bundles_and_parts_are_removed_and_deliveries_stay(partition: Partition) -> None:
    partition.put(A), partition.put(B)
    waiting = partition.put(C, "incoming")
    part = partition.folder / "incoming/arriving.part"
    part.write_bytes(b"half")
    partition.record(A, None)
    partition.decide()
    assert partition.slots() == {A.name} and waiting.exists() and not part.exists()


def test_a_damaged_bundle_on_trial_is_undone(partition: Partition) -> None:
    partition.put(A)
    partition.put(B).write_bytes(B.content[:-1] + b"x")
    partition.record(A, B, trial="b", tries="3")
    assert "its bundle is damaged" in partition.decide()
    assert partition.rows()["active"] == "a" and partition.rows()["trial"] == "-"


def test_a_damaged_active_bundle_is_replaced_by_the_other(partition: Partition) -> None:
    partition.put(A).write_bytes(b"")
    partition.put(B)
    partition.record(A, B)
    text = partition.decide()
    assert text.startswith(f"starting slot b sha256:{B.digest}\n")
    assert "the bundle of the active slot was damaged" in text


def flip(text: str) -> str:
    """Change a digit of the digest of slot a."""
    return re.sub(
        r"(?<=^a .)(.)", lambda match: "0" if match[1] != "0" else "1", text, flags=re.MULTILINE
    )


@pytest.mark.parametrize(
    "change", [flip, lambda text: text[:-9], lambda text: "", lambda text: "\0" * 400]
)
def test_a_damaged_record_is_noticed(partition: Partition, change: Callable[[str], str]) -> None:
    partition.put(A)
    partition.record(A, None)
    path = partition.folder / "record"
    path.write_text(change(path.read_text()))
    assert partition.decide() == (
        f"starting slot a sha256:{A.digest}\nlast roll-back: the boot record was damaged\n"
    )


def test_sha256_of_bundles_of_every_length(partition: Partition) -> None:
    for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 65535, 65536, 65537):
        content = bytes(range(256)) * (size // 256) + bytes(size % 256)
        name = Bundle(content).name
        assert sha256(content).hexdigest() in name
        for path in (partition.folder / "slots").glob("*"):
            path.unlink()
        (partition.folder / "record").unlink(missing_ok=True)
        partition.put(Bundle(content))
        assert name[7:71] in partition.decide()


def test_another_command_line_prints_the_help(boardinit: Path) -> None:
    done = subprocess.run([boardinit], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "data=DEVICE" in done.stderr
