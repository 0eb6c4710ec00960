"""A history of 30 commits, each built by a job whose cache has the results of the commits before.

The job checks a commit out in a git worktree without anything but the cache. `affected` names the
targets that the commit changed, and `build --since` runs only what they need. Pull requests write
to the cache of main as well, and main runs what they ran. Three commits are released, and each
release is rebuilt in a clone with an empty cache.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from buildgraph.cli.dispatch import dispatch
from buildgraph.signing.key_files import create_key
from tests.support.ci_project import DOCS, INDEX, TOOLS, Project, create_project
from tests.support.ci_worktree import Worktree, encode_line
from tests.support.release_workspace import GIT


@dataclass(frozen=True)
class _Step:
    """A commit: what it changes, which labels it affects, and the labels of the actions that run.

    A sign before a label is its change: `+` new, `-` gone, `~` renamed, none: changed.
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


def _steps_of_sources(p: Project) -> Iterator[_Step]:
    docs, data = _DOCS_LABELS, _DATA_LABELS
    yield _Step("a text", lambda: p.write("docs/page.md", "two # a\n"), docs, docs)
    yield _Step("a comment", lambda: p.write("docs/page.md", "two # b\n"), docs, "//docs:page")
    yield _Step("layout", lambda: p.write("docs/BUILD.toml", f"# a comment\n{DOCS}"))
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


def _steps_of_targets(p: Project) -> Iterator[_Step]:
    docs = _DOCS_LABELS
    yield _Step(
        "a new target",
        _all(
            lambda: p.write("docs/BUILD.toml", DOCS + INDEX),
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
            lambda: p.write("docs/BUILD.toml", DOCS),
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


def _steps_of_boards(p: Project) -> Iterator[_Step]:
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


def _steps_of_links(p: Project) -> Iterator[_Step]:
    link, generated = p.top / "tools/link.txt", "//tools:made"
    yield _Step(
        "a new package with a tool and a link",
        _all(
            lambda: p.write("tools/BUILD.toml", TOOLS),
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


# Tags of releases, by the step after which they are made.
_RELEASES = {
    "revert of the rename": ("v1", "//docs:site", "//data:table"),
    "revert of the board": ("v2", "//exports:x86"),
    "revert of two commits": ("v3", "//docs:site", "//tools:made"),
}
_ATTACKED = {"a text", "a merge", "another board", "the tool"}


@pytest.mark.slow
def test_each_job_of_a_history_runs_what_its_commit_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main, attacker = (create_key(str(tmp_path / name)) for name in ("main", "attacker"))
    project = create_project(tmp_path, encode_line(main))
    for name, value in GIT.items() | {
        ("BUILDGRAPH_CACHE", str(project.space.cache)),
        ("BUILDGRAPH_SANDBOX", "none"),
        ("BUILDGRAPH_SIGNING_KEY", str(tmp_path / "main")),
    }:
        monkeypatch.setenv(name, value)
    worktree = Worktree(project, tmp_path / "ci", lambda: capsys.readouterr().out)
    monkeypatch.chdir(worktree.folder)
    worktree.verb("build", "--json", "//...")
    commits = 0
    for steps in (_steps_of_sources, _steps_of_targets, _steps_of_boards, _steps_of_links):
        for step in steps(project):
            step.change()
            project.commit()
            if step.name in _ATTACKED:
                # The pull request adds its key to the table, and writes to the cache of main.
                monkeypatch.setenv("BUILDGRAPH_SIGNING_KEY", str(tmp_path / "attacker"))
                worktree.build_trusting(encode_line(main), encode_line(attacker))
                monkeypatch.setenv("BUILDGRAPH_SIGNING_KEY", str(tmp_path / "main"))
            job = worktree.run("HEAD~1")
            changes = {
                word.lstrip("+-~"): _SIGNS.get(word[0], "changed") for word in step.affected.split()
            }
            assert job.affected == changes, step.name
            assert job.ran == set(step.ran.split()), step.name
            assert job.certain <= job.ran <= job.predicted, step.name
            commits += 1
            if step.name in _RELEASES:
                tag, *labels = _RELEASES[step.name]
                options = ("--once", "--unsigned", "--sandbox", "none")
                worktree.verb("release", "--json", *labels, "--tag", tag, *options)
    assert commits == 30
    _verify_each_tag(project, tmp_path, monkeypatch)


def _verify_each_tag(project: Project, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Rebuild each release in a clone, with an empty cache."""
    project.git("clone", "-q", str(project.top), str(folder / "clone"))
    patch.chdir(folder / "clone")
    patch.setenv("BUILDGRAPH_CACHE", str(folder / "cold"))
    for tag, *_ in _RELEASES.values():
        assert dispatch(["verify", tag]) == 0, tag
