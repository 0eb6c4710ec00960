"""Programs of the host that appear in an earlier folder or by a mount, and nothing else changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import absent, need
from tests.support.workspace import space

TOML = """
[workspace]
name = "w"

[made]
rule = "command"
outputs = { o = "o" }
argv = ["bg-maker", "{o}"]

[checked]
rule = "gate"
argv = ["bg-checker"]
"""
SCRIPT = """
import os, subprocess, sys, time
from pathlib import Path
os.environ["BUILDGRAPH_SANDBOX"] = "none"
sooner, later = Path("/usr/local/bin"), Path("/usr/sbin")

def mount(*words):
    subprocess.run(["mount", *words], check=True)

def maker(folder, word):
    (folder / "bg-maker").write_text(f"#!/bin/sh\\necho {word} > $1\\n")
    (folder / "bg-maker").chmod(0o755)

def build(what="//..."):
    return subprocess.run([sys.executable, "-m", "buildgraph", "build", what], capture_output=True,
                          text=True, check=True).stdout

def settled(what="//..."):
    deadline = time.monotonic() + 60
    while "nothing changed" not in (said := build(what)):
        assert time.monotonic() < deadline, said
        time.sleep(0.3)
    return said

mount("--bind", sys.argv[1], str(sooner))
mount("-t", "tmpfs", "none", str(later))
maker(later, "later")
(sooner / "bg-checker").touch()   # it cannot be run
settled("//:made")
assert Path("out/made/o").read_text() == "later\\n"
maker(sooner, "sooner")
build("//:made")
assert Path("out/made/o").read_text() == "sooner\\n"
assert "not checked" in settled()
mount("--bind", "/bin/true", str(sooner / "bg-checker"))
assert "not checked" not in build()
assert "passed" in settled()
subprocess.run(["umount", str(sooner / "bg-checker")], check=True)
assert "not checked" in build()
"""


@pytest.mark.slow
def test_a_manifest_notices_added_and_removed_programs(tmp_path: Path) -> None:
    """The test uses its own mount namespace, so the folders of the host do not change."""
    if (
        os.geteuid() != 0
        or subprocess.run(
            [need("unshare"), "-m", "true"], capture_output=True, check=False
        ).returncode
    ):
        absent("no namespace of mounts can be had")
    of, programs = space(tmp_path, TOML), tmp_path / "programs"
    programs.mkdir()
    for path in Path("/usr/local/bin").glob(
        "python*"
    ):  # some images have the interpreter itself there
        shutil.copy(path, programs)
    done = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", SCRIPT, str(programs)],
        cwd=of.root,
        env=of.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
