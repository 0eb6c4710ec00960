"""Cache folders that cannot be used, or that look odd: the build works or prints what to do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fault_counts import Tally
from tests.support.generated_workspace import check_outputs, generated_workspace
from tests.support.requirements import absent
from tests.support.workspace import Space

pytestmark = [pytest.mark.fault, pytest.mark.slow]
ELSEWHERE = "set BUILDGRAPH_CACHE to a folder of yours on a disk with room"


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount a file system in memory."""
    if os.geteuid() != 0:
        absent("only root can mount a disk")
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=False
    ).returncode:
        absent("no tmpfs can be mounted")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def check_refused(of: Space, *texts: str, fix: str = ELSEWHERE) -> None:
    """Check for the exit code of the environment, the folder and the help; nothing is built."""
    done = of.run("build", "--sandbox", "none", "//...", code=30)
    assert all(text in done.err for text in (*texts, fix)), done.err
    assert not (of.root / "out").exists()


def check_works(of: Space) -> None:
    """Build cold, and check for hits the second time."""
    of.run("build", "--sandbox", "none", "//...")
    check_outputs(of, "0")
    of.write("in0.txt", "other\n")
    assert len(of.run("build", "--sandbox", "none", "--json", "//...").titles("ran")) == 2
    of.write("in0.txt", "0 0\n")
    assert of.run("build", "--sandbox", "none", "--json", "//...").titles("ran") == []


def a_file(of: Space) -> None:
    of.cache.write_text("")
    check_refused(of, str(of.cache))


def below_a_file(of: Space) -> None:
    of.cache.write_text("")
    of.cache = of.cache / "deeper"
    check_refused(of, str(of.cache))


def owned_by_another(of: Space) -> None:
    if os.geteuid() != 0:
        absent("only root can give a folder away")
    of.cache.mkdir(mode=0o700)
    os.chown(of.cache, 12345, 12345)
    check_refused(of, f"the cache folder {of.cache} belongs to uid 12345")


def open_to_others(of: Space) -> None:
    of.cache.mkdir()
    of.cache.chmod(0o777)
    check_refused(of, f"others can write the cache folder {of.cache}", fix=f"chmod 700 {of.cache}")
    of.cache.chmod(0o700)
    check_works(of)


def read_only(of: Space) -> None:
    with mounted(of.cache, "size=1m,mode=700,ro"):
        check_refused(of, f"the cache folder {of.cache} cannot be written")


def became_read_only(of: Space) -> None:
    """The manifest answers for unchanged files, but nothing new is built."""
    with mounted(of.cache, "size=8m,mode=700"):
        check_works(of)
        subprocess.run(["mount", "-o", "remount,ro", str(of.cache)], check=True)
        of.write("in0.txt", "1 0\n")
        done = of.run("build", "--sandbox", "none", "//...", code=30)
        assert str(of.cache) in done.err and ELSEWHERE in done.err
        assert of.run("cache", "stats").out


def without_inodes(of: Space) -> None:
    with mounted(of.cache, "size=8m,mode=700,nr_inodes=14"):
        done = of.run("build", "--sandbox", "none", "//...", code=30)
        assert str(of.cache) in done.err and "set BUILDGRAPH_CACHE to a folder" in done.err, (
            done.err
        )


def another_disk(of: Space) -> None:
    with mounted(of.cache, "size=8m,mode=700"):
        check_works(of)


def a_link_to_a_folder(of: Space) -> None:
    target = of.cache.with_name("real")
    target.mkdir(mode=0o700)
    of.cache.symlink_to(target)
    check_works(of)


def a_link_to_nothing(of: Space) -> None:
    of.cache.symlink_to(of.cache.with_name("nowhere"))
    check_refused(of, str(of.cache))


def odd_name(of: Space) -> None:
    of.cache = of.cache.with_name("~ $HOME %s \u00fc 'quoted' {x}")
    check_works(of)


def deep_and_missing(of: Space) -> None:
    of.cache = of.cache / "a/b/c"
    check_works(of)


def no_home(of: Space) -> None:
    of.env |= {"BUILDGRAPH_CACHE": "", "HOME": "", "XDG_CACHE_HOME": "relative"}
    check_refused(of, "there is no folder for the cache: HOME is not set")


def no_home_but_xdg(of: Space) -> None:
    of.env |= {"BUILDGRAPH_CACHE": "", "HOME": "", "XDG_CACHE_HOME": str(of.cache)}
    check_works(of)
    assert (of.cache / "buildgraph/blobs").is_dir()


def the_workspace_itself(of: Space) -> None:
    of.cache = of.root / "cache"
    check_works(of)


def vanishes(of: Space) -> None:
    """A cache may be deleted at any time; what is missing is built again."""
    check_works(of)
    subprocess.run(["rm", "-rf", str(of.cache)], check=True)
    of.write("in1.txt", "0 1\n")
    of.run("build", "--sandbox", "none", "//...")
    check_outputs(of, "0")
    of.write("in0.txt", "1 0\n")
    assert of.run("build", "--sandbox", "none", "--json", "//...").titles("ran")
    assert (of.root / "out/f0/f0.txt").read_text() == "1 0\n" * 2
    of.write("in0.txt", "0 0\n")
    subprocess.run(
        ["rm", "-rf", str(of.cache), str(of.root / "out"), str(of.root / ".buildgraph")], check=True
    )
    check_works(of)


CASES = [
    a_file,
    below_a_file,
    owned_by_another,
    open_to_others,
    read_only,
    became_read_only,
    without_inodes,
    another_disk,
    a_link_to_a_folder,
    a_link_to_nothing,
    odd_name,
    deep_and_missing,
    no_home,
    no_home_but_xdg,
    the_workspace_itself,
    vanishes,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.__name__))
def test_the_folder_of_the_cache(
    tmp_path: Path, case: Callable[[Space], None], tally: Callable[[str, int], Tally]
) -> None:
    """There is no traceback, no wrong output and no other folder."""
    count = tally("cache folder", 1)
    case(generated_workspace(tmp_path))
    count.survived()
