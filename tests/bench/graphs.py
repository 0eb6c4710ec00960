"""Generate build graphs for all build systems: commands, files, dependencies, expected outputs.

A step writes its number and joins the lines of its inputs, each line once, without those that
begin with `#`. So a comment that is added to a source changes the input of one step and no output,
and no two steps are the same action. There are two shapes: chains of ten steps, and layers with a
random depth, fan-in and sizes of sources. Some steps also read one of eight shared files, as
exports read a hardware profile.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

CHAIN, PROFILES = 10, 8


@dataclass(frozen=True)
class Step:
    """One command: its number, the files that it reads, and the steps whose outputs it reads."""

    number: int
    sources: tuple[str, ...]
    needs: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """Steps in an order in which they can run, and the text of every file that they read."""

    shape: str
    steps: tuple[Step, ...]
    files: Mapping[str, str]
    repeat: int = 1  # how often a step writes its number

    @property
    def program(self) -> str:
        """The program of awk; `n` is the number of the step. No interpreter starts faster."""
        number = "print n" if self.repeat == 1 else f"for(i=0;i<{self.repeat};i++)print n"
        return f"BEGIN{{{number}}} !/^#/ && !s[$0]++"

    def expected(self, files: Mapping[str, str]) -> list[str]:
        """The expected output of each step."""
        outputs: list[str] = []
        for step in self.steps:
            lines = [
                line
                for text in (
                    *(files[name] for name in step.sources),
                    *(outputs[need] for need in step.needs),
                )
                for line in text.splitlines(True)
                if not line.startswith("#")
            ]
            outputs.append(f"{step.number}\n" * self.repeat + "".join(dict.fromkeys(lines)))
        return outputs

    def due(self, before: Mapping[str, str], after: Mapping[str, str]) -> int:
        """Count the steps with an input whose content changed: only these must run."""
        old, new = self.expected(before), self.expected(after)
        return sum(
            any(before[name] != after[name] for name in step.sources)
            or any(old[need] != new[need] for need in step.needs)
            for step in self.steps
        )

    def reached(self, names: Sequence[str]) -> int:
        """Count the steps that depend on these files, directly or not.

        These run in a build system that compares only the times of files.
        """
        flags = bytearray(len(self.steps))
        for step in self.steps:
            flags[step.number] = any(name in names for name in step.sources) or any(
                flags[need] for need in step.needs
            )
        return sum(flags)

    def write(self, folder: Path) -> None:
        """Write the files below a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text)


def chains(count: int) -> Graph:
    """Chains of ten steps.

    The first step of each reads a source of its own; the third and later ones a shared file.
    """
    steps = []
    for number in range(count):
        chain, place = divmod(number, CHAIN)
        sources = (
            (f"s{chain}.txt",)
            if place == 0
            else (f"profile{chain % PROFILES}.txt",)
            if place > 1
            else ()
        )
        steps.append(Step(number, sources, (number - 1,) if place else ()))
    return _graph("chains", steps, lambda name: f"the text of {name}\n")


def layers(count: int, seed: int) -> Graph:
    """Layers of equal width.

    A step reads up to four near it in the layer before, and one in twelve a source of its own.
    """
    dice = random.Random(seed)
    depth = min(count, dice.randint(4, 14))
    width = -(-count // depth)
    steps = []
    for number in range(count):
        layer, column = divmod(number, width)
        near = {
            (layer - 1) * width + (column + dice.randint(-2, 2)) % width
            for _ in range(dice.randint(1, 4) if layer else 0)
        }
        sources = [f"s{number}.txt"] if not layer or dice.random() < 1 / 12 else []
        if layer > 1 and dice.random() < 0.8:
            sources.append(f"profile{column % PROFILES}.txt")
        steps.append(Step(number, tuple(sources), tuple(sorted(near))))
    return _graph(
        f"layers, seed {seed}",
        steps,
        lambda name: "".join(
            f"line {line} of {name}\n" for line in range(dice.choice((1, 1, 1, 2, 5, 40)))
        ),
    )


def large(count: int) -> Graph:
    """Independent steps, each with a source of one line and an output of about 1 MiB."""
    graph = _graph(
        "1 MiB each",
        [Step(number, (f"s{number}.txt",), ()) for number in range(count)],
        lambda name: f"{name}\n",
    )
    return replace(graph, repeat=350_000)


def _graph(shape: str, steps: Sequence[Step], text: Callable[[str], str]) -> Graph:
    names = [name for step in steps for name in step.sources]
    return Graph(shape, tuple(steps), {name: text(name) for name in dict.fromkeys(names)})
