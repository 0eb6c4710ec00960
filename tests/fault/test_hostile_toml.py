"""BUILD.toml is data: any content gives errors with places, quickly, and never a traceback."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.build import from_source
from tests.fault.hostile import (
    GOOD,
    TABLE,
    chained,
    command,
    errors_of,
    odd_files,
    refusal,
    texts,
)
from tests.support.fault_counts import Tally
from tests.support.workspace import Space

pytestmark = [pytest.mark.fault, pytest.mark.filterwarnings("error")]
CORPUS = list(texts())


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case[0])
def test_it_is_refused(
    tmp_path: Path, case: tuple[str, bytes], tally: Callable[[str, int], Tally]
) -> None:
    """All errors have a place in BUILD.toml."""
    count = tally("BUILD.toml", 1)
    root = odd_files(tmp_path)
    (tmp_path / "BUILD.toml").write_bytes(
        case[1] if b"[workspace]" in case[1] else b"[workspace]\n" + case[1]
    )
    error = refusal(root)
    assert error is not None
    assert all(
        entry.what and entry.at and entry.at.path == "BUILD.toml" and entry.at.line
        for entry in errors_of(error)
    ), error
    count.survived()


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


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
def test_files_that_are_no_text(
    tmp_path: Path,
    name: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    tally: Callable[[str, int], Tally],
) -> None:
    """A file of another kind is refused by its path; nothing waits for it or reads all of it."""
    count, workspace = tally("BUILD.toml", 1), Space(tmp_path, tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    if name != "BUILD.toml":
        workspace.write("BUILD.toml", TABLE)
        (tmp_path / "sub").mkdir()
    PLACES[kind](tmp_path / name)
    error = refusal(str(tmp_path))
    assert error is not None and [entry.at and entry.at.path for entry in errors_of(error)] == [
        name
    ], error
    done = workspace.run("build", "//...", code=None)
    assert done.code == (30 if (name, kind) == ("BUILD.toml", "memory") else 2), (
        done.err
    )  # it cannot be read
    names_the_file = any(
        word in done.err
        for word in (f"{tmp_path / name} is ", f"cannot read {tmp_path / name}: ", "no workspace")
    )
    assert names_the_file if name == "BUILD.toml" else f"--> {name}" in done.err, done.err
    count.survived()


RULES = {
    "not Python": "def (",
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


@pytest.mark.filterwarnings("default")  # warnings of the compiler are for the author of the rule
@pytest.mark.parametrize("kind", RULES)
def test_invalid_rules(tmp_path: Path, kind: str, tally: Callable[[str, int], Tally]) -> None:
    """Errors in a file of rules are reported at its lines."""
    count = tally("BUILD.toml", 1)
    (tmp_path / "own.py").write_text(RULES[kind].replace("{head}", HEAD))
    (tmp_path / "BUILD.toml").write_text(GOOD + 'rules = ["own.py"]\n[x]\nrule = "own"\n')
    error = refusal(str(tmp_path))
    assert error is not None
    assert all(
        entry.at and entry.at.path in ("own.py", "BUILD.toml") for entry in errors_of(error)
    ), error
    count.survived()


def test_the_valid_file_is_accepted(tmp_path: Path) -> None:
    """The refusals mean something only if the valid file passes."""
    (tmp_path / "BUILD.toml").write_text(command())
    assert refusal(odd_files(tmp_path)) is None
    assert len(CORPUS) >= 150


def test_a_long_chain_is_accepted(tmp_path: Path) -> None:
    """The walk along the graph is not recursive."""
    (tmp_path / "BUILD.toml").write_text(chained(3000))
    assert len(from_source.analyze_request(str(tmp_path), ("//...",)).labels) == 3000
