"""kill -9 at random moments of real builds, and every signal that a user sends: the next build is right, unaided."""

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
    """A build in a session of its own."""
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
    """All living processes that a process started, directly or not."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def relatives(of: Space) -> list[str]:
    """Command lines of living processes that have to do with the cache of this workspace."""
    found = []
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
                found.append(words.decode(errors="replace"))
    return found


def gone(of: Space, but: str = "\0") -> None:
    """Soon no process of a build is left, `but` those that begin so; on an idle machine within two seconds."""
    deadline = time.monotonic() + 60
    while (
        left := [words for words in relatives(of) if not words.startswith(but)]
    ) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, left


def kill(process: subprocess.Popen[str], dice: random.Random) -> str:
    """The process, its group, or one process that it started; which."""
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
        # What was killed may have been the command that tries whether the sandbox works here.
        tried = (
            killed == "worker"
            and process.returncode == 30
            and f"the sandbox '{sandbox}' does not work" in err
        )
        assert process.returncode in (-9, 0, 1) or tried, err
        # A bubblewrap whose builder is killed before it lets its child run leaves that: the next build ends it.
        gone(of, but="/usr/bin/bwrap\0" if process.returncode == -9 else "\0")
        check_cache(of)
        of.run("build", "-j4", "--sandbox", sandbox, "//...")
        check_outputs(of, str(number), WIDTH)
        if number % 5 == 0:  # it also sweeps what the dead left behind
            of.run("cache", "gc")
            check_no_scratch(of)
        gone(of)
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
    """Within moments, with the code of the signal, and without a file or process left behind."""
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
            # It may come when the program is done and has put its handlers away: the shell sees 128 + n then, too.
            assert process.returncode in (0, 128 + SIGNALS[name][0], -SIGNALS[name][0]), err
        gone(of)
        check_cache(of)
        check_no_scratch(of)
        count.survived()
    of.run("build", "-j4", "//...")
    check_outputs(of, f"{name} 3", WIDTH)
