"""The same sources give the same image for every user, folder, sandbox and number of threads.

The digests below are those of this version of buildgraph and its pinned tools. A digest that
changes without a change of models, compiler or image is a bug. After such a change, write the new
digests here.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.requirements import absent
from tests.support.small_filesystems import BOTH, copy, image, repository
from tests.support.workspace import Space

pytestmark = pytest.mark.slow
ROOMS = {
    "rooms.pi": "sha256:e97d1cbdf45835308a171735de72cfa579ecbf0ba6cb0d3d858a50f466cba21e",
    "rooms.x86": "sha256:fa8e128721f540f86209e9cfc25943dd0504a56627ddc9fc86dcba793f3299ed",
}
FORAGERS = {
    "jetson": "sha256:90da170c0a19265654ce649dbd1d6a4bba77cd7cb81e451de4ad32c18f278834",
    "raspberry-pi": "sha256:6299bf963d528b297717e9ce80b16be85abd6f8d5315d19083226f2fba9dc9c8",
    "x86": "sha256:8d14d730ec31f05d81e98138c8d4e6a22a86415c63f71a9bdc466e590003f90b",
}
ODD = {
    "TZ": "Pacific/Auckland",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "C",
    "PYTHONHASHSEED": "4711",
    "HOME": "/nonexistent",
    "SOURCE_DATE_EPOCH": "1",
    "OMP_NUM_THREADS": "7",
    "OPENBLAS_CORETYPE": "Prescott",
    "CFLAGS": "-O0",
    "CC": "false",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
}


def build(space: Space, *words: str) -> str:
    """Build with another umask and environment, which must not matter; return the sandbox used."""
    result = subprocess.run(
        space.command("build", "--json", *words),
        cwd=space.root,
        env=space.environ() | ODD,
        umask=0o077,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    events = [json.loads(line) for line in result.stdout.splitlines()]
    return next(str(event["sandbox"]) for event in events if event["event"] == "planned")


def read_files(folder: Path) -> Iterator[tuple[str, bool, bytes]]:
    """Yield the path, executable bit and content of every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield (
                str(path.relative_to(folder)),
                bool(path.stat().st_mode & 0o100),
                path.read_bytes(),
            )


def test_the_images_have_the_recorded_digests(built: Space) -> None:
    assert {name: image(built, name) for name in ROOMS} == ROOMS


def test_the_images_of_the_repository_have_the_recorded_digests(tmp_path: Path) -> None:
    space = repository(
        tmp_path / "a rather longer name of a folder, with spaces" / "w", tmp_path / "cache"
    )
    build(space, *(f"//exports:{name}" for name in FORAGERS))
    assert {name: image(space, name) for name in FORAGERS} == FORAGERS


@pytest.mark.parametrize("sandbox, jobs", [("landlock", "-j1"), ("none", "-j4")])
def test_a_weaker_sandbox_and_other_thread_counts_give_the_same_bytes(
    built: Space, tmp_path: Path, sandbox: str, jobs: str
) -> None:
    space = copy("npz", tmp_path / "w", tmp_path / "cache")
    probe = space.run("build", "--sandbox", sandbox, "//hardware:pi", code=None)
    if probe.code:
        absent(f"no sandbox {sandbox} here")
    assert build(space, BOTH, "--sandbox", sandbox, jobs) == sandbox
    for name in ROOMS:
        own, other = (
            list(read_files(workspace.root / "out/exports" / name)) for workspace in (space, built)
        )
        assert own == other
