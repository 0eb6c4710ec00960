"""Many builds on one cache, beside GC and verification, have the results of a serial build."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_counts import Tally
from tests.support.generated_workspace import (
    change_inputs,
    check_cache,
    check_no_scratch,
    check_outputs,
    generated_workspace,
)
from tests.support.workspace import Space

pytestmark = [pytest.mark.fault, pytest.mark.slow]
WIDTH = 5
KEEPERS = (("cache", "gc", "--max-size", "0B", "--max-age", "0s"), ("cache", "verify", "--repair"))


def begin(of: Space, *words: str) -> subprocess.Popen[str]:
    """Start the program."""
    return subprocess.Popen(
        of.command(*words),
        cwd=of.root,
        env=of.environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_success(process: subprocess.Popen[str]) -> None:
    """Check that a process succeeded within 300 s: no deadlock, and no file that vanished."""
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0 and "Traceback" not in err, err


@pytest.mark.parametrize("builders", [2, 4, 8, 16])
@pytest.mark.parametrize("cold", [True, False], ids=["cold", "warm"])
def test_builders_beside_gc_and_verify(
    tmp_path: Path, builders: int, cold: bool, tally: Callable[[str, int], Tally]
) -> None:
    """Each has its own workspace, and half of them have equal inputs."""
    count = tally("builders", builders)
    spaces = [
        generated_workspace(tmp_path / str(number), WIDTH, 0.05, tmp_path / "cache")
        for number in range(builders)
    ]
    for number, of in enumerate(spaces):
        change_inputs(of, str(number // 2), WIDTH)
        if not cold and number % 2:
            of.run("build", "--sandbox", "none", "//...")
    running = [begin(of, "build", "-j2", "--sandbox", "none", "//...") for of in spaces]
    keepers: list[subprocess.Popen[str]] = []
    deadline = time.monotonic() + 300
    while any(process.poll() is None for process in running) and time.monotonic() < deadline:
        keepers = [begin(spaces[0], *words) for words in KEEPERS]
        for keeper in keepers:
            check_success(keeper)
    for number, process in enumerate(running):
        check_success(process)
        check_outputs(spaces[number], str(number // 2), WIDTH)
        count.survived()
    check_cache(spaces[0])
    check_no_scratch(spaces[0])


def test_builders_in_one_workspace(tmp_path: Path, tally: Callable[[str, int], Tally]) -> None:
    """They replace the same links and write the same state files."""
    count = tally("builders", 12)
    of = generated_workspace(tmp_path, WIDTH, 0.02)
    for turn in range(3):
        change_inputs(of, str(turn), WIDTH)
        for process in [begin(of, "build", "--sandbox", "none", "//...") for _ in range(4)]:
            check_success(process)
            count.survived()
        check_outputs(of, str(turn), WIDTH)
    check_cache(of)
    check_no_scratch(of)
