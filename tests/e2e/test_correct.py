"""No stale and no poisoned result, whatever a user, a command or a disk does."""

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


def made(
    folder: Path, script: str, output: str = "o", inputs: str = 'a = "a.txt"', more: str = ""
) -> Space:
    """A workspace whose only command runs a shell script; $0 is its output."""
    quoted = '"""' + script.replace("\\", "\\\\") + '"""'
    found = space(folder, TOML.format(inputs=inputs, output=output, script=quoted, more=more))
    found.write("a.txt", "aaaa\n")
    return found


def shown(of: Space) -> str:
    """What the command made."""
    return (of.root / "out/t/o").read_text()


def ran(done: Ran) -> int:
    """How many actions ran."""
    return len(done.titles("ran"))


@pytest.mark.parametrize("ahead", [60, 365 * 86400, 40 * 365 * 86400, 400 * 365 * 86400])
def test_an_mtime_in_the_future(tmp_path: Path, ahead: int) -> None:
    """Edits of equal size and stamp are seen, also the second and third, and nothing needless runs."""
    of = made(tmp_path, "cat a.txt > $0")
    stamp = int(time.time()) + ahead
    for word in ("bbbb", "cccc", "dddd"):
        os.utime(of.write("a.txt", f"{word}\n"), (stamp, stamp))
        assert ran(of.build("//...")) == 1 and shown(of) == f"{word}\n"
        assert ran(of.build("//...")) == 0
        of.run("build", "//...")
    os.utime(of.write("a.txt", "bbbb\n"), (stamp, stamp))
    of.run("build", "//...")
    assert shown(of) == "bbbb\n"


@pytest.mark.parametrize("level", LEVELS)
def test_output_written_after_exit_is_not_there(tmp_path: Path, level: str) -> None:
    """A process that a command leaves behind is dead before its outputs are read."""
    if level != "none" and not is_available(level):  # type: ignore[arg-type]
        absent(f"the sandbox {level} does not work here")
    program = 'import os, time; os.setsid(); time.sleep(0.7); open("out/o", "a").write("late")'
    late = f"python3 -c '{program}'"
    of = made(
        tmp_path,
        f"echo early > $0; ({late} &) </dev/null >/dev/null 2>&1; exit 0",
        more='programs = ["python3"]',
    )
    of.run("build", "--sandbox", level, "//...")
    time.sleep(1)
    assert shown(of) == "early\n"
    (of.root / "out/t/o").resolve().unlink()
    of.run("build", "--sandbox", level, "//...")
    assert shown(of) == "early\n"


def test_out_of_time_is_said_and_not_remembered(tmp_path: Path) -> None:
    of = made(tmp_path, "cat a.txt > $0; sleep 60", more='timeout = "1s"')
    for _ in range(2):
        assert "it ran out of time and was killed" in of.run("build", "//...", code=1).err
    assert not list((of.cache / "results").rglob("*/*")) and not (of.root / "out/t").exists()


ENDS = [
    ("kill -9 $$", "killed by signal 9"),
    ("kill -11 $$", "killed by signal 11"),
    ("exit 137", "exit code 137"),
    ("exit 3", "exit code 3"),
]


@pytest.mark.parametrize(("script", "said"), ENDS)
def test_how_a_command_ended_is_said_and_not_remembered(
    tmp_path: Path, script: str, said: str
) -> None:
    of = made(tmp_path, f"cat a.txt > $0; {script}")
    for _ in range(2):
        err = of.run("build", "--sandbox", "none", "//...", code=1).err
        assert said in err or (
            script == "exit 137" and "signal 9" in err
        )  # a shell says 137 for both
    assert not list((of.cache / "results").rglob("*/*"))


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with little memory."""
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


def test_out_of_memory_is_said_and_not_remembered(tmp_path: Path, group: Path) -> None:
    of = made(tmp_path, f"cat a.txt > $0; {sys.executable} -c 'x = bytearray(1 << 30)'; exit $?")
    command = of.command("build", "--sandbox", "none", "//...")
    words = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command]
    done = subprocess.run(
        words, cwd=of.root, env=of.environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "out of memory" in done.stderr or "exit code 137" in done.stderr
    assert not list((of.cache / "results").rglob("*/*"))
    of.write("a.txt", "x")


def test_two_outputs_of_one_path_are_refused(tmp_path: Path) -> None:
    of = made(tmp_path, "echo > $0")
    of.write(
        "BUILD.toml",
        (of.root / "BUILD.toml").read_text().replace('{ o = "o" }', '{ o = "x", p = "x" }'),
    )
    assert "two outputs have the same path" in of.run("build", "//...", code=2).err


@pytest.mark.parametrize("output", ["a/", "a"])
def test_an_output_within_an_output_is_refused_or_right(tmp_path: Path, output: str) -> None:
    of = made(tmp_path, "echo x > out/a/b")
    text = (of.root / "BUILD.toml").read_text()
    of.write("BUILD.toml", text.replace('{ o = "o" }', f'{{ o = "{output}", p = "a/b" }}'))
    done = of.run("build", "//...", code=None)
    assert done.code in (1, 2) and "error" in done.err


@pytest.mark.parametrize(
    "script",
    ["true", "mkdir $0", "ln -s /etc/hostname $0", "mkfifo $0", "echo x > $0; echo y > out/more"],
)
def test_an_output_that_is_not_as_declared_is_refused(tmp_path: Path, script: str) -> None:
    of = made(tmp_path, script)
    for _ in range(2):
        assert "the outputs are not as declared" in of.run("build", "//...", code=1).err
    assert not list((of.cache / "results").rglob("*/*"))


UMLAUT = "\u00e4"
NAMES = {
    "case": ("name", "Name"),
    "unicode": (unicodedata.normalize("NFC", UMLAUT), unicodedata.normalize("NFD", UMLAUT)),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_that_some_disks_take_for_one_in_an_output(tmp_path: Path, kind: str) -> None:
    """Here they are two: both are kept, and stay themselves through the cache."""
    one, two = NAMES[kind]
    of = made(tmp_path, f"echo 1 > $0/{one}; echo 2 > $0/{two}", output="o/")
    first = of.build("//...").digests()
    for again in (False, True):
        tree = of.root / "out/t/o"
        assert {path.name: path.read_text() for path in tree.iterdir()} == {one: "1\n", two: "2\n"}
        if not again:
            subprocess.run(
                ["rm", "-rf", str(of.root / "out"), str(of.root / ".buildgraph")], check=True
            )
            assert of.build("//...").digests() == first


@pytest.mark.parametrize("kind", NAMES)
def test_names_that_some_disks_take_for_one_in_sources(tmp_path: Path, kind: str) -> None:
    """Globbed sources are refused or handled; never is one of them lost."""
    one, two = NAMES[kind]
    of = space(tmp_path, '[workspace]\nname = "w"\n[t]\nrule = "files"\nsrcs = ["src/*"]\n')
    of.write(f"src/{one}", "1")
    of.write(f"src/{two}", "2")
    done = of.run("build", "//...", code=None)
    if done.code:
        assert done.code == 2 and ("src" in done.err)
        return
    found = {
        name: Path(folder, name).read_text()
        for folder, _, names in os.walk(of.root / "out/t", followlinks=True)
        for name in names
    }
    assert found == {one: "1", two: "2"}


def test_a_file_edited_and_restored_while_an_action_runs(tmp_path: Path) -> None:
    """The action reads the snapshot that its key names; what is restored is found again."""
    (tmp_path / "wait").touch()
    of = made(
        tmp_path,
        f": > {tmp_path}/runs; while test -e {tmp_path}/wait; do sleep 0.05; done; cat a.txt > $0",
    )
    of.env["BUILDGRAPH_SANDBOX"] = "none"  # so that the command can tell that it runs
    process = subprocess.Popen(
        of.command("build", "//..."),
        cwd=of.root,
        env=of.environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (tmp_path / "runs").exists():
        assert process.poll() is None
        time.sleep(0.01)
    of.write("a.txt", "bbbb\n")
    time.sleep(0.2)
    of.write("a.txt", "aaaa\n")
    (tmp_path / "wait").unlink()
    assert process.wait(60) == 0 and shown(of) == "aaaa\n"
    of.write("a.txt", "bbbb\n")
    of.build("//...")
    assert shown(of) == "bbbb\n"
