"""A build in which nothing changed costs little more than starting Python, and imports nothing dear."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.installed import installed
from tests.bench.timing import Command, side_by_side
from tests.support.workspace import Space, space

TARGET = """
[t{0}]
rule = "command"
inputs = {{ i = "in{0}.txt" }}
outputs = {{ o = "o.txt" }}
argv = ["cp", "{{i}}", "{{o}}"]
"""
DEAR = {
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
code = main(["build", "//..."])
print("\\n".join(sorted(set(sys.modules) - before)), file=sys.stderr)
sys.exit(code)
"""


def settled(tmp_path: Path, targets: int) -> Space:
    """A workspace that was built, and whose receipt is written: its files are older than the racy window."""
    made = space(
        tmp_path,
        '[workspace]\nname = "w"\n' + "".join(TARGET.format(number) for number in range(targets)),
    )
    for number in range(targets):
        made.write(f"in{number}.txt", str(number))
    deadline = time.monotonic() + 60
    while not list((made.root / ".buildgraph").glob("manifests/*")):
        assert time.monotonic() < deadline, "no receipt was ever written"
        made.run("build", "//...", "--sandbox", "none")
        made.run("build", "//...")
        time.sleep(0.5)
    return made


@pytest.mark.slow
def test_a_noop_imports_nothing_dear(tmp_path: Path) -> None:
    made = settled(tmp_path, 3)
    done = subprocess.run(
        [sys.executable, "-c", MODULES],
        cwd=made.root,
        env=made.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nothing changed" in done.stdout
    imported = set(done.stderr.split())
    assert not imported & DEAR
    assert {name for name in imported if name.startswith("buildgraph")} == {
        "buildgraph",
        "buildgraph.cli",
        "buildgraph.fastpath",
        "buildgraph.fastpath.manifest",
        "buildgraph.lite",
    }
    assert len(imported) <= 11, sorted(imported)


@pytest.mark.slow
def test_a_changed_file_and_a_clone_import_nothing_dear(tmp_path: Path) -> None:
    """Measured in an installation of its own: an editable one has imported half of the library by then."""
    made, python = settled(tmp_path, 3), installed(tmp_path / "env").with_name("python")
    environ = made.environ() | {"BUILDGRAPH_SANDBOX": "none"}

    def build() -> tuple[str, set[str]]:
        done = subprocess.run(
            [str(python), "-c", MODULES],
            cwd=made.root,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout, set(done.stderr.split())

    build()
    while "nothing changed" not in build()[0]:
        time.sleep(0.3)
    made.write("in1.txt", "other")
    said, imported = build()
    assert "1 ran" in said and not imported & (DEAR - {"hashlib"}), sorted(imported & DEAR)
    for folder in ("out", ".buildgraph"):
        shutil.rmtree(made.root / folder)
    said, imported = build()
    assert "0 ran, 3 hits" in said and not imported & (DEAR - {"hashlib", "re"}), sorted(
        imported & DEAR
    )


@pytest.mark.slow
def test_a_noop_costs_at_most_four_starts_of_python(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = settled(tmp_path, 30)
    binary = Path(sys.executable).parent / "buildgraph"
    assert binary.exists(), "the console script is measured, not -m"
    ours = Command([str(binary), "build", "//..."], made.root, made.environ())
    bare = Command([sys.executable, "-c", "pass"], made.root, dict(os.environ))
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


def test_the_receipt_notices_whatever_changes(tmp_path: Path) -> None:
    made = settled(tmp_path, 2)
    assert "nothing changed" in made.run("build", "//...").out
    made.write("in1.txt", "other")
    assert "1 ran" in made.run("build", "//...").out
    (made.root / "out/t0/o.txt").unlink()
    assert "nothing changed" not in made.run("build", "//...").out
    assert (made.root / "out/t0/o.txt").read_text() == "0"
    made.write(
        "BUILD.toml", (made.root / "BUILD.toml").read_text() + TARGET.format(1).replace("t1", "t2")
    )
    assert "//:t2" in made.run("build", "//...").out
    made.write(
        "sub/BUILD.toml",
        TARGET.format(1)
        .replace("in1", "../in1")
        .replace("t1", "t3")
        .replace("../in1.txt", "a.txt"),
    )
    made.write("sub/a.txt", "a")
    assert "//sub:t3" in made.run("build", "//...").out
