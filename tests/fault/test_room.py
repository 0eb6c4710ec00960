"""Full disks: one line names the folder, nothing is saved, and the next build works."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fault_counts import Tally
from tests.support.generated_workspace import check_cache, check_no_scratch
from tests.support.requirements import absent
from tests.support.workspace import Space, space

pytestmark = [pytest.mark.fault, pytest.mark.slow]
TOML = '[workspace]\nname = "w"\n' + "".join(
    f"""
[t{n}]
rule = "command"
outputs = {{ o = "o" }}
argv = ["sh", "-c", "head -c 2000000 /dev/zero | tr '\\\\0' {n} > {{o}}QUIET"]
"""
    for n in range(3)
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small disk in memory, which can be resized."""
    if os.geteuid() != 0:
        absent("only root can mount a disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", str(folder)], check=False
    )
    if done.returncode:
        absent("no tmpfs can be mounted")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def resize(disk: Path, size: str) -> None:
    """Change the size of the disk."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def check_outputs(of: Space) -> None:
    """Check the content of every output."""
    for n in range(3):
        assert (of.root / f"out/t{n}/o").read_bytes() == b"%d" % n * 2_000_000


@pytest.mark.parametrize("quiet", ["", " 2>/dev/null; true"], ids=["reported", "exit 0"])
@pytest.mark.parametrize("size", ["128k", "1m", "2m", "3m", "4m", "6m", "9m", "12m"])
def test_a_small_disk(
    tmp_path: Path, disk: Path, size: str, quiet: str, tally: Callable[[str, int], Tally]
) -> None:
    """Nothing is saved of a command that exits with 0 although it could not write."""
    count = tally("full disk", 1)
    of = space(tmp_path, TOML.replace("QUIET", quiet), disk / "cache")
    resize(disk, size)
    tried = of.run("build", "-j2", "--sandbox", "none", "//...", code=None)
    assert tried.code in (0, 1, 30), tried.err
    if tried.code == 30:
        assert "full" in tried.err or "no space" in tried.err.lower()
        assert str(disk) in tried.err or "write error" in tried.err
    if tried.code == 0:
        check_outputs(of)
    resize(disk, "64m")
    check_cache(of)
    of.run("build", "--sandbox", "none", "//...")
    check_outputs(of)
    check_no_scratch(of)
    count.survived()


def test_a_silent_command_that_fills_the_disk_is_reported(tmp_path: Path, disk: Path) -> None:
    of = space(tmp_path, TOML.replace("QUIET", " 2>/dev/null; true"), disk / "cache")
    resize(disk, "2m")
    message = of.run("build", "-j1", "--sandbox", "none", "//:t0", code=30).err
    assert "was full while the command ran" in message and "make room" in message


def test_a_full_workspace_is_reported(tmp_path: Path, disk: Path) -> None:
    """The outputs do not fit into the workspace, but the cache has them, so nothing runs again."""
    of = Space(disk / "w", tmp_path / "cache")
    of.write("BUILD.toml", TOML.replace("QUIET", ""))
    resize(disk, "3m")
    assert "no space" in of.run("build", "--sandbox", "none", "//...", code=30).err.lower()
    resize(disk, "64m")
    done = of.run("build", "--sandbox", "none", "--json", "//...")
    assert len(done.titles("hit")) == 3
    check_outputs(of)
