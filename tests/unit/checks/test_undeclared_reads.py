"""Parsing of what strace writes, and sentences about undeclared files."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.checks.undeclared_reads import (
    OpenedFile,
    describe_undeclared,
    parse_strace_line,
    require_strace,
)
from buildgraph.sandbox.job import Job
from buildgraph.types.action import Action
from buildgraph.types.errors import BuildError, Location

LINES = [
    (b'openat(AT_FDCWD</a>, "b/f", O_RDONLY) = 3</a/b/f>', ("b/f", "/a/b/f", "/a")),
    (
        b'openat(AT_FDCWD</a>, "n\\303\\274 \\"x", O_RDONLY|O_CLOEXEC) = 3</a/n\\303\\274 "x>',
        ('n\u00fc "x', '/a/n\u00fc "x', "/a"),
    ),
    (b'openat(5</a>, "f", O_RDWR|O_CREAT, 0666) = 4</a/f>', ("f", "/a/f", "/a")),
    (b'open("/x", O_RDONLY) = 3</x>', ("/x", "/x", "")),
    (
        b'openat(AT_FDCWD</a>, "no", O_RDONLY) = -1 ENOENT (No such file or directory)',
        ("no", "", "/a"),
    ),
    (b'openat(AT_FDCWD</a>, "f", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</a/f>', None),
    (b'openat(AT_FDCWD</a>, "f", O_RDONLY) = -1 EACCES (Permission denied)', None),
    (b"--- SIGCHLD {si_signo=SIGCHLD} ---", None),
    (b"+++ exited with 0 +++", None),
    (b'execve("rel", ["rel"], 0x1 /* 3 vars */) = 0', None),
]


@pytest.mark.parametrize("case", LINES, ids=lambda case: case[0].decode())
def test_lines_of_strace_are_parsed(case: tuple[bytes, tuple[str, str, str] | None]) -> None:
    line, expected = case
    assert parse_strace_line(line) == (expected and OpenedFile(*expected))


def described(root: Path, *files: OpenedFile, has_failed: bool = False) -> list[str]:
    """The sentences on files that an action of the package `p` opened."""
    stage = root / "stage"
    job = Job(("sh",), (), str(stage), f"{stage}/out", f"{root}/work/temp", ("/opt/tool",), 1)
    action = Action(("sh",), (), (), at=Location("p/BUILD.toml", 3, 1))
    return describe_undeclared(str(root), action, job, files, has_failed)


def test_files_that_every_action_may_read_are_not_reported(tmp_path: Path) -> None:
    for path in ("/usr/lib/libc.so", "/proc/self/maps", "/opt/tool/x", f"{tmp_path}/work/in"):
        assert described(tmp_path, OpenedFile(path, path, "")) == []


def test_the_advice_depends_on_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "p/folder").mkdir(parents=True)
    advice = {
        "p/data/x y.txt": 'which is not declared: inputs = { x_y = "data/x y.txt" }',
        "p/folder": "which is not declared: collect it with the rule 'files'",
        "other/x.txt": "which is not declared: define a target for it in its package",
        "out/p/x.txt": "an output: declare the target that makes it",
    }
    for name, text in advice.items():
        path = str(tmp_path / name)
        (sentence,) = described(tmp_path, OpenedFile(path, path, ""))
        assert f"{name}, {text}" in sentence and sentence.endswith("(p/BUILD.toml:3:1)")
    (sentence,) = described(tmp_path, OpenedFile("/srv/x", "/srv/x", ""))
    assert sentence.startswith("reads /srv/x, which is outside the workspace")


def test_only_a_failed_action_may_miss_a_file_of_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.txt").write_text("")
    missing = OpenedFile("p/a.txt", "", str(tmp_path / "stage"))
    assert described(tmp_path, missing) == []
    (sentence,) = described(tmp_path, missing, has_failed=True)
    assert sentence.startswith("looks for p/a.txt, which is not declared")


def test_a_missing_strace_is_an_environment_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BuildError, match="strace") as error:
        require_strace()
    assert error.value.reason == "environment"
