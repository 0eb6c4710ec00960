"""A `files` target whose tree is made of digests: damaged blobs, and a run of the tool itself."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from buildgraph.types.digest import Digest
from tests.support.workspace import space

BUILD = '[workspace]\nname = "w"\n[all]\nrule = "files"\nsrcs = ["src/**"]\n'
SETTLED = 0.15  # seconds after which a build believes the stamp of a file


@pytest.mark.slow
def test_a_damaged_folder_message_is_made_again(tmp_path: Path) -> None:
    """The tree is walked to write the output, so the same build notices."""
    of = space(tmp_path, BUILD)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    for name in ("deep/a", "b"):
        of.write(f"src/{name}", name)
    of.run("build", "//...")
    blob = next(
        path
        for path in (of.cache / "blobs/sha256").iterdir()
        if path.read_bytes().startswith(b"\x0a") and path.read_bytes()[3:5] == b"\x01a"
    )
    whole = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(b"x" * len(whole))
    of.write("src/b", "later")
    time.sleep(SETTLED)
    of.run("build", "//...")
    assert (of.root / "out/all/tree/src/deep/a").read_text() == "deep/a"
    assert (of.root / "out/all/tree/src/b").read_text() == "later"
    assert blob.read_bytes() == whole


@pytest.mark.slow
def test_a_damaged_blob_is_made_again(tmp_path: Path) -> None:
    """A build that does not read it passes; the one that does gets it from the source."""
    of = space(tmp_path, BUILD)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    for name in "ab":
        of.write(f"src/{name}", name)
    time.sleep(SETTLED)
    of.run("build", "//...")
    blob = of.cache / "blobs/sha256" / Digest.of(b"a").hash
    blob.chmod(0o644)
    blob.write_bytes(b"x")
    of.write("src/b", "later")
    time.sleep(SETTLED)
    of.run("build", "//...")
    texts = {path.name: path.read_text() for path in (of.root / "out/all/tree/src").iterdir()}
    assert texts == {"a": "a", "b": "later"} and blob.read_bytes() == b"x"
    for folder in ("out", ".buildgraph"):
        shutil.rmtree(of.root / folder)
    of.run("build", "//...")
    texts = {path.name: path.read_text() for path in (of.root / "out/all/tree/src").iterdir()}
    assert texts == {"a": "a", "b": "later"} and blob.read_bytes() == b"a"


@pytest.mark.slow
def test_a_check_runs_the_tool(tmp_path: Path) -> None:
    """Its tree is compared with the one by digests."""
    of = space(tmp_path, BUILD)
    of.write("src/deep/a", "a")
    of.write("src/tool", "#!sh")
    (of.root / "src/tool").chmod(0o755)
    of.run("build", "--check", "--sandbox=none", "//...")
