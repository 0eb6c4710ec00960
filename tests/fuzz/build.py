"""Builds the fuzzer of the program, and runs it: `python tests/fuzz/build.py [--inputs 10000000]
[--seed 0]`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
for entry in (str(ROOT), str(ROOT / "rules/tools")):
    if entry not in sys.path:
        sys.path.insert(0, entry)

FLAGS = (
    "-O1",
    "-g",
    "-std=gnu11",
    "-fno-strict-aliasing",
    "-ffp-contract=off",
    "-w",
    "-Wno-psabi",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)
COVERED = "-fsanitize-coverage=trace-pc"


def build(compiler: str, folder: Path) -> Path:
    """The fuzzer of two linked agents, one with two replicas, in two copies, with every sanitizer
    that gcc has.
    """
    from tests.support.native_agents import emitted, main_text, random_model, ring

    agents = [
        emitted(ring(plan_every=2), "scout", folder / "scout"),
        emitted(random_model("still_factor", seed=6), "picker", folder / "picker"),
    ]
    links = [
        {"from": "scout.0.action.0", "to": "picker.observation.1"},
        {"from": "picker.belief.1", "to": "scout.1.observation.0"},
    ]
    main = main_text(
        agents,
        folder / "main",
        links,
        "--http",
        "--replicas",
        "scout=2",
        "--copies",
        "2",
        "--deadline",
        "1",
    )
    objects = []
    for agent in agents:
        objects.append(str(folder / f"{agent.name}.o"))
        subprocess.run(
            [compiler, *FLAGS, "-c", agent.path("agent.c"), "-o", objects[-1]], check=True
        )
    return compiled(compiler, main, [Path(path) for path in objects], folder / "driver")


def compiled(compiler: str, main: Path, objects: Sequence[Path], output: Path) -> Path:
    """The driver around a program's main file and its agents."""
    words = [
        compiler,
        *FLAGS,
        COVERED,
        "-D_GNU_SOURCE",
        f'-DMAIN_FILE="{main}"',
        str(Path(__file__).with_name("driver.c")),
    ]
    subprocess.run([*words, *map(str, objects), "-o", str(output)], check=True)
    return output


def run(driver: Path, inputs: int, seed: int) -> dict[str, Any]:
    """Counts of one run; CalledProcessError with the sanitizer's report when it finds something."""
    done = subprocess.run(
        [str(driver), str(inputs), str(seed)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stderr[-8000:], file=sys.stderr)
        done.check_returncode()
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def main(argv: Sequence[str]) -> int:
    """Print the counts of each job, one JSON object a line."""
    parser = argparse.ArgumentParser(prog="build", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compiler", default="gcc")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(build(options.compiler, Path(folder)), options.inputs, options.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
