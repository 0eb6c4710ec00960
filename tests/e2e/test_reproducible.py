"""The same sources give the same image, whoever builds them, where, and how isolated.

The digests below are those of this version of buildgraph and its pinned tools. One that moves without a change of
models, compiler or image is a bug; after such a change, put the new digests here.
"""
from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import absent
from tests.rooms import BOTH, copy, image, repository
from tests.space import Space

pytestmark = pytest.mark.slow
ROOMS = {
    "rooms.pi": "sha256:9b2df9efc190e864fde79d216b5b31dcc2fe5ec0487e2623f7ca909440753313",
    "rooms.x86": "sha256:cf830e6e9370dfc852a64171502a1c44e87e8e8bd32e49a9644f127b021bed45",
}
FORAGERS = {
    "jetson": "sha256:42b01bfad585dc643ab1c48e429ddaed6e83257c0b000c9487495ef6bef7cec3",
    "raspberry-pi": "sha256:17ccc773aed09077a570ddda9075ffe41db0330f168caf887801b77b7feb6518",
    "x86": "sha256:a984014836b78bd0bfa766690507366a7aa37000668fdf8a8fc1ec264833e74c",
}
ODD = {"TZ": "Pacific/Auckland", "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "PYTHONHASHSEED": "4711", "HOME": "/nonexistent",
       "SOURCE_DATE_EPOCH": "1", "OMP_NUM_THREADS": "7", "OPENBLAS_CORETYPE": "Prescott", "CFLAGS": "-O0",
       "CC": "false", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"}


def build(space: Space, *words: str) -> str:
    """Build with a cold cache, another umask, and an environment that must not matter; the sandbox that was used."""
    done = subprocess.run(space.command("build", "--json", *words), cwd=space.root, env=space.environ() | ODD,
                          umask=0o077, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return next(str(event["sandbox"]) for event in events if event["event"] == "planned")


def everything(folder: Path) -> Iterator[tuple[str, bool, bytes]]:
    """Path, executable or not, and content of every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), bool(path.stat().st_mode & 0o100), path.read_bytes()


def test_the_images_are_those_of_every_other_build(built: Space) -> None:
    assert {name: image(built, name) for name in ROOMS} == ROOMS


def test_the_images_of_the_repository_are_those_of_every_other_build(tmp_path: Path) -> None:
    space = repository(tmp_path / "a rather longer name of a folder, with spaces" / "w", tmp_path / "cache")
    build(space, *(f"//exports:{name}" for name in FORAGERS))
    assert {name: image(space, name) for name in FORAGERS} == FORAGERS


@pytest.mark.parametrize("sandbox, jobs", [("landlock", "-j1"), ("none", "-j4")])
def test_a_weaker_sandbox_and_other_threads_make_the_same_bytes(
        built: Space, tmp_path: Path, sandbox: str, jobs: str) -> None:
    space = copy("npz", tmp_path / "w", tmp_path / "cache")
    probe = space.run("build", "--sandbox", sandbox, "//hardware:pi", code=None)
    if probe.code:
        absent(f"no sandbox {sandbox} here")
    assert build(space, BOTH, "--sandbox", sandbox, jobs) == sandbox
    for name in ROOMS:
        mine, other = (list(everything(of.root / "out/exports" / name)) for of in (space, built))
        assert mine == other
