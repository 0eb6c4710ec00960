"""The examples: where they are, copies of them to build in, and the digest of an image that was built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.support.workspace import Space

EXAMPLES = Path(__file__).parents[2] / "examples"
BOTH = "//exports:rooms"  # a matrix of two boards


def copy(example: str, root: Path, cache: Path) -> Space:
    """A copy of an example's workspace, without what was built in it."""
    _copy(EXAMPLES / example, root)
    return Space(root, cache)


def repository(root: Path, cache: Path) -> Space:
    """A copy of the repository's own workspace: four agents of pymdp for three boards."""
    _copy(EXAMPLES / "pymdp", root / "examples/pymdp")
    shutil.copy(EXAMPLES.parent / "BUILD.toml", root)
    return Space(root, cache)


def image(space: Space, export: str = "rooms.pi") -> str:
    """The digest of the image of an export that stands below `out/`."""
    index = json.loads((space.root / f"out/exports/{export}/image/index.json").read_text())
    [manifest] = index["manifests"]
    return str(manifest["digest"])


def _copy(example: Path, folder: Path) -> None:
    shutil.copytree(
        example, folder, ignore=shutil.ignore_patterns("out", ".buildgraph", "__pycache__")
    )
