"""An action that takes all memory is killed and reported, never saved, and others continue."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fault_counts import Tally
from tests.support.generated_workspace import check_cache, check_no_scratch
from tests.support.requirements import absent
from tests.support.workspace import space

pytestmark = [pytest.mark.fault, pytest.mark.slow]
LIMIT = 300 << 20
TOML = """
[workspace]
name = "w"

[hog]
rule = "command"
outputs = { o = "o" }
argv = ["sh", "-c", "HOG; echo done > {o}"]

[other]
rule = "command"
outputs = { o = "o" }
argv = ["sh", "-c", "sleep 0.5; echo done > {o}"]
"""
WAYS = {  # the command, the sandbox, the message
    "itself": ("exec tail /dev/zero", "none", "it ran out of memory and was killed"),
    "in landlock": ("exec tail /dev/zero", "landlock", "it ran out of memory and was killed"),
    "in namespaces": ("exec tail /dev/zero", "namespaces", "it ran out of memory and was killed"),
    "a child, which is reported": ("tail /dev/zero || exit 3", "none", "exit code 3"),
    "a limit of its own": ("ulimit -v 60000; tail /dev/zero || exit 4", "none", "exit code 4"),
}


@pytest.fixture
def limited() -> Iterator[Callable[[], None]]:
    """Return a function that puts the calling process into a group with little memory."""
    for group, limit in (
        ("/sys/fs/cgroup/memory/buildgraph-test", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup/buildgraph-test", "memory.max"),
    ):
        folder = Path(f"{group}-{os.getpid()}")
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / limit).exists():
            break
        folder.rmdir()
    else:
        pytest.skip("this machine lets nobody make a group of processes with limited memory")
    (folder / limit).write_text(str(LIMIT))
    if (folder / "memory.swap.max").exists():
        (folder / "memory.swap.max").write_text("0")

    def enter() -> None:
        (folder / "cgroup.procs").write_text(str(os.getpid()))

    yield enter
    deadline = time.monotonic() + 60
    while left := (folder / "cgroup.procs").read_text():
        assert time.monotonic() < deadline, f"still alive: {left}"
        time.sleep(0.02)
    folder.rmdir()


@pytest.mark.parametrize("way", WAYS)
def test_out_of_memory(
    tmp_path: Path, way: str, limited: Callable[[], None], tally: Callable[[str, int], Tally]
) -> None:
    """The second run fails, too: a failure is not saved. Without the limit, it succeeds."""
    hog, sandbox, message = WAYS[way]
    count, of = tally("out of memory", 1), space(tmp_path, TOML.replace("HOG", hog))
    words = of.command("build", "-k", "-j2", "--sandbox", sandbox, "//...")
    for _ in range(2):
        done = subprocess.run(
            words,
            cwd=of.root,
            env=of.environ(),
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=limited,
            timeout=300,
        )
        if done.returncode == 30:
            absent(f"the sandbox {sandbox} does not work here")
        assert done.returncode == 1 and message in done.stderr, done.stdout + done.stderr
        assert (of.root / "out/other/o").read_text() == "done\n" and not (
            of.root / "out/hog"
        ).exists(), done.stderr
    check_cache(of)
    check_no_scratch(of)
    of.write("BUILD.toml", TOML.replace("HOG", "true"))
    assert of.run("build", "--sandbox", sandbox, "--json", "//...").titles("hit") == ["sh"]
    count.survived()
