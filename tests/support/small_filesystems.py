"""The example workspaces: their folder, copies to build in, and digests of their images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.support.workspace import Space

EXAMPLES = Path(__file__).parents[2] / "examples"
BOTH = "//exports:rooms"  # a matrix of two boards


def copy(example: str, root: Path, cache: Path) -> Space:
    """Copy an example's workspace without its outputs."""
    _copy(EXAMPLES / example, root)
    return Space(root, cache)


def repository(root: Path, cache: Path) -> Space:
    """Copy the repository's own workspace: four agents of pymdp for three boards."""
    _copy(EXAMPLES / "pymdp", root / "examples/pymdp")
    shutil.copy(EXAMPLES.parent / "BUILD.toml", root)
    return Space(root, cache)


def image(space: Space, export: str = "rooms.pi") -> str:
    """Return the manifest digest of an export's image below `out/`."""
    index = json.loads((space.root / f"out/exports/{export}/image/index.json").read_text())
    [manifest] = index["manifests"]
    return str(manifest["digest"])


def _copy(example: Path, folder: Path) -> None:
    shutil.copytree(
        example, folder, ignore=shutil.ignore_patterns("out", ".buildgraph", "__pycache__")
    )
