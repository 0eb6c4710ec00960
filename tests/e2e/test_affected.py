"""`affected --since REV`: two evaluated graphs, the base out of git's objects."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.requirements import need
from tests.support.workspace import Space, space

_COMMAND = (
    '[{name}]\nrule = "command"\ninputs = {{ a = "{given}" }}\noutputs = {{ o = "o" }}\n'
    'argv = ["cp", "{{a}}", "{{o}}"]\n'
)


def _command(name: str, given: str) -> str:
    return _COMMAND.format(name=name, given=given)


_ROOT = (
    '[workspace]\nname = "w"\n'
    + _command("b", "//a:out")
    + _command("c", "//:b")
    + _command("lone", "lone.txt")
)
_A = _command("out", "data/in.txt")


class Repository:
    """A workspace in a git repository with one commit: //:c -> //:b -> //a:out -> a/data/in.txt, and //:lone."""

    def __init__(self, folder: Path, inner: str = "") -> None:
        need("git")
        self.top = folder / "w"
        self.space: Space = space(folder, _ROOT)
        if inner:
            self.space.root = self.top / inner
            self.space.write("BUILD.toml", _ROOT)
            (self.top / "BUILD.toml").unlink()
        self.space.write("a/BUILD.toml", _A)
        self.space.write("a/data/in.txt", "in\n")
        self.space.write("lone.txt", "lone\n")
        self.git("init", "-q", "-b", "main")
        self.commit()

    def git(self, *words: str) -> str:
        """Run git here."""
        who = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
        env = dict(os.environ) | {
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
        }
        return subprocess.run(
            ["git", "-C", str(self.top), *who, *words],
            check=True,
            capture_output=True,
            text=True,
            env=env,
        ).stdout

    def commit(self) -> None:
        """Commit all that stands here."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")

    def affected(self, *words: str, since: str = "HEAD") -> dict[str, dict[str, Any]]:
        """The affected labels."""
        before = self.git("status", "--porcelain", "--ignored")
        found = json.loads(self.space.run("affected", "--since", since, "--json", *words).out)
        assert self.git("status", "--porcelain", "--ignored") == before, "the work tree was touched"
        assert found["commit"] == self.git("rev-parse", since.partition("...")[0]).strip()
        assert found["labels"] == [
            row["label"] for row in found["affected"] if row["change"] != "gone"
        ]
        return {row["label"]: row for row in found["affected"]}


@pytest.fixture
def made(tmp_path: Path) -> Repository:
    """The repository of this page."""
    return Repository(tmp_path)


def _reasons(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(reason["kind"], reason["what"]) for reason in row["reasons"]]


def test_nothing_is_affected_by_nothing_nor_by_comments_order_and_touches(made: Repository) -> None:
    assert made.affected() == {}
    made.space.write(
        "BUILD.toml",
        "# a comment\n"
        + _ROOT.replace(
            'rule = "command"\ninputs = { a = "lone.txt" }',
            'inputs = {a="lone.txt"} # x\nrule = "command"',
        ),
    )
    made.space.write("notes.md", "x")
    os.utime(made.space.root / "lone.txt", ns=(0, 0))
    assert made.affected() == {}
    assert made.space.run("affected", "--since", "HEAD").out == ""


@pytest.mark.parametrize("inner", ["", "deep/er"])
def test_a_source_affects_all_that_need_it_with_the_way_to_it(tmp_path: Path, inner: str) -> None:
    made = Repository(tmp_path, inner)
    made.space.write("a/data/in.txt", "out\n")
    found = made.affected()
    assert sorted(found) == ["//:b", "//:c", "//a:out"]
    assert _reasons(found["//a:out"]) == [("source", "a/data/in.txt")]
    assert _reasons(found["//:c"]) == [("dep", "//:b")] and found["//:c"]["chain"] == [
        "//:c",
        "//:b",
        "//a:out",
    ]
    assert made.space.run("affected", "--since", "HEAD").out.splitlines() == [
        "//:b     needs //a:out: source a/data/in.txt changed",
        "//:c     needs //:b, which needs //a:out: source a/data/in.txt changed",
        "//a:out  source a/data/in.txt changed",
    ]
    assert list(made.affected("//a/...")) == ["//a:out"]
    assert list(made.affected("//...", "-//a/...")) == ["//:b", "//:c"]


def test_a_value_and_a_mode_are_named(made: Repository) -> None:
    made.space.write(
        "BUILD.toml",
        _ROOT.replace('inputs = { a = "lone.txt" }', 'timeout = "9s"\ninputs = { a = "lone.txt" }'),
    )
    found = made.affected()
    assert {label: _reasons(row) for label, row in found.items()} == {
        "//:lone": [("value", "timeout")]
    }
    made.git("checkout", "-q", "--", ".")
    (made.space.root / "lone.txt").chmod(0o755)
    assert {label: _reasons(row) for label, row in made.affected().items()} == {
        "//:lone": [("source", "lone.txt")]
    }


def test_a_field_that_no_tool_reads_affects_only_its_own_target(made: Repository) -> None:
    (made.space.root / "mine.py").write_text('''
from dataclasses import dataclass
from buildgraph import Artifact, Ctx, Out, Provider, rule

@dataclass(frozen=True)
class Board(Provider):
    cpu: str
    cores: int

@dataclass(frozen=True)
class Made(Provider):
    o: Artifact

@rule
def board(ctx: Ctx, cpu: str, cores: int = 1) -> Board:
    """A board."""
    return Board(cpu, cores)

@rule
def made(ctx: Ctx, on: Board) -> Made:
    """Made for a board."""
    (o,) = ctx.run(["cc", on.cpu, Out("o")])
    return Made(o)
''')
    build = _ROOT.replace('name = "w"', 'name = "w"\nrules = ["mine.py"]')
    build += '[pi]\nrule = "board"\ncpu = "a76"\ncores = 4\n[m]\nrule = "made"\non = ":pi"\n'
    made.space.write("BUILD.toml", build)
    made.commit()
    made.space.write("BUILD.toml", build.replace("cores = 4", "cores = 8"))
    assert {label: _reasons(row) for label, row in made.affected().items()} == {
        "//:pi": [("value", "cores")]
    }
    made.space.write("BUILD.toml", build.replace("a76", "a78"))
    assert sorted(made.affected()) == ["//:m", "//:pi"]
    made.git("checkout", "-q", "--", ".")
    rules = (made.space.root / "mine.py").read_text()
    made.space.write("mine.py", rules.replace('["cc", ', '["gcc", '))
    assert {label: _reasons(row) for label, row in made.affected().items()} == {
        "//:m": [("rule", "mine.py")]
    }
    made.space.write("mine.py", rules + "# a comment\n")
    assert made.affected() == {}


def test_new_gone_and_renamed_labels_are_told(made: Repository) -> None:
    made.space.write("BUILD.toml", _ROOT.replace("[lone]", "[alone]") + _command("fresh", "a.txt"))
    made.space.write("a.txt", "x")
    found = made.affected()
    assert {label: (row["change"], row["before"]) for label, row in found.items()} == {
        "//:alone": ("renamed", "//:lone"),
        "//:fresh": ("new", ""),
        "//:lone": ("gone", "//:alone"),
    }
    assert "//:lone   is gone: now //:alone" in made.space.run("affected", "--since", "HEAD").out


def test_a_package_that_moved_with_its_files_was_renamed(made: Repository) -> None:
    made.git("mv", "a", "z")
    made.space.write("BUILD.toml", _ROOT.replace("//a:", "//z:"))
    found = made.affected()
    assert (found["//z:out"]["change"], found["//z:out"]["before"]) == ("renamed", "//a:out")
    assert _reasons(found["//:b"]) == [("value", "inputs.a"), ("dep", "//z:out")]


def test_a_package_that_is_gone_but_needed_is_an_error_that_names_both(made: Repository) -> None:
    made.git("rm", "-q", "-r", "a")
    ran = made.space.run("affected", "--since", "HEAD", code=2)
    assert (
        "//:b needs //a:out, which is gone since HEAD" in ran.err
        and "it was at a/BUILD.toml:1" in ran.err
    )


def test_a_deleted_source_is_a_fault_and_a_glob_notices(made: Repository) -> None:
    made.space.write("BUILD.toml", _ROOT + '[all]\nrule = "files"\nsrcs = ["a/data/*.txt"]\n')
    made.space.write("a/data/more.txt", "x")
    made.commit()
    (made.space.root / "a/data/more.txt").unlink()
    assert {label: _reasons(row) for label, row in made.affected().items()} == {
        "//:all": [("source", "a/data/more.txt")]
    }
    (made.space.root / "a/data/in.txt").unlink()
    assert "no file 'data/in.txt'" in made.space.run("affected", "--since", "HEAD", code=2).err


def test_a_base_with_faults_affects_everything(made: Repository) -> None:
    made.space.write("a/BUILD.toml", "[out\n")
    made.commit()
    made.space.write("a/BUILD.toml", _A)
    found = made.affected()
    assert sorted(found) == ["//:b", "//:c", "//:lone", "//a:out"]
    assert all("cannot be compared" in row["reasons"][0]["what"] for row in found.values())


def test_line_ends_that_git_converts_are_no_change(made: Repository) -> None:
    made.space.write(".gitattributes", "*.txt text eol=crlf\n")
    made.commit()
    for path in ("lone.txt", "a/data/in.txt"):
        (made.space.root / path).unlink()
    made.git("checkout", "-q", "--", ".")
    assert (made.space.root / "lone.txt").read_bytes() == b"lone\r\n"
    assert made.affected() == {}


def test_a_link_in_the_repository_is_followed_within_it(made: Repository) -> None:
    made.space.write("BUILD.toml", _ROOT + _command("linked", "link.txt"))
    (made.space.root / "link.txt").symlink_to("lone.txt")
    made.commit()
    assert made.affected() == {}
    made.space.write("lone.txt", "other\n")
    assert sorted(made.affected()) == ["//:linked", "//:lone"]


def test_a_tree_that_writes_through_its_own_link_is_refused(
    made: Repository, tmp_path: Path
) -> None:
    def stored(kind: str, data: bytes) -> str:
        words = [
            "git",
            "-C",
            str(made.top),
            "hash-object",
            "-t",
            kind,
            "-w",
            "--stdin",
            "--literally",
        ]
        return (
            subprocess.run(words, input=data, check=True, capture_output=True, text=False)
            .stdout.decode()
            .strip()
        )

    def entry(mode: str, name: str, of: str) -> bytes:
        return f"{mode} {name}\0".encode() + bytes.fromhex(of)

    outside = tmp_path / "outside"
    outside.mkdir()
    build = stored("blob", _ROOT.encode())
    inner = stored("tree", entry("100644", "BUILD.toml", build))
    tree = stored(
        "tree",
        entry("100644", "BUILD.toml", build)
        + entry("120000", "a", stored("blob", str(outside).encode()))
        + entry("40000", "a", inner),
    )
    commit = made.git("commit-tree", tree, "-m", "x").strip()
    assert "two entries 'a'" in made.space.run("affected", "--since", commit, code=3).err
    assert not list(outside.iterdir())


def test_where_the_branch_left_main(made: Repository) -> None:
    made.git("checkout", "-q", "-b", "topic")
    made.space.write("lone.txt", "topic\n")
    made.commit()
    made.git("checkout", "-q", "main")
    base = made.git("rev-parse", "main").strip()
    made.space.write("a/data/in.txt", "main\n")
    made.commit()
    made.git("checkout", "-q", "topic")
    found = json.loads(made.space.run("affected", "--since", "main...", "--json").out)
    assert found["labels"] == ["//:lone"] and found["commit"] == base
    assert sorted(made.affected(since="main")) == ["//:b", "//:c", "//:lone", "//a:out"]


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("nothing", "git knows no revision 'nothing'"),
        ("-x", "expected one argument"),
        ("", "git knows no revision"),
        ("HEAD:a", "git knows no revision"),
    ],
)
def test_an_unknown_revision_is_an_error(made: Repository, since: str, said: str) -> None:
    assert said in made.space.run("affected", "--since", since, code=2).err


def test_a_shallow_clone_is_told_what_to_fetch(made: Repository, tmp_path: Path) -> None:
    made.space.write("lone.txt", "again\n")
    made.commit()
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{made.top}", str(tmp_path / "shallow")],
        check=True,
    )
    made.space.root = tmp_path / "shallow"
    ran = made.space.run("affected", "--since", "HEAD~1", code=2)
    assert "this clone is shallow" in ran.err and "git fetch --unshallow" in ran.err
    assert (
        "git fetch --depth=1 origin topic"
        in made.space.run("affected", "--since", "origin/topic", code=2).err
    )


def test_outside_of_git_and_before_the_workspace(made: Repository, tmp_path: Path) -> None:
    bare = space(tmp_path / "elsewhere", _ROOT)
    assert "no git repository" in bare.run("affected", "--since", "HEAD", code=2).err
    made.git("checkout", "-q", "--orphan", "empty")
    made.git("rm", "-rfq", ".")
    (made.top / "x").write_text("")
    made.commit()
    made.git("checkout", "-q", "main")
    assert (
        "no workspace here at 'empty'" in made.space.run("affected", "--since", "empty", code=2).err
    )
