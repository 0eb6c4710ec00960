"""Limits of a board: each fact passes, fails for its own reason, or is left out if unknown."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from agentc.proof.fitness import STACK
from ociimage import tar
from readiness.board_limits import Board, checks, mapped, stored

from tests.support.oci_layouts import write_layout

KIB = 1024


def program(*loads: tuple[int, int, int], wide: bool = True) -> bytes:
    """An ELF file with these segments: address, bytes in memory, alignment."""
    count = len(loads)
    if wide:
        head = b"\x7fELF\2\1".ljust(16, b"\0") + struct.pack(
            "<HHIQQQIHHHHHH", *(2, 183, 1), *(0, 64, 0), 0, *(64, 56, count), *(0, 0, 0)
        )
        rows = [
            struct.pack("<IIQQQQQQ", 1, 5, 0, at, at, 0, size, align) for at, size, align in loads
        ]
    else:
        head = b"\x7fELF\1\1".ljust(16, b"\0") + struct.pack(
            "<HHIIIIIHHHHHH", *(2, 40, 1), *(0, 52, 0), 0, *(52, 32, count), *(0, 0, 0)
        )
        rows = [struct.pack("<8I", 1, 0, at, at, 0, size, 5, align) for at, size, align in loads]
    return head + b"".join(rows)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with one file of 64 KiB of zeros, which is small when it is compressed."""
    return write_layout(
        tmp_path / "image", [[tar.Entry("agent", mode=0o755, source=bytes(1 << 16))]]
    )


SMALL = program((0x10000, 3 * KIB, 65536), (0x20800, 5 * KIB, 65536))


@pytest.mark.parametrize("wide", [True, False])
def test_memory_is_counted_in_pages(wide: bool) -> None:
    text = program((0x10000, 3 * KIB, 65536), (0x20800, 5 * KIB, 65536), wide=wide)
    # 3 KiB take one page, and 5 KiB from the middle of a page two.
    assert mapped(text, 4096) == STACK + 3 * 4096
    assert mapped(text, 16384) == STACK + 2 * 16384


def test_an_image_is_stored_packed_and_unpacked(image: Path) -> None:
    blobs = sum(path.stat().st_size for path in (image / "blobs/sha256").iterdir())
    unpacked = stored(image)
    assert unpacked is not None and blobs < 4096 and unpacked - blobs > 1 << 16


FITS = Board("a pi", 76 * KIB, 1 << 20, 4096, "on")


def test_what_fits_passes(image: Path) -> None:
    results = {check.name: check for check in checks(SMALL, image, FITS)}
    assert list(results) == ["board memory", "board storage", "page size", "memory limit"]
    assert {check.verdict for check in results.values()} == {"passed"}
    memory = results["board memory"]
    assert (memory.measured, memory.limit, memory.unit) == (76 * KIB, 76 * KIB, "bytes")
    assert results["memory limit"].measured == "enforced" and not results["memory limit"].why


@pytest.mark.parametrize(
    ("board", "name", "why"),
    [
        (
            replace(FITS, memory=76 * KIB - 1),
            "board memory",
            "the program needs 76 KiB, and a pi has 76 KiB for it",
        ),
        (replace(FITS, storage=1 << 16), "board storage", "half of the storage of a pi is 64 KiB"),
        (
            replace(FITS, page_size=1 << 17, memory=1 << 30),
            "page size",
            "aligned to 65536 bytes, and the kernel of a pi has pages of 131072",
        ),
    ],
)
def test_each_fact_fails_alone(board: Board, name: str, why: str, image: Path) -> None:
    failed = [check for check in checks(SMALL, image, board) if check.verdict != "passed"]
    assert [(check.name, check.verdict, check.key) for check in failed] == [
        (name, "failed", "hardware")
    ]
    assert why in failed[0].why and failed[0].fix


def test_a_system_that_ignores_limits_is_told(image: Path) -> None:
    [check] = checks(SMALL, image, Board("a pi", memory_cgroup="off"))
    assert (check.name, check.verdict, check.measured) == ("memory limit", "passed", "not enforced")
    assert "cgroup_enable=memory" in check.fix and "ignores memory limits" in check.why


def test_unknown_facts_have_no_check(image: Path) -> None:
    assert list(checks(SMALL, image, Board("a pi"))) == []


def test_a_layer_that_cannot_be_measured_is_not_checked(image: Path) -> None:
    index = json.loads((image / "index.json").read_text())
    path = image / "blobs" / index["manifests"][0]["digest"].replace(":", "/")
    manifest = json.loads(path.read_text())
    manifest["layers"][0]["mediaType"] += "+zstd"
    path.write_text(json.dumps(manifest))
    [check] = checks(SMALL, image, Board("a pi", storage=1 << 30))
    assert (check.verdict, check.measured) == ("not checked", None) and "zstd" in check.why
