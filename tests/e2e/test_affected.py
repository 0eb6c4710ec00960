"""`affected --since REV` compares the work tree with a revision from git's objects."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.git_space import GitSpace
from tests.support.workspace import space

_COMMAND = (
    '[{name}]\nrule = "command"\ninputs = {{ a = "{source}" }}\noutputs = {{ o = "o" }}\n'
    'argv = ["cp", "{{a}}", "{{o}}"]\n'
)


def _command(name: str, source: str) -> str:
    return _COMMAND.format(name=name, source=source)


_ROOT = (
    '[workspace]\nname = "w"\n'
    + _command("b", "//a:out")
    + _command("c", "//:b")
    + _command("lone", "lone.txt")
)
_A = _command("out", "data/in.txt")


class Repository(GitSpace):
    """A repository with one commit: //:c -> //:b -> //a:out -> a/data/in.txt, and //:lone."""

    def __init__(self, folder: Path, inner: str = "") -> None:
        super().__init__(space(folder, _ROOT), inner)
        self.space.write("BUILD.toml", _ROOT)
        self.space.write("a/BUILD.toml", _A)
        self.space.write("a/data/in.txt", "in\n")
        self.space.write("lone.txt", "lone\n")
        self.commit()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit."""
    return Repository(tmp_path)


def _reasons(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(reason["kind"], reason["what"]) for reason in row["reasons"]]


def test_comments_order_and_time_stamps_affect_nothing(repository: Repository) -> None:
    assert repository.affected() == {}
    repository.space.write(
        "BUILD.toml",
        "# a comment\n"
        + _ROOT.replace(
            'rule = "command"\ninputs = { a = "lone.txt" }',
            'inputs = {a="lone.txt"} # x\nrule = "command"',
        ),
    )
    repository.space.write("notes.md", "x")
    os.utime(repository.space.root / "lone.txt", ns=(0, 0))
    assert repository.affected() == {}
    assert repository.space.run("affected", "--since", "HEAD").out == ""


@pytest.mark.parametrize("inner", ["", "deep/er"])
def test_a_source_affects_its_users_which_have_a_chain(tmp_path: Path, inner: str) -> None:
    repository = Repository(tmp_path, inner)
    repository.space.write("a/data/in.txt", "out\n")
    affected = repository.affected()
    assert sorted(affected) == ["//:b", "//:c", "//a:out"]
    assert _reasons(affected["//a:out"]) == [("source", "a/data/in.txt")]
    assert _reasons(affected["//:c"]) == [("dep", "//:b")] and affected["//:c"]["chain"] == [
        "//:c",
        "//:b",
        "//a:out",
    ]
    assert repository.space.run("affected", "--since", "HEAD").out.splitlines() == [
        "//:b     needs //a:out: source a/data/in.txt changed",
        "//:c     needs //:b, which needs //a:out: source a/data/in.txt changed",
        "//a:out  source a/data/in.txt changed",
    ]
    assert list(repository.affected("//a/...")) == ["//a:out"]
    assert list(repository.affected("//...", "-//a/...")) == ["//:b", "//:c"]


def test_a_value_and_a_mode_are_named(repository: Repository) -> None:
    repository.space.write(
        "BUILD.toml",
        _ROOT.replace('inputs = { a = "lone.txt" }', 'timeout = "9s"\ninputs = { a = "lone.txt" }'),
    )
    affected = repository.affected()
    assert {label: _reasons(row) for label, row in affected.items()} == {
        "//:lone": [("value", "timeout")]
    }
    repository.git("checkout", "-q", "--", ".")
    (repository.space.root / "lone.txt").chmod(0o755)
    assert {label: _reasons(row) for label, row in repository.affected().items()} == {
        "//:lone": [("source", "lone.txt")]
    }


def test_a_field_that_no_tool_reads_affects_only_its_own_target(repository: Repository) -> None:
    (repository.space.root / "mine.py").write_text('''
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
    repository.space.write("BUILD.toml", build)
    repository.commit()
    repository.space.write("BUILD.toml", build.replace("cores = 4", "cores = 8"))
    assert {label: _reasons(row) for label, row in repository.affected().items()} == {
        "//:pi": [("value", "cores")]
    }
    repository.space.write("BUILD.toml", build.replace("a76", "a78"))
    assert sorted(repository.affected()) == ["//:m", "//:pi"]
    repository.git("checkout", "-q", "--", ".")
    rules = (repository.space.root / "mine.py").read_text()
    repository.space.write("mine.py", rules.replace('["cc", ', '["gcc", '))
    assert {label: _reasons(row) for label, row in repository.affected().items()} == {
        "//:m": [("rule", "mine.py")]
    }
    repository.space.write("mine.py", rules + "# a comment\n")
    assert repository.affected() == {}


def test_new_gone_and_renamed_labels(repository: Repository) -> None:
    repository.space.write(
        "BUILD.toml", _ROOT.replace("[lone]", "[alone]") + _command("fresh", "a.txt")
    )
    repository.space.write("a.txt", "x")
    affected = repository.affected()
    assert {label: (row["change"], row["before"]) for label, row in affected.items()} == {
        "//:alone": ("renamed", "//:lone"),
        "//:fresh": ("new", ""),
        "//:lone": ("gone", "//:alone"),
    }
    assert (
        "//:lone   is gone: now //:alone" in repository.space.run("affected", "--since", "HEAD").out
    )


def test_a_package_that_moved_with_its_files_was_renamed(repository: Repository) -> None:
    repository.git("mv", "a", "z")
    repository.space.write("BUILD.toml", _ROOT.replace("//a:", "//z:"))
    affected = repository.affected()
    assert (affected["//z:out"]["change"], affected["//z:out"]["before"]) == ("renamed", "//a:out")
    assert _reasons(affected["//:b"]) == [("value", "inputs.a"), ("dep", "//z:out")]


def test_a_deleted_package_that_is_needed_is_an_error_that_names_both(
    repository: Repository,
) -> None:
    repository.git("rm", "-q", "-r", "a")
    ran = repository.space.run("affected", "--since", "HEAD", code=2)
    assert (
        "//:b needs //a:out, which was deleted since HEAD" in ran.err
        and "it was at a/BUILD.toml:1" in ran.err
    )


def test_a_deleted_source_is_an_error_and_a_glob_notices(repository: Repository) -> None:
    repository.space.write("BUILD.toml", _ROOT + '[all]\nrule = "files"\nsrcs = ["a/data/*.txt"]\n')
    repository.space.write("a/data/more.txt", "x")
    repository.commit()
    (repository.space.root / "a/data/more.txt").unlink()
    assert {label: _reasons(row) for label, row in repository.affected().items()} == {
        "//:all": [("source", "a/data/more.txt")]
    }
    (repository.space.root / "a/data/in.txt").unlink()
    assert (
        "no file 'data/in.txt'" in repository.space.run("affected", "--since", "HEAD", code=2).err
    )


def test_a_base_with_errors_affects_everything(repository: Repository) -> None:
    repository.space.write("a/BUILD.toml", "[out\n")
    repository.commit()
    repository.space.write("a/BUILD.toml", _A)
    affected = repository.affected()
    assert sorted(affected) == ["//:b", "//:c", "//:lone", "//a:out"]
    assert all("cannot be compared" in row["reasons"][0]["what"] for row in affected.values())


def test_line_ends_that_git_converts_are_no_change(repository: Repository) -> None:
    repository.space.write(".gitattributes", "*.txt text eol=crlf\n")
    repository.commit()
    for path in ("lone.txt", "a/data/in.txt"):
        (repository.space.root / path).unlink()
    repository.git("checkout", "-q", "--", ".")
    assert (repository.space.root / "lone.txt").read_bytes() == b"lone\r\n"
    assert repository.affected() == {}


def test_a_link_in_the_repository_is_followed_within_it(repository: Repository) -> None:
    repository.space.write("BUILD.toml", _ROOT + _command("linked", "link.txt"))
    (repository.space.root / "link.txt").symlink_to("lone.txt")
    repository.commit()
    assert repository.affected() == {}
    repository.space.write("lone.txt", "other\n")
    assert sorted(repository.affected()) == ["//:linked", "//:lone"]


def test_a_tree_that_writes_through_its_own_link_is_refused(
    repository: Repository, tmp_path: Path
) -> None:
    def stored(kind: str, data: bytes) -> str:
        words = [
            "git",
            "-C",
            str(repository.top),
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
    commit = repository.git("commit-tree", tree, "-m", "x").strip()
    assert "two entries 'a'" in repository.space.run("affected", "--since", commit, code=3).err
    assert not list(outside.iterdir())


def test_the_merge_base_with_main(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "topic")
    repository.space.write("lone.txt", "topic\n")
    repository.commit()
    repository.git("checkout", "-q", "main")
    base = repository.git("rev-parse", "main").strip()
    repository.space.write("a/data/in.txt", "main\n")
    repository.commit()
    repository.git("checkout", "-q", "topic")
    affected = json.loads(repository.space.run("affected", "--since", "main...", "--json").out)
    assert affected["labels"] == ["//:lone"] and affected["commit"] == base
    assert sorted(repository.affected(since="main")) == ["//:b", "//:c", "//:lone", "//a:out"]


@pytest.mark.parametrize(
    ("since", "message"),
    [
        ("nothing", "git knows no revision 'nothing'"),
        ("-x", "expected one argument"),
        ("", "git knows no revision"),
        ("HEAD:a", "git knows no revision"),
    ],
)
def test_an_unknown_revision_is_an_error(repository: Repository, since: str, message: str) -> None:
    assert message in repository.space.run("affected", "--since", since, code=2).err


def test_a_shallow_clone_gets_a_command_to_fetch(repository: Repository, tmp_path: Path) -> None:
    repository.space.write("lone.txt", "again\n")
    repository.commit()
    subprocess.run(
        ["git", "clone", "-q", "--depth=1", f"file://{repository.top}", str(tmp_path / "shallow")],
        check=True,
    )
    repository.space.root = tmp_path / "shallow"
    ran = repository.space.run("affected", "--since", "HEAD~1", code=2)
    assert "this clone is shallow" in ran.err and "git fetch --unshallow" in ran.err
    assert (
        "git fetch --depth=1 origin topic"
        in repository.space.run("affected", "--since", "origin/topic", code=2).err
    )


def test_outside_of_git_and_before_the_workspace(repository: Repository, tmp_path: Path) -> None:
    bare = space(tmp_path / "elsewhere", _ROOT)
    assert "no git repository" in bare.run("affected", "--since", "HEAD", code=2).err
    repository.git("checkout", "-q", "--orphan", "empty")
    repository.git("rm", "-rfq", ".")
    (repository.top / "x").write_text("")
    repository.commit()
    repository.git("checkout", "-q", "main")
    assert (
        "no workspace here at 'empty'"
        in repository.space.run("affected", "--since", "empty", code=2).err
    )
