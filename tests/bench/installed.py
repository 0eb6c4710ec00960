"""Install this project as users do: an editable install adds an import hook to each start."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.once import once

ROOT = Path(__file__).parents[2]


def installed(folder: Path, copies: bool = False) -> Path:
    """Install into an environment in `folder` that uses the other packages of this one.

    With `copies` its interpreter is a copy, too, which a test may change.
    """
    source, wheels = folder / "source", folder / "wheels"
    for part in ("buildgraph", "rules"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", source)
    _pip("wheel", "-w", str(wheels), "--no-build-isolation", str(source))
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", *["--copies"] * copies, str(folder)],
        check=True,
    )
    _pip("--python", str(folder / "bin/python"), "install", *map(str, wheels.iterdir()))
    [site] = folder.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(
        sysconfig.get_paths()["purelib"] + "\n"
    )  # its own .pth files are not read so
    return folder / "bin/buildgraph"


def shared(factory: pytest.TempPathFactory) -> Path:
    """Install once a session; no test may change it."""
    return once(factory, "installed", installed) / "bin/buildgraph"


def _pip(*words: str) -> None:
    at = 2 if words[0] == "--python" else 0
    command = [*words[: at + 1], "-q", "--no-deps", *words[at + 1 :]]
    subprocess.run([sys.executable, "-m", "pip", *command], check=True, stdout=subprocess.DEVNULL)
