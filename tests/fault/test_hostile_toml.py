"""BUILD.toml is data: whatever stands in it, the answer is a fault with a place, soon, and never a traceback."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.build import from_source
from tests.fault.hostile import GOOD, TABLE, chained, command, faults_of, refusal, strewn, texts
from tests.support.fault_counts import Tally
from tests.support.workspace import Space

pytestmark = [pytest.mark.fault, pytest.mark.filterwarnings("error")]
CORPUS = list(texts())


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case[0])
def test_it_is_refused(
    tmp_path: Path, case: tuple[str, bytes], tally: Callable[[str, int], Tally]
) -> None:
    """With faults that say where; the word [workspace] in front makes it one."""
    count = tally("BUILD.toml", 1)
    root = strewn(tmp_path)
    (tmp_path / "BUILD.toml").write_bytes(
        case[1] if b"[workspace]" in case[1] else b"[workspace]\n" + case[1]
    )
    found = refusal(root)
    assert found is not None
    assert all(
        fault.what and fault.at and fault.at.path == "BUILD.toml" and fault.at.line
        for fault in faults_of(found)
    ), found
    count.survived()


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def a_giant(path: Path) -> None:
    path.touch()
    os.truncate(path, 10 << 30)


PLACES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "loop": lambda path: path.symlink_to(path.name),
    "socket": a_socket,
    "dangling": lambda path: path.symlink_to("nowhere"),
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "memory": lambda path: path.symlink_to("/proc/self/mem"),
    "outside": lambda path: path.symlink_to("/etc/hostname"),
    "sparse": a_giant,
}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", ["BUILD.toml", "sub/BUILD.toml"])
def test_what_is_no_text(
    tmp_path: Path,
    name: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    tally: Callable[[str, int], Tally],
) -> None:
    """Something else of that name is refused by its path; nothing waits for it or reads it to its end."""
    count, of = tally("BUILD.toml", 1), Space(tmp_path, tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    if name != "BUILD.toml":
        of.write("BUILD.toml", TABLE)
        (tmp_path / "sub").mkdir()
    PLACES[kind](tmp_path / name)
    found = refusal(str(tmp_path))
    assert found is not None and [fault.at and fault.at.path for fault in faults_of(found)] == [
        name
    ], found
    done = of.run("build", "//...", code=None)
    assert done.code == (30 if (name, kind) == ("BUILD.toml", "memory") else 2), (
        done.err
    )  # which cannot be read
    told = any(
        word in done.err
        for word in (f"{tmp_path / name} is ", f"cannot read {tmp_path / name}: ", "no workspace")
    )
    assert told if name == "BUILD.toml" else f"--> {name}" in done.err, done.err
    count.survived()


RULES = {
    "no Python": "def (",
    "division": "1 / 0",
    "exit": "import sys\nsys.exit(0)",
    "recursion": "def f(): f()\nf()",
    "brackets": "(" * 500,
    "signs": "x = " + "-" * 100_000 + "1",
    "nul": "\0",
    "no rule": "x = 1",
    "import": "import nowhere_at_all",
    "a known rule": "{head}def command(ctx: Ctx) -> Group:\n    return Group()\n",
    "no type": "{head}def own(ctx: Ctx):\n    return Group()\n",
    "a strange type": "{head}def own(ctx: Ctx, x: set) -> Group: ...\n",
    "gives nothing": "{head}def own(ctx: Ctx) -> Group:\n    return None\n",
    "raises": "{head}def own(ctx: Ctx) -> Group:\n    1 / 0\n",
    "leaves": "{head}def own(ctx: Ctx) -> Group:\n    raise SystemExit(0)\n",
    "calls itself": "{head}def own(ctx: Ctx) -> Group:\n    return own(ctx)\n",
}
HEAD = "from buildgraph import Ctx, rule\nfrom buildgraph.rules.group import Group\n@rule\n"


@pytest.mark.filterwarnings(
    "default"
)  # of the compiler, which shows them to whoever wrote the file
@pytest.mark.parametrize("kind", RULES)
def test_rules_that_are_none(tmp_path: Path, kind: str, tally: Callable[[str, int], Tally]) -> None:
    """Rules are programs and may do anything; what goes wrong in them is told as theirs."""
    count = tally("BUILD.toml", 1)
    (tmp_path / "own.py").write_text(RULES[kind].replace("{head}", HEAD))
    (tmp_path / "BUILD.toml").write_text(GOOD + 'rules = ["own.py"]\n[x]\nrule = "own"\n')
    found = refusal(str(tmp_path))
    assert found is not None
    assert all(
        fault.at and fault.at.path in ("own.py", "BUILD.toml") for fault in faults_of(found)
    ), found
    count.survived()


def test_the_good_one_is_taken(tmp_path: Path) -> None:
    """Or the refusals would mean nothing."""
    (tmp_path / "BUILD.toml").write_text(command())
    assert refusal(strewn(tmp_path)) is None
    assert len(CORPUS) >= 150


def test_a_long_chain_is_taken(tmp_path: Path) -> None:
    """Nothing recurses along the graph."""
    (tmp_path / "BUILD.toml").write_text(chained(3000))
    assert len(from_source.analyze_request(str(tmp_path), ("//...",)).labels) == 3000
