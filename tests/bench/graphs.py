"""One generator of build graphs, written down for us and for ninja: the same commands, files and dependencies.

Layers of small shell commands in chains of ten; the first of a chain reads a source, every third also reads a shared file.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.timing import Command

CHAIN = 10


@dataclass(frozen=True)
class Step:
    """One command: its number, and the files or steps whose text it joins."""

    number: int
    sources: tuple[str, ...]
    needs: tuple[int, ...]


def steps(count: int) -> Iterator[Step]:
    """The steps of a graph."""
    for number in range(count):
        first = number % CHAIN == 0
        sources = ((f"s{number // CHAIN}.txt",) if first else ()) + (("profile.txt",) if number % 3 == 2 else ())
        yield Step(number, sources, () if first else (number - 1,))


def write_sources(folder: Path, count: int) -> None:
    """The files that the steps read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profile.txt").write_text("profile\n")
    for number in range(0, count, CHAIN):
        (folder / f"s{number // CHAIN}.txt").write_text(f"source {number}\n")


def ours(folder: Path, count: int) -> None:
    """The graph as a BUILD.toml."""
    write_sources(folder, count)
    text = ['[workspace]\nname = "bench"\n']
    for step in steps(count):
        inputs = [f'f{at} = "{name}"' for at, name in enumerate(step.sources)] + [f'd{need} = ":t{need}"' for need in step.needs]
        words = [f"{{{entry.split(' ')[0]}}}" for entry in inputs]
        text.append(f'[t{step.number}]\nrule = "command"\ninputs = {{ {", ".join(inputs)} }}\noutputs = {{ o = "o" }}\n'
                    f'argv = ["sh", "-c", "cat {" ".join(words)} > {{o}}"]\n')
    (folder / "BUILD.toml").write_text("\n".join(text))


def ninja(folder: Path, count: int) -> None:
    """The graph as a build.ninja."""
    write_sources(folder, count)
    text = ["rule cat\n  command = cat $in > $out\n"]
    for step in steps(count):
        text.append(f"build out/{step.number}: cat {' '.join([*step.sources, *(f'out/{need}' for need in step.needs)])}\n")
    (folder / "build.ninja").write_text("".join(text))


def program(folder: Path, cache: Path, *words: str) -> Command:
    """Our program, as it is installed."""
    env = dict(os.environ) | {"BUILDGRAPH_CACHE": str(cache), "BUILDGRAPH_SANDBOX": "none"}
    return Command([str(Path(sys.executable).parent / "buildgraph"), *words], folder, env)
