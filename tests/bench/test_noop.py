"""A no-op build costs little more than the start of Python, and imports no slow modules."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from buildgraph.host.environment import engine_stamps
from tests.bench.installed import shared
from tests.bench.timing import Command, side_by_side
from tests.support.workspace import Space, space

TARGET = """
[t{0}]
rule = "command"
inputs = {{ i = "in{0}.txt" }}
outputs = {{ o = "o.txt" }}
argv = ["cp", "{{i}}", "{{o}}"]
"""
EXPENSIVE = {
    "networkx",
    "pydantic",
    "docker",
    "numpy",
    "diskcache",
    "xxhash",
    "rich",
    "argparse",
    "dataclasses",
    "typing",
    "re",
    "json",
    "pathlib",
    "subprocess",
    "hashlib",
    "tomllib",
}
MODULES = """
import sys
before = set(sys.modules)
from buildgraph.cli import main
code = main(["build", *(sys.argv[1:] or ["//..."])])
print("\\n".join(sorted(set(sys.modules) - before)), file=sys.stderr)
sys.exit(code)
"""


def settled(tmp_path: Path, targets: int) -> Space:
    """A built workspace with a manifest: its files are older than the racy window."""
    workspace = space(
        tmp_path,
        '[workspace]\nname = "w"\n' + "".join(TARGET.format(number) for number in range(targets)),
    )
    for number in range(targets):
        workspace.write(f"in{number}.txt", str(number))
    deadline = time.monotonic() + 60
    while not list((workspace.root / ".buildgraph").glob("manifests/*")):
        assert time.monotonic() < deadline, "no manifest was written"
        workspace.run("build", "//...", "--sandbox", "none")
        workspace.run("build", "//...")
        time.sleep(0.5)
    return workspace


@pytest.mark.slow
def test_a_noop_imports_no_slow_modules(tmp_path: Path) -> None:
    workspace = settled(tmp_path, 3)
    done = subprocess.run(
        [sys.executable, "-c", MODULES],
        cwd=workspace.root,
        env=workspace.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nothing changed" in done.stdout
    imported = set(done.stderr.split())
    assert not imported & EXPENSIVE
    assert {name for name in imported if name.startswith("buildgraph")} == {
        "buildgraph",
        "buildgraph.cli",
        "buildgraph.fastpath",
        "buildgraph.fastpath.manifest",
        "buildgraph.lite",
    }
    assert len(imported) <= 11, sorted(imported)


def imported_by(workspace: Space, *words: str) -> tuple[str, set[str]]:
    """The output of a build, and the modules of buildgraph that it imports."""
    done = subprocess.run(
        [sys.executable, "-c", MODULES, *words],
        cwd=workspace.root,
        env=workspace.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, {name for name in done.stderr.split() if name.startswith("buildgraph.")}


def is_light_check(imported: set[str]) -> bool:
    """True if a build did without a snapshot and without the analysis."""
    return not {name.split(".")[1] for name in imported} - {"cli", "fastpath", "files", "lite"}


@pytest.mark.slow
def test_unread_files_and_options_are_answered_by_the_manifest(tmp_path: Path) -> None:
    workspace = settled(tmp_path, 3)
    workspace.write("sub/BUILD.toml", '[parts]\nrule = "files"\nsrcs = ["src/*.txt"]\n')
    workspace.write("sub/src/a.txt", "a")
    time.sleep(0.15)
    workspace.run("build", "//...")
    time.sleep(0.15)
    for path in ("notes.md", "sub/notes", "sub/src/a.txt~", "sub/src/.a.txt.swp", "sub/src/b/x"):
        workspace.write(path, "notes")
        output, imported = imported_by(workspace)
        if path == "sub/src/b/x":  # the first build with a new folder looks for BUILD.toml in it
            workspace.write("sub/src/b/y", "more")
            time.sleep(0.15)
            output, imported = imported_by(workspace)
        assert "nothing changed: 4 actions" in output and is_light_check(imported), path
    time.sleep(0.15)
    imported_by(workspace)
    for words in (["-j2"], ["-k", "--jobs", "1"], ["-q"]):
        output, imported = imported_by(workspace, *words, "//...")
        assert ("nothing changed" in output) == (words != ["-q"]) and "//sub:parts" in output
        assert imported == {
            "buildgraph.cli",
            "buildgraph.fastpath",
            "buildgraph.fastpath.build_words",
            "buildgraph.fastpath.manifest",
            "buildgraph.lite",
        }
    workspace.write("sub/src/c.txt", "c")
    assert "1 ran" in imported_by(workspace)[0]


@pytest.mark.slow
def test_a_build_from_source_imports_no_module_without_a_stamp(tmp_path: Path) -> None:
    """A no-op compares the files of buildgraph that builds import, and no others."""
    workspace = space(tmp_path, '[workspace]\nname = "w"\n' + TARGET.format(1))
    workspace.write("in1.txt", "1")
    output, imported = imported_by(workspace)
    assert "1 ran" in output
    stamps = {os.path.realpath(path) for path in engine_stamps()}
    assert len(stamps) > 200
    verbs = {"buildgraph.cli.verbs", "buildgraph.cli.verbs.build"}  # they only make the request
    for name in imported - verbs:
        path = os.path.realpath(str(importlib.import_module(name).__file__))
        assert path in stamps, name


@pytest.mark.slow
def test_the_first_build_of_a_checkout_leaves_a_manifest(tmp_path: Path) -> None:
    """It makes out/ in the root, whose stamp it took before."""
    workspace = space(tmp_path, '[workspace]\nname = "w"\n' + TARGET.format(1))
    workspace.write("in1.txt", "1")
    time.sleep(0.15)  # a younger file is read again by the next build
    workspace.run("build", "//...")
    output, imported = imported_by(workspace)
    assert "nothing changed: 1 action" in output and is_light_check(imported)
    time.sleep(0.15)
    imported_by(workspace)
    assert "buildgraph.fastpath.unread_entries" not in imported_by(workspace)[1]


@pytest.mark.slow
def test_a_changed_file_and_a_clone_import_no_slow_modules(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Run in an installation of its own: an editable one has imported many modules before."""
    workspace, python = settled(tmp_path, 3), shared(tmp_path_factory).with_name("python")
    environ = workspace.environ() | {"BUILDGRAPH_SANDBOX": "none"}

    def build() -> tuple[str, set[str]]:
        done = subprocess.run(
            [str(python), "-c", MODULES],
            cwd=workspace.root,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout, set(done.stderr.split())

    build()
    while "nothing changed" not in build()[0]:
        time.sleep(0.3)
    workspace.write("in1.txt", "other")
    output, imported = build()
    assert "1 ran" in output and not imported & (EXPENSIVE - {"hashlib"}), sorted(
        imported & EXPENSIVE
    )
    for folder in ("out", ".buildgraph"):
        shutil.rmtree(workspace.root / folder)
    output, imported = build()
    assert "0 ran, 3 hits" in output and not imported & (EXPENSIVE - {"hashlib", "re"}), sorted(
        imported & EXPENSIVE
    )


@pytest.mark.slow
def test_a_noop_costs_at_most_four_starts_of_python(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = settled(tmp_path, 30)
    binary = Path(sys.executable).parent / "buildgraph"
    assert binary.exists(), "the console script is measured, not -m"
    ours = Command([str(binary), "build", "//..."], workspace.root, workspace.environ())
    bare = Command([sys.executable, "-c", "pass"], workspace.root, dict(os.environ))
    mine, theirs, ratio = side_by_side(ours, bare)
    with capsys.disabled():
        print(
            json.dumps(
                {
                    "bench": "noop 30 targets",
                    "cpu_ms": round(mine * 1000, 1),
                    "python_ms": round(theirs * 1000, 1),
                    "ratio": round(ratio, 2),
                    "goal": 4,
                }
            )
        )
    assert ratio <= 4


def test_the_manifest_notices_each_change(tmp_path: Path) -> None:
    workspace = settled(tmp_path, 2)
    assert "nothing changed" in workspace.run("build", "//...").out
    workspace.write("in1.txt", "other")
    assert "1 ran" in workspace.run("build", "//...").out
    (workspace.root / "out/t0/o.txt").unlink()
    assert "nothing changed" not in workspace.run("build", "//...").out
    assert (workspace.root / "out/t0/o.txt").read_text() == "0"
    workspace.write(
        "BUILD.toml",
        (workspace.root / "BUILD.toml").read_text() + TARGET.format(1).replace("t1", "t2"),
    )
    assert "//:t2" in workspace.run("build", "//...").out
    workspace.write(
        "sub/BUILD.toml",
        TARGET.format(1)
        .replace("in1", "../in1")
        .replace("t1", "t3")
        .replace("../in1.txt", "a.txt"),
    )
    workspace.write("sub/a.txt", "a")
    assert "//sub:t3" in workspace.run("build", "//...").out
