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
    "rooms.pi": "sha256:13fc621953bab943d79d4f8413c0814d63f5b90a692e8a29478f960f89852030",
    "rooms.x86": "sha256:009013ddcd20015e118c61ec18382f436eeca65a11b5aa2952f0bced59ac318e",
}
FORAGERS = {
    "jetson": "sha256:f1091526297d7e4adc5c10d5ff5673ef40a2b2971cb0f68b19477eb7f23f8bee",
    "raspberry-pi": "sha256:74d67ba328f5b44581ad01e35ebd41e42e58b602f43f477694824c6c5d5395f0",
    "x86": "sha256:400dcd1a92530279866c5f8d26fef99a1915562c1cf1f181ce5669d4738e81bf",
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
