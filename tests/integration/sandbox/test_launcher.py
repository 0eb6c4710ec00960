"""Commands of a launcher: results, output, and the end of all their processes."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildgraph.sandbox.launcher import Launcher


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    running = Launcher(False)
    yield running
    running.close()


def _start(launcher: Launcher, folder: Path, *argv: str, env: dict[str, str] | None = None) -> None:
    launcher.start(
        [
            f"s{folder}",
            *(f"e{name}={value}" for name, value in (env or {}).items()),
            *(f"a{w}" for w in argv),
        ]
    )


def _end(launcher: Launcher) -> tuple[int, bytes]:
    output, poller = b"", select.poll()
    poller.register(launcher.replies, select.POLLIN)
    poller.register(launcher.log, select.POLLIN)
    while launcher.replies not in dict(poller.poll(60_000)):
        output += launcher.read_output()
    code, _, _ = launcher.read_result()
    while data := launcher.read_output():
        output += data
    return code, output


def test_one_command_after_the_other(launcher: Launcher, tmp_path: Path) -> None:
    for code in (0, 3, 0):
        _start(
            launcher, tmp_path, "/bin/sh", "-c", f'echo "$A $PWD"; exit {code}', env={"A": "b c\nd"}
        )
        assert _end(launcher) == (code, f"b c\nd {os.path.realpath(tmp_path)}\n".encode())


def test_a_long_log_does_not_stop_it(launcher: Launcher, tmp_path: Path) -> None:
    _start(launcher, tmp_path, "/bin/sh", "-c", "head -c 3000000 /dev/zero")
    code, output = _end(launcher)
    assert code == 0 and output == bytes(3_000_000)


def test_a_program_that_cannot_be_run_is_reported(launcher: Launcher, tmp_path: Path) -> None:
    _start(launcher, tmp_path, "./nothing")
    code, output = _end(launcher)
    assert code == 127 and b"cannot run ./nothing" in output
    _start(launcher, tmp_path / "gone", "/bin/true")
    assert _end(launcher)[0] == 127
    _start(launcher, tmp_path, "/bin/true")
    assert _end(launcher) == (0, b"")


def test_a_signal_is_a_code_and_left_processes_die(launcher: Launcher, tmp_path: Path) -> None:
    _start(launcher, tmp_path, "/bin/sh", "-c", "kill -SEGV $$")
    assert _end(launcher)[0] == 128 + signal.SIGSEGV
    script = "(setsid sh -c 'echo $$ > pid; exec sleep 100' &) ; while ! test -s pid; do :; done"
    _start(launcher, tmp_path, "/bin/sh", "-c", script)
    assert _end(launcher)[0] == 0
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}")


def test_stop_ends_a_command_and_the_next_one_runs(launcher: Launcher, tmp_path: Path) -> None:
    _start(launcher, tmp_path, "/bin/sh", "-c", "echo begun; sleep 100")
    assert select.select([launcher.log], [], [], 60)[0]
    launcher.stop()
    assert _end(launcher) == (128 + signal.SIGKILL, b"begun\n")
    _start(launcher, tmp_path, "/bin/true")
    assert _end(launcher)[0] == 0


def test_signals_of_the_terminal_have_their_default_meaning_again(
    launcher: Launcher, tmp_path: Path
) -> None:
    for name in ("INT", "TERM", "HUP", "PIPE"):
        _start(launcher, tmp_path, "/bin/sh", "-c", f"kill -{name} $$; echo lived")
        assert _end(launcher) == (128 + getattr(signal, f"SIG{name}"), b"")


def test_a_build_that_is_killed_takes_launcher_and_command_with_it(tmp_path: Path) -> None:
    pid = os.fork()
    if not pid:
        _start(Launcher(False), tmp_path, "/bin/sh", "-c", "echo $$ > pid; exec sleep 100")
        signal.pause()
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    command = (tmp_path / "pid").read_text().strip()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    deadline = time.monotonic() + 60
    while os.path.exists(f"/proc/{command}"):
        assert time.monotonic() < deadline, "the command outlived its build"
        time.sleep(0.01)
