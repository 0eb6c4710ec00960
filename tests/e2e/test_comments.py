"""A build after an edit of comments in a BUILD.toml: it continues from the snapshot."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

ROOT = """
[workspace] # the first line
name = "w"

[a]
rule = "command"
inputs = { i = "s.txt", build = "p/BUILD.toml" }
outputs = { o = "o" }
argv = ["cp", "{i}", "{o}"]

[all]
rule = "group"
targets = ["//p:b"]
"""
RULES = '''
from __future__ import annotations
from dataclasses import dataclass
from buildgraph import Artifact, Content, Ctx, In, Out, Program, Provider, rule

@dataclass(frozen=True)
class Head(Provider):
    text: Artifact

@rule
def head(ctx: Ctx) -> Head:
    """The first line of the BUILD file of the root."""
    with open("BUILD.toml", "rb") as file:
        line = file.readline()
    (text,) = ctx.run([Program("cp"), In(Content("line", line), "line"), Out("o")])
    return Head(text)
'''
INNER = """
[b]
rule = "command"
outputs = { o = "o" }
argv = ["sh", "-c", "echo '# no comment' > $0", "{o}"]
"""


@pytest.fixture
def built(tmp_path: Path) -> Space:
    """A workspace of two BUILD files, built twice; an action reads one of them."""
    of = space(tmp_path, ROOT)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    of.write("s.txt", "source\n")
    of.write("p/BUILD.toml", INNER)
    of.run("build", "//...")
    time.sleep(0.15)  # as long as it takes to type the command
    of.run("build", "//...")
    return of


def edit(of: Space, path: str, old: str, new: str) -> None:
    """Replace a text in a file, some time after the last build."""
    time.sleep(0.15)
    text = (of.root / path).read_text()
    assert old in text
    of.write(path, text.replace(old, new))


def build(of: Space, *, analyses: bool) -> str:
    """Build, and check whether the build imported pydantic, which only an analysis needs."""
    of.env["PYTHONVERBOSE"] = "1"
    done = of.run("build", "//...")
    del of.env["PYTHONVERBOSE"]
    assert ("import 'pydantic" in done.err) == analyses
    return done.out


def test_comments_need_no_analysis(built: Space) -> None:
    """The same holds for blank lines; the next build, and one in a clone, know the file."""
    edit(built, "BUILD.toml", "# the first line", "# another\n\n   # comment")
    build(built, analyses=False)
    time.sleep(0.15)
    assert "nothing changed" in built.run("build", "//...").out
    shutil.rmtree(built.root / ".buildgraph")
    shutil.rmtree(built.root / "out")
    build(built, analyses=False)
    assert (built.root / "out/a/o").read_text() == "source\n"


def test_a_value_needs_analysis(built: Space) -> None:
    edit(built, "p/BUILD.toml", "# no comment", "# still none")
    build(built, analyses=True)
    assert (built.root / "out/p/b/o").read_text() == "# still none\n"


def test_a_syntax_error_is_reported(built: Space) -> None:
    edit(built, "BUILD.toml", "# the first line", "the first line")
    assert "BUILD.toml:2" in built.run("build", "//...", code=2).err


def test_a_build_file_can_be_an_input(built: Space) -> None:
    """An action that reads the file runs again; nothing else does."""
    edit(built, "p/BUILD.toml", "[b]", "[b] # comment")
    built.write("s.txt", "another\n")
    output = build(built, analyses=False)
    assert "1 ran, 1 hit, 0 failed" in output
    assert (built.root / "out/a/o").read_text() == "another\n"


def test_comments_count_where_rules_may_read_them(tmp_path: Path) -> None:
    """A rule of the workspace can open a BUILD file itself."""
    text = '# one\n[workspace]\nname = "w"\nrules = ["rules.py"]\n[a]\nrule = "head"\n'
    of = space(tmp_path, text)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    of.write("rules.py", RULES)
    for _ in range(2):
        of.run("build", "//...")
        time.sleep(0.15)
    edit(of, "BUILD.toml", "# one", "# two")
    build(of, analyses=True)
    assert (of.root / "out/a/o").read_text() == "# two\n"
