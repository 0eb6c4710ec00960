"""A file that analysis reads and that is also the input of an action: an edit of it counts as both.

A build without any state says what the outputs must be.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.workspace import Space, space

RULES = '''
from dataclasses import dataclass
from buildgraph import Artifact, Content, Ctx, In, Out, Program, Provider, rule

@dataclass(frozen=True)
class Line(Provider):
    text: Artifact

@rule
def line(ctx: Ctx, text: str) -> Line:
    """A file of one line, and the BUILD file of the folder p as analysis sees it."""
    with open("p/BUILD.toml", "rb") as file:
        data = file.read()
    content = Content("line", text.encode() + b" 1\\n" + data)
    (made,) = ctx.run([Program("cp"), In(content, "line"), Out("o")])
    return Line(made)
'''
HEAD = '[workspace]\nname = "w"\n'
ROOT = """
[sources]
rule = "files"
srcs = ["*.toml", "*.py", "p/*"]

[copy]
rule = "command"
inputs = { f = "p/BUILD.toml" }
outputs = { o = "o" }
argv = ["cp", "{f}", "{o}"]
env = { SALT = "0" }

[other]
rule = "command"
inputs = { f = "p/f.txt" }
outputs = { o = "o" }
argv = ["cp", "{f}", "{o}"]
"""
LINE = '[line]\nrule = "line"\ntext = "one"\n'
INNER = """
[inner]
rule = "command"
outputs = { o = "o" }
argv = ["sh", "-c", "echo one > $0", "{o}"]
# one
"""
EDITS = [
    ("p/BUILD.toml", "echo one", "echo two"),
    ("p/BUILD.toml", "# one", "# two"),
    ("p/BUILD.toml", "# two", "[more]\nrule = 'files'\nsrcs = ['f.txt']"),
    ("BUILD.toml", '"0"', '"1"'),
    ("BUILD.toml", '"p/f.txt"', '"p/BUILD.toml"'),
]


def _space(folder: Path, *, rules: bool) -> Space:
    """A workspace of two BUILD files, built twice; actions read both."""
    own = 'rules = ["rules.py"]\n' + LINE
    of = space(folder, HEAD + own * rules + ROOT)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    of.write("p/BUILD.toml", INNER)
    of.write("p/f.txt", "f\n")
    of.write("rules.py", RULES)
    for _ in range(2):
        of.run("build", "//...")
        time.sleep(0.15)  # as long as it takes to type the command
    return of


def _outputs(of: Space) -> dict[str, bytes]:
    """The contents of all outputs, in folders too."""
    out = of.root / "out"
    return {
        os.path.relpath(path, out): Path(path).read_bytes()
        for folder, _, names in os.walk(out, followlinks=True)
        for path in (os.path.join(folder, name) for name in names)
    }


def _check_edits(of: Space, edits: Sequence[tuple[str, str, str]]) -> None:
    """Edit and build, one after the other: the outputs are those of a build without any state."""
    for number, (path, old, new) in enumerate(edits):
        text = (of.root / path).read_text()
        assert old in text
        of.write(path, text.replace(old, new))
        time.sleep(0.15)
        of.run("build", "//...")
        folder = of.root.with_name(str(number))
        clean = Space(folder / "w", folder / "cache")
        shutil.copytree(of.root, clean.root, ignore=shutil.ignore_patterns("out", ".buildgraph"))
        clean.env.update(of.env)
        clean.run("build", "//...")
        assert _outputs(of) == _outputs(clean), (path, new)


def test_an_edited_build_file_is_analysed_again(tmp_path: Path) -> None:
    _check_edits(_space(tmp_path, rules=False), EDITS)


def test_edited_rules_and_their_values_are_analysed_again(tmp_path: Path) -> None:
    """Rules of the workspace read a BUILD file that actions read, too."""
    of = _space(tmp_path, rules=True)
    _check_edits(of, [("rules.py", 'b" 1', 'b" 2'), ("BUILD.toml", '"one"', '"two"'), *EDITS[:2]])
