"""Builds that are killed at random moments, and every signal of users: the next build is right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_counts import TIMES, Tally
from tests.support.generated_workspace import (
    change_inputs,
    check_cache,
    check_no_scratch,
    check_outputs,
    generated_workspace,
)
from tests.support.requirements import absent
from tests.support.workspace import Space

pytestmark = [pytest.mark.fault, pytest.mark.slow]
WIDTH, EACH = 8, 10 * TIMES


def begin(of: Space, sandbox: str) -> subprocess.Popen[str]:
    """Start a build in a new session."""
    words = of.command("build", "-j4", "--sandbox", sandbox, "//...")
    return subprocess.Popen(
        words,
        cwd=of.root,
        env=of.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def descendants(pid: int) -> list[int]:
    """Return all living descendants of a process."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pids for child in map(int, children) for pids in (child, *descendants(child))]


def relatives(of: Space) -> list[str]:
    """Return the command lines of living processes that use the cache of this workspace."""
    commands = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                words = (
                    (folder / "cmdline").read_bytes()
                    + b" "
                    + os.fsencode(os.readlink(folder / "cwd"))
                )
            except OSError:
                continue
            if os.fsencode(of.cache) in words:
                commands.append(words.decode(errors="replace"))
    return commands


def wait_until_gone(of: Space, but: str = "\0") -> None:
    """Wait until no process of a build is left, except commands that start with `but`."""
    deadline = time.monotonic() + 60
    while (
        left := [words for words in relatives(of) if not words.startswith(but)]
    ) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, left


def kill(process: subprocess.Popen[str], dice: random.Random) -> str:
    """Kill the process, its group or one descendant; return which."""
    kind = dice.choice(["process", "process", "group", "worker"])
    targets = descendants(process.pid)
    try:
        if kind == "group":
            os.killpg(process.pid, signal.SIGKILL)
        elif kind == "worker" and targets:
            os.kill(dice.choice(targets), signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass
    return kind


@pytest.mark.parametrize("sandbox", ["namespaces", "none"])
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random(
    tmp_path: Path, seed: int, sandbox: str, tally: Callable[[str, int], Tally]
) -> None:
    of, dice, count = (
        generated_workspace(tmp_path, WIDTH, 0.02),
        random.Random(seed),
        tally("kill", EACH),
    )
    if of.run("build", "--sandbox", sandbox, "//...", code=None).code == 30:
        absent(f"the sandbox {sandbox} does not work here")
    for number in range(1, EACH + 1):
        change_inputs(of, str(number), WIDTH)
        process = begin(of, sandbox)
        time.sleep(dice.uniform(0.2, 0.9))
        killed = kill(process, dice)
        _, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err
        # The killed process may be the command that tests whether the sandbox works here.
        tried = (
            killed == "worker"
            and process.returncode == 30
            and f"the sandbox '{sandbox}' does not work" in err
        )
        assert process.returncode in (-9, 0, 1) or tried, err
        # A bubblewrap that is orphaned before its child may run stays; the next build kills it.
        wait_until_gone(of, but="/usr/bin/bwrap\0" if process.returncode == -9 else "\0")
        check_cache(of)
        of.run("build", "-j4", "--sandbox", sandbox, "//...")
        check_outputs(of, str(number), WIDTH)
        if number % 5 == 0:  # which removes the folders of dead processes
            of.run("cache", "gc")
            check_no_scratch(of)
        wait_until_gone(of)
        count.survived()


SIGNALS = {
    "INT": [signal.SIGINT],
    "TERM": [signal.SIGTERM],
    "HUP": [signal.SIGHUP],
    "twice": [signal.SIGINT, signal.SIGINT],
    "PIPE": [],
}


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_ends_all_of_it(
    tmp_path: Path, name: str, tally: Callable[[str, int], Tally]
) -> None:
    """The exit code is that of the signal, and no file or process is left."""
    of, dice, count = (
        generated_workspace(tmp_path, WIDTH, 0.3),
        random.Random(name),
        tally("signal", 4),
    )
    for number in range(4):
        change_inputs(of, f"{name} {number}", WIDTH)
        process = begin(of, "none" if number % 2 else "landlock")
        while process.poll() is None and not list(of.cache.glob(f"work/{process.pid}-*")):
            time.sleep(0.005)
        time.sleep(dice.uniform(0, 0.9))
        for signum in SIGNALS[name]:
            process.send_signal(signum)
            time.sleep(dice.uniform(0, 0.05))
        if name == "PIPE":
            assert process.stderr and process.stdout
            process.stderr.close()
            process.stdout.close()
            process.wait(30)
        else:
            _, err = process.communicate(timeout=30)
            assert "Traceback" not in err, err
            # The handlers may be gone at the end of the program; a shell sees 128 + n then, too.
            assert process.returncode in (0, 128 + SIGNALS[name][0], -SIGNALS[name][0]), err
        wait_until_gone(of)
        check_cache(of)
        check_no_scratch(of)
        count.survived()
    of.run("build", "-j4", "//...")
    check_outputs(of, f"{name} 3", WIDTH)
