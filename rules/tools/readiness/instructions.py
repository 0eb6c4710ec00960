"""Instructions of a program's steps, counted in QEMU's user mode.

The program reads its clock before and after each step (native/measure.h). A plugin writes the
number of instructions executed so far at each of these system calls, so the difference of a pair is
exact: it does not depend on time, load or the version of QEMU. A QEMU without plugins logs each
instruction instead (trace.py).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from readiness.requests import Request
from readiness.trace import trace_words, traced

CLOCK = {"x86_64": 228, "aarch64": 113, "arm": 263, "riscv64": 113}
"""Number of clock_gettime by the processor in the emulator's name; see native/syscalls.h."""
LIMIT = 1200
"""Seconds for one run."""
APIS = (1, 2)
Method = Literal["plugin", "trace"]
Counts: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


class CannotCountError(Exception):
    """This emulator cannot count; the message gives the reason."""


class CountError(Exception):
    """The program failed while it was counted; the message has its output."""


@dataclass(frozen=True, slots=True)
class Counter:
    """An emulator such as qemu-aarch64, the core that it emulates, and the folder of the
    plugins.
    """

    emulator: str
    core: str
    plugins: Path

    @property
    def processor(self) -> str:
        """Return the processor in the emulator's name."""
        return self.emulator.rpartition("/")[2].removeprefix("qemu-").removesuffix("-static")


def version(emulator: str) -> str:
    """Return the version of QEMU, such as 7.2.22."""
    done = subprocess.run([emulator, "--version"], capture_output=True, text=True, check=False)
    parts = re.search(r"version ([0-9][0-9.]*[0-9])", done.stdout)
    return parts[1] if parts else "of an unknown version"


def method(counter: Counter) -> Method:
    """Return how an emulator counts; CannotCountError without plugins and a log."""
    words = [counter.emulator, "-h"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if "-plugin" in done.stdout:
        return "plugin"
    if trace_words(done.stdout):
        return "trace"
    raise CannotCountError(f"{Path(counter.emulator).name} loads no plugins and logs no blocks")


def counted(counter: Counter, program: Path, requests: Sequence[Request], *words: str) -> Counts:
    """Return the instructions of each step; CannotCountError if the emulator cannot count."""
    data = "".join(f"{request.text}\n" for request in requests).encode()
    steps = str(len(requests))
    measure = [f"./{program}", "--measure", "-", "--steps", steps, "--p99", "1000s", *words]
    if method(counter) == "trace":
        totals = _from_trace(counter, measure, data, 2 * len(requests))
    else:
        totals = _from_plugin(counter, measure, data)
    spans = (totals[1::2] - totals[: len(totals) // 2 * 2 : 2])[: len(requests)]
    if len(spans) < len(requests):
        raise CountError("the program ended before its last step")
    counts: Counts = spans[np.array([request.is_step for request in requests])]
    return counts


def _from_trace(counter: Counter, measure: Sequence[str], data: bytes, marks: int) -> Counts:
    emulator = counter.emulator
    done = subprocess.run([emulator, "-h"], capture_output=True, text=True, check=False)
    words = [emulator, "-cpu", counter.core, *trace_words(done.stdout), *measure]
    return np.array(traced(words, data, marks), np.int64)


def _from_plugin(counter: Counter, measure: Sequence[str], data: bytes) -> Counts:
    """Return the totals that the plugin writes, of the first version that the emulator loads."""
    reasons = []
    for api in APIS:
        with tempfile.TemporaryDirectory(prefix="count-") as folder:
            plugin = f"{counter.plugins.resolve()}/{api}.so"
            plugin += f",out={folder}/counts,syscall={CLOCK[counter.processor]}"
            done = subprocess.run(
                [counter.emulator, "-cpu", counter.core, "-plugin", plugin, *measure],
                input=data,
                capture_output=True,
                check=False,
                timeout=LIMIT,
            )
            if done.returncode == 0:
                return np.fromfile(Path(folder, "counts"), "<u8").astype(np.int64)
        text = done.stderr.decode(errors="replace").strip()
        if "plugin" not in text:
            answer = done.stdout.decode(errors="replace")
            raise CountError(f"exit code {done.returncode}\n{answer}{text}"[-2000:])
        reasons.append(text.splitlines()[0])
    raise CannotCountError(reasons[-1])
