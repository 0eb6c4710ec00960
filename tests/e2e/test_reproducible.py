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
    "rooms.pi": "sha256:8da157ef3f61f893e16a3cf692e7b9dd825f0cdacc2c88df7d8bc2e987c751b7",
    "rooms.x86": "sha256:8d934a622e3cdfb68e032464fe436d0503401f41f5ed64707fa1ad68ed8ce0be",
}
FORAGERS = {
    "jetson": "sha256:24637b5ec82dba89f5f2c453bb1441364c4a42ae279797cc64704dd5f2402c62",
    "raspberry-pi": "sha256:e9bd25090282c4f9e6fc62ba94401e7e4e1b5076611c636cf2daf4c4d5360be9",
    "x86": "sha256:940ab1e4999272eedc747c38f47976d5e3077ed3b00a757e28540b05f92713e7",
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
