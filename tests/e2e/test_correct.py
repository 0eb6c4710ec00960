"""No result is stale or wrong, whatever a user, a command or a disk does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildgraph.sandbox.job import LEVELS
from buildgraph.sandbox.sandbox import is_available
from tests.support.requirements import absent
from tests.support.workspace import Ran, Space, space

TOML = """
[workspace]
name = "w"

[t]
rule = "command"
inputs = {{ {inputs} }}
outputs = {{ o = "{output}" }}
argv = ["sh", "-c", {script}, "{{o}}"]
{more}
"""


def create_workspace(
    folder: Path, script: str, output: str = "o", inputs: str = 'a = "a.txt"', more: str = ""
) -> Space:
    """Create a workspace whose only command runs a shell script; $0 is its output."""
    quoted = '"""' + script.replace("\\", "\\\\") + '"""'
    workspace = space(folder, TOML.format(inputs=inputs, output=output, script=quoted, more=more))
    workspace.write("a.txt", "aaaa\n")
    return workspace


def read_output(workspace: Space) -> str:
    """Return the text of the output."""
    return (workspace.root / "out/t/o").read_text()


def count_ran(result: Ran) -> int:
    """Return the number of actions that ran."""
    return len(result.titles("ran"))


@pytest.mark.parametrize("ahead", [60, 365 * 86400, 40 * 365 * 86400, 400 * 365 * 86400])
def test_an_mtime_in_the_future(tmp_path: Path, ahead: int) -> None:
    """Each edit of equal size and stamp is detected, and no action runs needlessly."""
    workspace = create_workspace(tmp_path, "cat a.txt > $0")
    stamp = int(time.time()) + ahead
    for word in ("bbbb", "cccc", "dddd"):
        os.utime(workspace.write("a.txt", f"{word}\n"), (stamp, stamp))
        assert count_ran(workspace.build("//...")) == 1 and read_output(workspace) == f"{word}\n"
        assert count_ran(workspace.build("//...")) == 0
        workspace.run("build", "//...")
    os.utime(workspace.write("a.txt", "bbbb\n"), (stamp, stamp))
    workspace.run("build", "//...")
    assert read_output(workspace) == "bbbb\n"


@pytest.mark.parametrize("level", LEVELS)
def test_output_written_after_exit_is_not_there(tmp_path: Path, level: str) -> None:
    """Processes that a command leaves behind are dead before its outputs are read."""
    if level != "none" and not is_available(level):  # type: ignore[arg-type]
        absent(f"the sandbox {level} does not work here")
    program = 'import os, time; os.setsid(); time.sleep(0.7); open("out/o", "a").write("late")'
    late = f"python3 -c '{program}'"
    workspace = create_workspace(
        tmp_path,
        f"echo early > $0; ({late} &) </dev/null >/dev/null 2>&1; exit 0",
        more='programs = ["python3"]',
    )
    workspace.run("build", "--sandbox", level, "//...")
    time.sleep(1)
    assert read_output(workspace) == "early\n"
    (workspace.root / "out/t/o").resolve().unlink()
    workspace.run("build", "--sandbox", level, "//...")
    assert read_output(workspace) == "early\n"


def test_a_timeout_is_reported_and_not_cached(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path, "cat a.txt > $0; sleep 60", more='timeout = "1s"')
    for _ in range(2):
        assert "it ran out of time and was killed" in workspace.run("build", "//...", code=1).err
    assert (
        not list((workspace.cache / "results").rglob("*/*"))
        and not (workspace.root / "out/t").exists()
    )


ENDINGS = [
    ("kill -9 $$", "killed by signal 9"),
    ("kill -11 $$", "killed by signal 11"),
    ("exit 137", "exit code 137"),
    ("exit 3", "exit code 3"),
]


@pytest.mark.parametrize(("script", "message"), ENDINGS)
def test_how_a_command_ended_is_reported_and_not_cached(
    tmp_path: Path, script: str, message: str
) -> None:
    workspace = create_workspace(tmp_path, f"cat a.txt > $0; {script}")
    for _ in range(2):
        err = workspace.run("build", "--sandbox", "none", "//...", code=1).err
        assert message in err or (
            script == "exit 137" and "signal 9" in err
        )  # a shell exits with 137 in both cases
    assert not list((workspace.cache / "results").rglob("*/*"))


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """Create a control group with a limit of 200 MiB."""
    for top in (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")):
        folder = top / f"buildgraph-test-{os.getpid()}"
        limit = folder / ("memory.limit_in_bytes" if top.name == "memory" else "memory.max")
        try:
            folder.mkdir()
            limit.write_text(str(200 << 20))
        except OSError:
            if folder.is_dir():
                folder.rmdir()
            continue
        yield folder
        folder.rmdir()
        return
    absent("no control group can be made here")


def test_a_lack_of_memory_is_reported_and_not_cached(tmp_path: Path, memory_group: Path) -> None:
    workspace = create_workspace(
        tmp_path, f"cat a.txt > $0; {sys.executable} -c 'x = bytearray(1 << 30)'; exit $?"
    )
    command = workspace.command("build", "--sandbox", "none", "//...")
    command_line = [
        "sh",
        "-c",
        f'echo $$ > {memory_group}/cgroup.procs && exec "$@"',
        "sh",
        *command,
    ]
    process = subprocess.run(
        command_line,
        cwd=workspace.root,
        env=workspace.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1, process.stderr
    assert "out of memory" in process.stderr or "exit code 137" in process.stderr
    assert not list((workspace.cache / "results").rglob("*/*"))
    workspace.write("a.txt", "x")


def test_two_outputs_of_one_path_are_refused(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path, "echo > $0")
    workspace.write(
        "BUILD.toml",
        (workspace.root / "BUILD.toml").read_text().replace('{ o = "o" }', '{ o = "x", p = "x" }'),
    )
    assert "two outputs have the same path" in workspace.run("build", "//...", code=2).err


@pytest.mark.parametrize("output", ["a/", "a"])
def test_an_output_within_an_output_is_refused_or_right(tmp_path: Path, output: str) -> None:
    workspace = create_workspace(tmp_path, "echo x > out/a/b")
    text = (workspace.root / "BUILD.toml").read_text()
    workspace.write("BUILD.toml", text.replace('{ o = "o" }', f'{{ o = "{output}", p = "a/b" }}'))
    result = workspace.run("build", "//...", code=None)
    assert result.code in (1, 2) and "error" in result.err


@pytest.mark.parametrize(
    "script",
    ["true", "mkdir $0", "ln -s /etc/hostname $0", "mkfifo $0", "echo x > $0; echo y > out/more"],
)
def test_an_output_that_is_not_as_declared_is_refused(tmp_path: Path, script: str) -> None:
    workspace = create_workspace(tmp_path, script)
    for _ in range(2):
        assert "the outputs are not as declared" in workspace.run("build", "//...", code=1).err
    assert not list((workspace.cache / "results").rglob("*/*"))


UMLAUT = "\u00e4"
NAMES = {
    "case": ("name", "Name"),
    "unicode": (unicodedata.normalize("NFC", UMLAUT), unicodedata.normalize("NFD", UMLAUT)),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_that_some_disks_take_for_one_in_an_output(tmp_path: Path, kind: str) -> None:
    """On Linux the names differ: both files are kept and restored from the cache."""
    first_name, second_name = NAMES[kind]
    workspace = create_workspace(
        tmp_path, f"echo 1 > $0/{first_name}; echo 2 > $0/{second_name}", output="o/"
    )
    first = workspace.build("//...").digests()
    for again in (False, True):
        tree = workspace.root / "out/t/o"
        assert {path.name: path.read_text() for path in tree.iterdir()} == {
            first_name: "1\n",
            second_name: "2\n",
        }
        if not again:
            subprocess.run(
                ["rm", "-rf", str(workspace.root / "out"), str(workspace.root / ".buildgraph")],
                check=True,
            )
            assert workspace.build("//...").digests() == first


@pytest.mark.parametrize("kind", NAMES)
def test_names_that_some_disks_take_for_one_in_sources(tmp_path: Path, kind: str) -> None:
    """Such sources of a glob are refused or both are used; none is lost."""
    first_name, second_name = NAMES[kind]
    workspace = space(tmp_path, '[workspace]\nname = "w"\n[t]\nrule = "files"\nsrcs = ["src/*"]\n')
    workspace.write(f"src/{first_name}", "1")
    workspace.write(f"src/{second_name}", "2")
    result = workspace.run("build", "//...", code=None)
    if result.code:
        assert result.code == 2 and ("src" in result.err)
        return
    texts = {
        name: Path(folder, name).read_text()
        for folder, _, names in os.walk(workspace.root / "out/t", followlinks=True)
        for name in names
    }
    assert texts == {first_name: "1", second_name: "2"}


def test_a_file_edited_and_restored_while_an_action_runs(tmp_path: Path) -> None:
    """The action reads the text that its key names; the restored text is a cache hit."""
    (tmp_path / "wait").touch()
    workspace = create_workspace(
        tmp_path,
        f": > {tmp_path}/runs; while test -e {tmp_path}/wait; do sleep 0.05; done; cat a.txt > $0",
    )
    workspace.env["BUILDGRAPH_SANDBOX"] = "none"  # so that the command can write outside its folder
    process = subprocess.Popen(
        workspace.command("build", "//..."),
        cwd=workspace.root,
        env=workspace.environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (tmp_path / "runs").exists():
        assert process.poll() is None
        time.sleep(0.01)
    workspace.write("a.txt", "bbbb\n")
    time.sleep(0.2)
    workspace.write("a.txt", "aaaa\n")
    (tmp_path / "wait").unlink()
    assert process.wait(60) == 0 and read_output(workspace) == "aaaa\n"
    workspace.write("a.txt", "bbbb\n")
    workspace.build("//...")
    assert read_output(workspace) == "bbbb\n"
