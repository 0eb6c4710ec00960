"""The golden set of user errors: each one breaks a valid workspace in one way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.unit.analysis.test_analysis import EVERY, FIVE, SYNTAX

ROOT = """[workspace]
name = "w"
rules = ["mine.py"]

[t]
rule = "command"
argv = ["cp", "{s}", "{o}"]
inputs = { s = "a.txt" }
outputs = { o = "x" }

[mine]
rule = "mine"
text = "in"
"""
PACKAGE = """[u]
rule = "command"
argv = ["cp", "{s}", "{o}"]
inputs = { s = "//:t" }
outputs = { o = "x" }

[all]
rule = "files"
srcs = ["d/*.txt"]
"""
RULES = '''from buildgraph import Ctx, Out, Provider, Artifact, rule
from dataclasses import dataclass

@dataclass(frozen=True)
class Mine(Provider):
    o: Artifact

@rule
def mine(ctx: Ctx, text: str) -> Mine:
    """One file."""
    (o,) = ctx.run(["sh", "-c", "echo hello > out/o", Out("o")], programs=("sh",))
    return Mine(o)
'''
GOOD = {
    "BUILD.toml": ROOT,
    "a.txt": "a\n",
    "mine.py": RULES,
    "p/BUILD.toml": PACKAGE,
    "p/d/one.txt": "1\n",
}


def _append(name: str, text: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / name).write_text((root / name).read_text() + text)

    return change


def _replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        assert old in GOOD[name]
        (root / name).write_text(GOOD[name].replace(old, new))

    return change


def _instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / name).unlink()
        make(root / name)

    return change


def _nothing(path: Path) -> None:
    """Put nothing in its place."""


# Name -> (what makes it, a word of its message, the place that is named).
ERRORS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "five": (_append("BUILD.toml", FIVE), "exprt", "BUILD.toml:"),
    "every": (_append("BUILD.toml", EVERY), "no rule", "BUILD.toml:"),
    "syntax": (_append("BUILD.toml", SYNTAX), "", "BUILD.toml:"),
    "source deleted": (_instead("a.txt", _nothing), "no file 'a.txt'", "BUILD.toml:8:17"),
    "source is a folder": (_instead("a.txt", Path.mkdir), "a.txt", "BUILD.toml:8:17"),
    "source is a pipe": (
        _instead("a.txt", os.mkfifo),
        "'a.txt' is not a file or a folder",
        "BUILD.toml:8:17",
    ),
    "source is a link to nothing": (
        _instead("a.txt", lambda path: path.symlink_to("nowhere")),
        "link",
        "BUILD.toml:8:17",
    ),
    "source is a link to itself": (
        _instead("a.txt", lambda path: path.symlink_to("a.txt")),
        "link",
        "BUILD.toml:8:17",
    ),
    "source is a link out": (
        _instead("a.txt", lambda path: path.symlink_to("/etc/hostname")),
        "out of the workspace",
        "BUILD.toml:8:17",
    ),
    "glob finds nothing": (
        _replace("p/BUILD.toml", "d/*.txt", "d/*.md"),
        "no file matches 'd/*.md'",
        "p/BUILD.toml:9:10",
    ),
    "glob finds a pipe": (
        lambda root: os.mkfifo(root / "p/d/two.txt"),
        "not a file or a folder",
        "p/BUILD.toml:9:10",
    ),
    "label misspelt": (
        _replace("p/BUILD.toml", "//:t", "//:tt"),
        "no target //:tt",
        "p/BUILD.toml:4:17",
    ),
    "no label": (_replace("p/BUILD.toml", "//:t", "//a b"), "is not a label", "p/BUILD.toml:4:17"),
    "rule misspelt": (
        _replace("p/BUILD.toml", '"command"', '"comand"'),
        "no rule 'comand'",
        "p/BUILD.toml:2:9",
    ),
    "key misspelt": (
        _replace("p/BUILD.toml", "argv", "arg"),
        "unknown key 'arg'",
        "p/BUILD.toml:3:1",
    ),
    "key missing": (
        _replace("p/BUILD.toml", 'srcs = ["d/*.txt"]\n', ""),
        "the key 'srcs' is missing",
        "p/BUILD.toml:7:1",
    ),
    "value of another type": (
        _replace("p/BUILD.toml", '["d/*.txt"]', "3"),
        "srcs",
        "p/BUILD.toml:9:8",
    ),
    "needs itself": (
        _replace("BUILD.toml", 'text = "in"', 'text = "in"\n[c]\nrule = "group"\ntargets = [":c"]'),
        "depend on each other",
        "BUILD.toml:16",
    ),
    "circle": (
        _replace("BUILD.toml", '"a.txt"', '"//p:u"'),
        "depend on each other",
        "BUILD.toml:8:17",
    ),
    "made twice": (
        _append("BUILD.toml", '[p.u]\nrule = "group"\ntargets = []\n'),
        "declared twice",
        "p/BUILD.toml:1:1",
    ),
    "unclosed": (_append("p/BUILD.toml", "[v\n"), "", "p/BUILD.toml:10"),
    "no UTF-8": (
        _instead("p/BUILD.toml", lambda path: path.write_bytes(b'[u]\nrule = "\xff"\n')),
        "",
        "p/BUILD.toml",
    ),
    "BUILD.toml is a folder": (_instead("p/BUILD.toml", Path.mkdir), "folder", "p/BUILD.toml"),
    "BUILD.toml is a pipe": (_instead("p/BUILD.toml", os.mkfifo), "p/BUILD.toml", "p/BUILD.toml"),
    "BUILD.toml is a link to nothing": (
        _instead("p/BUILD.toml", lambda path: path.symlink_to("no")),
        "link",
        "p/BUILD.toml",
    ),
    "workspace misspelt": (
        _replace("BUILD.toml", "name =", "nam ="),
        "unknown key 'nam'",
        "BUILD.toml:2:1",
    ),
    "rules missing": (_instead("mine.py", _nothing), "no file 'mine.py'", "BUILD.toml:3:11"),
    "rules are a folder": (
        _instead("mine.py", Path.mkdir),
        "'mine.py' is a folder",
        "BUILD.toml:3:11",
    ),
    "rules are a pipe": (_instead("mine.py", os.mkfifo), "mine.py", "BUILD.toml:3:11"),
    "rules are no Python": (_append("mine.py", "def f(:\n"), "not valid Python", "mine.py:13"),
    "rules fail": (_append("mine.py", "1 / 0\n"), "ZeroDivisionError", "mine.py:13"),
    "rules exit": (_append("mine.py", "raise SystemExit(0)\n"), "SystemExit", "mine.py:13"),
    "rules chain faults": (
        _append("mine.py", "try:\n    1 / 0\nexcept Exception as e:\n    raise e from e\n"),
        "ZeroDivisionError",
        "mine.py:14",
    ),
    "a rule fails": (
        _replace("mine.py", "    (o,)", "    raise ValueError('oh')\n    (o,)"),
        "oh",
        "mine.py:11",
    ),
    "a rule exits": (
        _replace("mine.py", "    (o,)", "    raise SystemExit(5)\n    (o,)"),
        "SystemExit",
        "mine.py:11",
    ),
    "a rule gives nothing": (
        _replace("mine.py", "return Mine(o)", "return None"),
        "not a Provider",
        "mine.py",
    ),
}
# Analysis only names the source: the error is reported when the source is read.
REPORTED_ON_READ = {"source is a folder"}
