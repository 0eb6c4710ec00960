"""A history of 30 commits, each built by a job whose cache has the results of the commits before.

The job checks a commit out in a git worktree without anything but the cache. `affected` names the
targets that the commit changed, and `build --since` runs only what they need.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ci_worktree import Worktree
from tests.support.git_space import GitSpace
from tests.support.workspace import space

_AGENT = """
[workspace]
name = "w"

[models.heater]
rule = "model"
source = "models/heater.npz"

[coalitions.rooms]
rule = "coalition"
agents = { heater = "//models:heater" }

[hardware.x86]
rule = "hardware"
profile = "x86-64-generic"

[exports.x86]
rule = "export"
coalition = "//coalitions:rooms"
hardware = "//hardware:x86"
"""
_DOCS = """
[page]
rule = "command"
inputs = { text = "page.md" }
outputs = { html = "page.html" }
argv = ["sh", "-c", "sed 's/#.*//' $0 > $1", "{text}", "{html}"]

[site]
rule = "command"
inputs = { page = ":page" }
outputs = { o = "site.txt" }
argv = ["sh", "-c", "cat $0 > $1", "{page}", "{o}"]
"""
_INDEX = """
[index]
rule = "command"
inputs = { text = "index.md" }
outputs = { o = "index.txt" }
argv = ["cp", "{text}", "{o}"]
"""
_DATA = """
[csv]
rule = "files"
srcs = ["*.csv"]

[table]
rule = "command"
inputs = { rows = ":csv" }
outputs = { o = "table.txt" }
argv = ["sh", "-c", "cat $0/*.csv > $1", "{rows}", "{o}"]
"""
_TOOLS = """
[made]
rule = "command"
inputs = { tool = "tool.sh", link = "link.txt" }
outputs = { o = "made.txt" }
argv = ["sh", "{tool}", "{link}", "{o}"]
"""


class _Project(GitSpace):
    """The repository of the developers."""

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        self.space.write(path, text)

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file, which must have it."""
        text = (self.top / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    def revert(self, back: int = 1) -> None:
        """Undo a commit, in the work tree."""
        self.git("revert", "--no-commit", f"HEAD~{back - 1}")

    def merge(self, main: Callable[[], None], side: Callable[[], None]) -> None:
        """Commit a change on a branch and another on main, and merge the branch without commit."""
        self.git("checkout", "-q", "-b", "side")
        side()
        self.commit()
        self.git("checkout", "-q", "main")
        main()
        self.commit()
        self.git("merge", "-q", "--no-commit", "side")
        self.git("branch", "-q", "-D", "side")


def _project(folder: Path) -> _Project:
    project = _Project(space(folder, _AGENT))
    shutil.copytree(Path(__file__).parents[2] / "examples/npz/models", project.top / "models")
    for path, text in {
        ".gitignore": "out/\n.buildgraph/\n",
        "docs/BUILD.toml": _DOCS,
        "docs/page.md": "one # a\n",
        "data/BUILD.toml": _DATA,
        "data/a.csv": "1\n",
    }.items():
        project.write(path, text)
    project.commit()
    return project


@dataclass(frozen=True)
class _Step:
    """A commit: what it changes, which labels it affects, and the labels of the actions that run.

    A sign before a label tells its change: `+` new, `-` gone, `~` renamed, none: changed.
    """

    name: str
    change: Callable[[], object]
    affected: str = ""
    ran: str = ""


_SIGNS = {"+": "new", "-": "gone", "~": "renamed"}
_DOCS_LABELS = "//docs:page //docs:site"
_DATA_LABELS = "//data:csv //data:table"
_AGENT_LABELS = "//coalitions:rooms //exports:x86 //models:heater"


def _all(*changes: Callable[[], object]) -> Callable[[], object]:
    return lambda: [change() for change in changes]


def _steps_of_sources(p: _Project) -> Iterator[_Step]:
    docs, data = _DOCS_LABELS, _DATA_LABELS
    yield _Step("a text", lambda: p.write("docs/page.md", "two # a\n"), docs, docs)
    yield _Step("a comment", lambda: p.write("docs/page.md", "two # b\n"), docs, "//docs:page")
    yield _Step("layout", lambda: p.write("docs/BUILD.toml", f"# a comment\n{_DOCS}"))
    yield _Step("an unread file", lambda: p.write("docs/notes.md", "notes\n"))
    yield _Step("a file for a glob", lambda: p.write("data/b.csv", "2\n"), data, data)
    yield _Step("its new name", lambda: p.git("mv", "data/b.csv", "data/c.csv"), data, data)
    yield _Step("its end", lambda: p.git("rm", "-q", "data/c.csv"), data)
    yield _Step(
        "a case-only rename",
        _all(
            lambda: p.git("mv", "docs/page.md", "docs/Page.md"),
            lambda: p.replace("docs/BUILD.toml", '"page.md"', '"Page.md"'),
        ),
        docs,
        "//docs:page",
    )
    yield _Step("revert of the rename", p.revert, docs)


def _steps_of_targets(p: _Project) -> Iterator[_Step]:
    docs = _DOCS_LABELS
    yield _Step(
        "a new target",
        _all(
            lambda: p.write("docs/BUILD.toml", _DOCS + _INDEX),
            lambda: p.write("docs/index.md", "index\n"),
        ),
        "+//docs:index",
        "//docs:index",
    )
    yield _Step(
        "a renamed target",
        lambda: p.replace("docs/BUILD.toml", "[index]", "[toc]"),
        "-//docs:index ~//docs:toc",
    )
    yield _Step(
        "a value",
        lambda: p.replace("docs/BUILD.toml", "cat $0 >", "cat -n $0 >"),
        "//docs:site",
        "//docs:site",
    )
    yield _Step(
        "a deleted target, and the old value",
        _all(
            lambda: p.write("docs/BUILD.toml", _DOCS),
            lambda: p.git("rm", "-q", "docs/index.md"),
        ),
        "//docs:site -//docs:toc",
    )
    yield _Step(
        "a merge",
        lambda: p.merge(
            lambda: p.write("data/a.csv", "3\n"), lambda: p.write("docs/page.md", "three\n")
        ),
        docs,
        docs,
    )
    yield _Step("a mode", lambda: (p.top / "data/a.csv").chmod(0o755), _DATA_LABELS, _DATA_LABELS)
    # The commit before the merge, with this file and the old mode, was never built.
    yield _Step("revert of the mode", p.revert, _DATA_LABELS, _DATA_LABELS)
    yield _Step(
        "a moved package",
        lambda: p.git("mv", "docs", "pages"),
        "-//docs:page -//docs:site ~//pages:page ~//pages:site",
        "//pages:page",
    )
    yield _Step(
        "revert of the move",
        p.revert,
        "~//docs:page ~//docs:site -//pages:page -//pages:site",
    )


def _steps_of_boards(p: _Project) -> Iterator[_Step]:
    yield _Step(
        "a fact of the board that no action reads",
        lambda: p.replace("BUILD.toml", 'generic"', 'generic"\ncores = 2'),
        "//hardware:x86",
    )
    board = "//exports:x86 //hardware:x86"
    yield _Step(
        "another board",
        lambda: p.replace("BUILD.toml", "x86-64-generic", "x86-64-v2"),
        board,
        "//exports:x86",
    )
    yield _Step("revert of the board", p.revert, board)
    model = "models/heater.json"
    yield _Step(
        "layout of the agent's description",
        lambda: p.write(model, json.dumps(json.loads((p.top / model).read_text()))),
        _AGENT_LABELS,
        "//models:heater",
    )
    yield _Step("revert of the layout", p.revert, _AGENT_LABELS)


def _steps_of_links(p: _Project) -> Iterator[_Step]:
    link, generated = p.top / "tools/link.txt", "//tools:made"
    yield _Step(
        "a new package with a tool and a link",
        _all(
            lambda: p.write("tools/BUILD.toml", _TOOLS),
            lambda: p.write("tools/tool.sh", "cat $1 > $2\n"),
            lambda: link.symlink_to("../docs/page.md"),
        ),
        f"+{generated}",
        generated,
    )
    yield _Step(
        "the tool", lambda: p.write("tools/tool.sh", "cat $1 $1 > $2\n"), generated, generated
    )
    both = f"{_DOCS_LABELS} {generated}"
    yield _Step("the link's target", lambda: p.write("docs/page.md", "four\n"), both, both)
    yield _Step(
        "a link to another file",
        _all(link.unlink, lambda: link.symlink_to("../data/a.csv")),
        generated,
        generated,
    )
    yield _Step(
        "a deleted package",
        lambda: p.git("rm", "-q", "data/BUILD.toml"),
        "-//data:csv -//data:table",
    )
    yield _Step("revert of the deletion", p.revert, "+//data:csv +//data:table")
    yield _Step("revert of two commits", _all(lambda: p.revert(4), lambda: p.revert(3)), both)


@pytest.mark.slow
def test_each_job_of_a_history_runs_what_its_commit_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = _project(tmp_path)
    monkeypatch.setitem(os.environ, "BUILDGRAPH_CACHE", str(project.space.cache))
    monkeypatch.setitem(os.environ, "BUILDGRAPH_SANDBOX", "none")
    worktree = Worktree(project, tmp_path / "ci", lambda: capsys.readouterr().out)
    monkeypatch.chdir(worktree.folder)
    worktree.verb("build", "--json", "//...")
    commits = 0
    for steps in (_steps_of_sources, _steps_of_targets, _steps_of_boards, _steps_of_links):
        for step in steps(project):
            step.change()
            project.commit()
            job = worktree.run("HEAD~1")
            changes = {
                word.lstrip("+-~"): _SIGNS.get(word[0], "changed") for word in step.affected.split()
            }
            assert job.affected == changes, step.name
            assert job.ran == set(step.ran.split()), step.name
            assert job.certain <= job.ran <= job.predicted, step.name
            commits += 1
    assert commits == 30
