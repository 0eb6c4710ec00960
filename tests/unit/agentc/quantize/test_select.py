"""The choice of a storage: smallest that passes, refused with numbers, and a page that says what
each candidate gave.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_quantization
import select_quantization
from agentc.numerics.clopper_pearson import is_shown, lower_bound
from agentc.proof.fidelity import FidelityResult
from agentc.quantize.trial import save
from agentc.toolchain.elf import stored

STEPS = 4
PROOF = {
    "kl_max": (1e-8).hex(),
    "regret_max": (0.0).hex(),
    "steps": 256,
    "episodes": 8,
    "violating_episodes": 0,
    "lower_bound_episodes": "0.687656",
    "bits": "exact",
}


def elf(wide: bool, *sections: tuple[int, int, int]) -> bytes:
    """An object of sections (type, flags, bytes) that holds nothing but their headers."""
    head, layout = ("<16sHHIQQQIHHHHHH", "<IIQQQQIIQQ") if wide else ("<16sHHIIIIIHHHHHH", "<10I")
    size = struct.calcsize(head)
    first = struct.pack(
        head,
        b"\x7fELF" + bytes([1 + wide, 1, 1]),
        1,
        62,
        1,
        0,
        0,
        size,
        0,
        size,
        0,
        0,
        struct.calcsize(layout),
        len(sections),
        0,
    )
    return first + b"".join(
        struct.pack(layout, 0, kind, flags, 0, 0, length, 0, 0, 0, 0)
        for kind, flags, length in sections
    )


@pytest.mark.parametrize("wide", [False, True])
def test_what_is_stored_of_an_object(wide: bool) -> None:
    code, tables, variables, symbols = (1, 6, 1000), (1, 2, 200), (8, 3, 4096), (2, 0, 99)
    assert stored(elf(wide, code, tables, variables, symbols, (1, 3, 16))) == 1216


@dataclass(frozen=True)
class Tried:
    """A candidate's findings: divergence and regret of every step, of some other steps; bytes of
    its object.
    """

    size: int
    kl: float = 1e-6
    regret: float = 0.0
    episodes: int = 59
    spoilt: int = 0
    loss: float = 0.01
    own: float = 0.0

    def write(self, folder: Path) -> list[str]:
        """The files of the candidate, in the order of the tool."""
        for kind, episodes, steps in (("probe", 8, 32), ("trial", self.episodes, STEPS)):
            regret = np.full(episodes * steps, self.regret)
            regret[: self.spoilt * steps if kind == "trial" else 0 : steps] = self.loss
            regret[-1] = max(regret[-1], self.own if kind == "probe" else 0.0)
            facts = {
                "episodes": episodes,
                "kinds": ["rollout"] * episodes,
                "seed": 0,
                "transitions": 9,
                "transitions_used": 9,
            }
            save(
                FidelityResult(regret, np.full(len(regret), self.kl), regret == 0.0),
                facts,
                folder / "findings" / kind,
            )
        (folder / "findings/identity.json").write_text(
            json.dumps({"bits": folder.name, "golden": "", "golden_steps": 32})
        )
        facts = {
            "array": "B[0]",
            "coded": True,
            "before": 900,
            "after": 300,
            "max_error": (1e-5).hex(),
            "max_column_error": (0.0).hex(),
        }
        (folder / "coding.json").write_text(json.dumps({"arrays": [facts]}))
        return [
            str(folder / name) for name in ("plan", "coding.json", "agent.c", "findings", "agent.o")
        ]


@dataclass(frozen=True)
class Chosen:
    """Results of the tool: exit code, messages, verdict and proof."""

    code: int
    stderr: str
    verdict: dict[str, Any]
    proof: dict[str, Any]


class Choice:
    """A folder with an exact agent of 1000 bytes and candidates."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def files(self, name: str, size: int) -> Path:
        """Plan, code and object of one way to store."""
        (self.folder / name / "plan").mkdir(parents=True)
        (self.folder / name / "plan/tables.bin").write_bytes(bytes(size // 2))
        (self.folder / name / "agent.c").write_text(name)
        (self.folder / name / "agent.o").write_bytes(elf(True, (1, 2, size)))
        return self.folder / name

    def selected(
        self, asked: str, limits: tuple[float, float, str] = (1e-3, 1e-3, "0.95"), **tried: Tried
    ) -> Chosen:
        """Run the tool."""
        home = self.files("exact", 1000)
        (home / "proof.json").write_text(json.dumps(PROOF))
        words = [
            "--exact",
            *(str(home / name) for name in ("plan", "agent.c", "proof.json", "agent.o")),
        ]
        for storage, one in tried.items():
            words += ["--candidate", storage, *one.write(self.files(storage, one.size))]
        out = self.folder / "out"
        (out / "plan").mkdir(parents=True)
        for option in ("plan", "code", "proof", "verdict"):
            words += [f"--{option}", str(out / option)]
        for option, value in zip(("kl", "regret", "agreement"), limits):
            words += [f"--{option}", str(value)]
        code = select_quantization.main(["--name", "scout", "--asked", asked, *words])
        message = "".join(
            line
            for line in self.capsys.readouterr().err.splitlines(True)
            if not line.startswith("refused: ")
        )
        if code:
            assert not (out / "verdict").exists()
            return Chosen(code, message, {}, {})
        verdict, proof = (json.loads((out / name).read_text()) for name in ("verdict", "proof"))
        assert (out / "code").read_text() == verdict["taken"] and (out / "plan/tables.bin").exists()
        return Chosen(code, message, verdict, proof)


@pytest.fixture
def choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Choice:
    return Choice(tmp_path, capsys)


def test_the_smallest_that_passes_is_taken(choice: Choice) -> None:
    built = choice.selected(
        "smallest",
        uint16=Tried(600, episodes=80),
        fp16=Tried(590, kl=2e-3, episodes=80),
        palette=Tried(500, episodes=80, spoilt=1),
    )
    assert built.verdict["taken"] == "uint16" and built.proof["bits"] == "uint16"
    refused = {one["storage"]: one["refused"] for one in built.verdict["candidates"]}
    assert refused["exact"] == refused["uint16"] == []
    assert refused["fp16"] == ["beliefs diverge by up to 0.002 nats, kl allows 0.001"]
    [reason] = refused["palette"]
    assert (
        "1 of 80 independent episodes have an action that loses more than 0.001 nats, up to 0.01"
        in reason
    )
    assert f"{lower_bound(1, 80, 3)} of all are right, agreement asks for 0.95" in reason
    sizes = {
        one["storage"]: (one["bytes"], one["table_bytes"]) for one in built.verdict["candidates"]
    }
    assert sizes["exact"] == (1000, 500) and sizes["uint16"] == (600, 300)


def test_when_none_passes_the_exact_one_is_taken(choice: Choice) -> None:
    bad = Tried(500, kl=1.0)
    built = choice.selected("smallest", uint16=bad, fp16=bad, palette=bad)
    assert built.verdict["taken"] == "exact" and built.proof == PROOF


def test_what_saves_nothing_is_not_taken_even_where_it_was_asked_for(choice: Choice) -> None:
    built = choice.selected("uint16", uint16=Tried(1000, kl=1.0))
    assert built.code == 0 and built.verdict["taken"] == "exact"


def test_the_one_that_was_asked_for_is_refused_with_its_numbers_and_the_line_to_write(
    choice: Choice,
) -> None:
    built = choice.selected("fp16", fp16=Tried(600, kl=0.0123, spoilt=3, own=0.5))
    assert built.code == 1
    assert built.stderr.splitlines() == [
        'agent scout: storage = "fp16" would take 600 bytes instead of 1000, and is beyond its '
        "budget:",
        "  beliefs diverge by up to 0.0123 nats, kl allows 0.001",
        "  1 of 256 actions of the model's own probe set lose more than 0.001 nats (regret), up "
        "to 0.5",
        "  3 of 59 independent episodes have an action that loses more than 0.001 nats, up to "
        "0.5: at 95 % "
        f"{lower_bound(3, 59)} of all are right, agreement asks for 0.95",
        "raise the budget, fidelity = { kl = 0.013, regret = 0.5, agreement = 0.95 }, or leave "
        "`storage` out",
    ]


def test_the_line_to_write_lets_it_pass(
    choice: Choice, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = Choice(tmp_path / "again", capsys).selected(
        "fp16", (0.013, 0.5, "0.95"), fp16=Tried(600, kl=0.0123, spoilt=3, own=0.5)
    )
    assert again.verdict["taken"] == "fp16" and again.proof["kl_limit"] == (0.013).hex()
    assert again.proof["violations"] == 0 and again.proof["steps"] == 256


def test_nan_is_refused_and_no_budget_admits_it(choice: Choice) -> None:
    built = choice.selected("uint16", uint16=Tried(600, kl=float("nan")))
    assert built.code == 1 and "diverge by up to nan" in built.stderr
    assert built.stderr.endswith("no budget admits it: leave `storage` out\n")


def test_an_action_that_nobody_would_choose_is_refused(choice: Choice) -> None:
    assert choice.selected("uint16", uint16=Tried(600, spoilt=1, loss=float("nan"))).code == 1


def test_too_few_episodes_show_nothing(choice: Choice) -> None:
    built = choice.selected("uint16", uint16=Tried(600, episodes=58))
    assert built.code == 1 and "0 of 58 independent episodes" in built.stderr


@pytest.mark.parametrize(
    ("share", "candidates", "enough"),
    [("0.999", 1, 2995), ("0.999", 3, 4093), ("0.95", 1, 59), ("0.95", 3, 80)],
)
def test_so_many_episodes_without_violation_show_a_share(
    share: str, candidates: int, enough: int
) -> None:
    assert is_shown(share, 0, enough, candidates) and not is_shown(share, 0, enough - 1, candidates)


def test_the_page_and_the_document_say_the_same(choice: Choice, tmp_path: Path) -> None:
    choice.selected(
        "smallest", uint16=Tried(600, episodes=80), fp16=Tried(590, kl=2e-3, episodes=80)
    )
    assert (
        report_quantization.main(
            ["--verdict", str(tmp_path / "out/verdict"), "--out", str(tmp_path / "page")]
        )
        == 0
    )
    document = json.loads((tmp_path / "page/storage.json").read_text())["agents"]["scout"]
    lines = (tmp_path / "page/storage.txt").read_text().splitlines()
    assert lines[0] == "scout: uint16   (budget: kl 0.001, regret 0.001, agreement 0.95)"
    rows = {line.split()[0]: line.split() for line in lines[2:5]}
    assert rows["uint16"] == [
        "uint16",
        "600",
        "300",
        "1.0e-05",
        "1.0e-06",
        "0.0e+00",
        "0",
        "of",
        "80",
        document["candidates"][1]["lower_bound_episodes"],
        "taken",
    ]
    assert rows["exact"][1] == "1" and rows["fp16"][-1] == "refused"
    assert "  fp16: beliefs diverge by up to 0.002 nats, kl allows 0.001" in lines
    assert "  uint16 of B[0]: 900 -> 300 bytes, off by up to 1.0e-05, a column by 0.0e+00" in lines
