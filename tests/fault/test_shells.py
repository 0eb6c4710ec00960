"""Poor shells: closed or full streams, few descriptors, little memory, a missing folder."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_counts import Tally
from tests.support.generated_workspace import (
    check_cache,
    check_no_scratch,
    check_outputs,
    generated_workspace,
)
from tests.support.workspace import Space

pytestmark = [pytest.mark.fault, pytest.mark.slow]
BUILT = {  # the build succeeds, and its messages are right where a stream is open
    "no stdin": "$BG build //... <&-",
    "no stdout": "$BG build //... >&-",
    "no stderr": "$BG build //... 2>&-",
    "no stream at all": "$BG build //... <&- >&- 2>&-",
    "few descriptors": "ulimit -n 64; $BG build //...",
    "no place for temporary files": "TMPDIR=/nowhere $BG build //...",
    "another language": "LC_ALL=C PYTHONUTF8=0 $BG build //...",
    "private": "umask 077; $BG build //...",
    "open": "umask 000; $BG build //...",
    "dumb": "TERM=dumb $BG build //...",
    "no path": "PATH= $BG build //...",
    "a reader that leaves": "$BG build //... | true; test ${PIPESTATUS[0]} = 141",
}
REPORTED = {  # nothing is built: exit code, and a part of the message
    "full stdout": ("$BG --version > /dev/full", 30, "no space left"),
    "full help": ("$BG --help > /dev/full", 30, "no space left"),
    "full stream of JSON": ("$BG build --json //... > /dev/full", 30, "no space left"),
    "full receipt": (
        "for i in 1 2; do $BG build //... >&2; sleep 0.3; done; $BG build //... > /dev/full",
        30,
        "no space left",
    ),
    "no descriptors": ("ulimit -n 12; $BG build //...", 30, "too many open files"),
    "no folder": (
        "mkdir x && cd x && rmdir ../x && $BG build //...",
        2,
        "the current folder no longer exists",
    ),
    "no home": ("HOME= BUILDGRAPH_CACHE= $BG build //...", 30, "HOME is not set"),
    "a copy to no folder": ("$BG build --out /dev/null //...", 30, "--out: /dev/null"),
    "a copy to nowhere": ("$BG build --out /proc/x //...", 30, "--out: /proc/x cannot be written"),
    "a workspace that moves": (
        'sed -i "s#cp {f0}#mv $PWD $PWD-away; cp {f0}#" BUILD.toml; $BG build //...',
        30,
        "does not exist any more",
    ),
    "less than no jobs": ("$BG build -j-1 //...", 2, "not a number of actions"),
}


def shell(of: Space, text: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a shell; check that it ends within 60 s without a traceback."""
    text = text.replace("$BG", " ".join(of.command()))
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=of.root,
        env=of.environ() | {"BUILDGRAPH_SANDBOX": "none"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("case", BUILT)
def test_it_is_built(tmp_path: Path, case: str, tally: Callable[[str, int], Tally]) -> None:
    """All outputs are right."""
    count, of = tally("shell", 1), generated_workspace(tmp_path)
    done = shell(of, BUILT[case])
    assert done.returncode == 0, done
    check_outputs(of, "0")
    assert "stdout" in case or "all" in case or "leaves" in case or "4 ran" in done.stdout
    count.survived()


@pytest.mark.parametrize("case", REPORTED)
def test_it_is_reported(tmp_path: Path, case: str, tally: Callable[[str, int], Tally]) -> None:
    """There is one error, and an exit code for its kind."""
    count, of = tally("shell", 1), generated_workspace(tmp_path)
    text, code, message = REPORTED[case]
    done = shell(of, text)
    assert done.returncode == code and message in done.stderr, done
    count.survived()


@pytest.mark.parametrize(
    "kilobytes", [30_000, 45_000, 52_000, 56_000, 60_000, 65_000, 80_000, 100_000]
)
def test_little_memory(tmp_path: Path, kilobytes: int, tally: Callable[[str, int], Tally]) -> None:
    """No build hangs when memory runs out, and the cache is complete for the next build."""
    count, of = tally("shell", 1), generated_workspace(tmp_path)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    text = f"ulimit -v {kilobytes}; BUILDGRAPH_SANDBOX=namespaces $BG build //..."
    done = shell(of, text)
    assert done.returncode in (0, 30) and (done.returncode == 0 or "memory" in done.stderr), done
    of.run("build", "//...")
    check_outputs(of, "0")
    check_cache(of)
    check_no_scratch(of)
    count.survived()
