"""Actions that run after an edit; each one writes a line to a file outside of its sandbox."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

STEP = """
[t{n}]
rule = "command"
inputs = {{ {name} = "{given}" }}
outputs = {{ o = "o" }}
argv = ["sh", "-c", "echo {n} >> {counter}; sed 's/#.*//' {{{name}}} > {{o}}; echo {n} >> {{o}}"]
"""


def chain(folder: Path, length: int) -> tuple[Space, Path]:
    """A chain of commands, built, and the file in which they leave a line each."""
    counter = folder / "ran"
    text = '[workspace]\nname = "w"\n' + "".join(
        STEP.format(n=n, counter=counter, name=f"i{n}", given=f":t{n - 1}" if n else "s.txt")
        for n in range(length)
    )
    of = space(folder, text)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    of.write("s.txt", "source\n")
    assert ran(of, counter) == list(range(length))
    return of, counter


def ran(of: Space, counter: Path) -> list[int]:
    """The numbers of the commands that a build runs."""
    counter.write_text("")
    time.sleep(0.15)  # as long as it takes to type the command
    of.run("build", "//...")
    return sorted(map(int, counter.read_text().split()))


@pytest.mark.slow
def test_exactly_what_must_runs(tmp_path: Path) -> None:
    """None at first and after a touch, one after a comment, ten after a change, none after undo."""
    of, counter = chain(tmp_path, 10)
    source = of.root / "s.txt"
    for _ in range(2):  # with and without what the build before left
        assert ran(of, counter) == []
        os.utime(source)
        assert ran(of, counter) == []
        of.write("s.txt", "source# comment\n")
        assert ran(of, counter) == [0]
        of.write("s.txt", "another\n")
        assert ran(of, counter) == list(range(10))
        of.write("s.txt", "source\n")
        assert ran(of, counter) == []
        for path in of.cache.rglob("*"):
            if path.is_file() and "results" in path.parts:
                path.unlink()
        of.write("s.txt", f"fresh {time.time_ns()}\n")
        assert ran(of, counter) == list(range(10))
        of.write("s.txt", "source\n")
        assert ran(of, counter) == list(range(10))
