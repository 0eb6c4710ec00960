"""The monitor of a program: alarms in nominal steps, delays after twelve failures, and its cost.

    python tests/bench/bench_monitor.py [--steps 100000000] [--runs 50]

Prints three tables. Nominal steps are steps of the program's own C in the world of its agent's
model; its own actions are executed. Delays are medians over runs: steps from the beginning of a
failure to the alarm. The others read the sum of the surprises of all modalities: CUSUM (drift half
a standard deviation) and the mean of 32 steps have as threshold their highest value in a million
nominal steps; ADWIN is that of river (`pip install river`) as it comes, and "-" without river. The
cost is in instructions of the program that reads and writes lines, with a monitor to without; it
needs valgrind.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
for entry in (str(ROOT), str(ROOT / "rules/tools")):
    if entry not in sys.path:
        sys.path.insert(0, entry)

from tests.bench.monitor_worlds import (  # noqa: E402
    FAILURES,
    World,
    model_of,
    recorded,
    world,
)
from tests.support.native_runs import walk  # noqa: E402

Signal = NDArray[np.float64]
Detector = Callable[[Signal], int]
NOMINAL = {"rover": 1.0, "tmaze": 1.0, "graph_world": 0.5, "cue_chaining": 0.01, "grid_world": 0.01}
"""Agents of the first table, and their share of the steps: an agent that plans far is slower."""
CALIBRATION, HORIZON, ONSET, WINDOW = 1_000_000, 3000, 1000, 32


@dataclass(frozen=True)
class Rival:
    """Another detector: steps from ONSET to its alarm in a signal (-1: none), and its false alarms
    in the million nominal steps.
    """

    name: str
    delay: Detector
    false: int


def cusum(signal: Signal, level: float) -> Signal:
    """Page's statistic at every step: the sum above its lowest value so far."""
    sums = np.cumsum(signal - level)
    return np.asarray(sums - np.minimum.accumulate(np.minimum(sums, 0.0)))


def moving(signal: Signal) -> Signal:
    """Mean of the last steps; fewer at the beginning are filled with the first value."""
    padded = np.concatenate([np.full(WINDOW - 1, signal[0]), signal])
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    return np.asarray((sums[WINDOW:] - sums[:-WINDOW]) / WINDOW)


def delay_above(values: Signal, limit: float) -> int:
    """Steps from ONSET to the first value above a limit after it, -1 for none."""
    above = np.flatnonzero(values[ONSET:] > limit)
    return int(above[0]) + 1 if above.size else -1


def adwin(signal: Signal) -> Iterator[int]:
    """Indices at which ADWIN sees a change."""
    detector = import_module("river.drift").ADWIN()
    for index, value in enumerate(signal.tolist()):
        detector.update(value)
        if detector.drift_detected:
            yield index


def rivals(nominal: Signal) -> list[Rival]:
    """Detectors with the thresholds of nominal steps."""
    level = float(nominal.mean() + 0.5 * nominal.std())
    most, highest = float(cusum(nominal, level).max()), float(moving(nominal).max())
    others = [
        Rival("CUSUM", lambda s: delay_above(cusum(s, level), most), 0),
        Rival("fixed threshold", lambda s: delay_above(moving(s), highest), 0),
    ]
    if find_spec("river"):
        false = sum(1 for _ in adwin(nominal))
        others.append(
            Rival(
                "ADWIN", lambda s: next((i - ONSET + 1 for i in adwin(s) if i >= ONSET), -1), false
            )
        )
    return others


def signals(path: Path, modalities: int, runs: int) -> list[Signal]:
    """Surprise of all modalities in nats, by run, from a trace of 1 / p(o)."""
    odds = np.fromfile(path, "<f4").reshape(runs, -1, modalities).astype(np.float64)
    return list(np.log(odds).sum(axis=2))


def format_delays(delays: Sequence[int]) -> str:
    """Median of the delays, and how many were found if not all."""
    median = statistics.median(d if d >= 0 else np.inf for d in delays)
    text = f"{median:.0f}" if np.isfinite(median) else f"> {HORIZON}"
    count = sum(d >= 0 for d in delays)
    return text if count == len(delays) else f"{text} ({count} of {len(delays)})"


def nominal_table(folder: Path, steps: int) -> dict[str, World]:
    """Print alarms in nominal steps; the stated number is one in a million."""
    print("| agent | nominal steps | alarms | stated at most |\n|---|---|---|---|", flush=True)
    worlds = {}
    for name, share in NOMINAL.items():
        worlds[name] = world(name, folder / name)
        count = int(steps * share)
        alarms = worlds[name].run(1, count).early
        print(f"| {name} | {count} | {alarms} | {count / 1e6:g} |", flush=True)
    return worlds


def failure_table(name: str, place: World, runs: int) -> None:
    """Print median delays after each failure, beside those of other detectors."""
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace")
        place.run(1, CALIBRATION, trace=trace, seed=7)
        others = rivals(signals(trace, place.modalities, 1)[0])
        titles = [f"{r.name} ({r.false} false)" if r.false else r.name for r in others]
        print(
            f"\n| {name} | e-detector | {' | '.join(titles)} |\n" + "|---" * (2 + len(others)) + "|"
        )
        for number, failure in enumerate(FAILURES, 1):
            steps = ONSET + HORIZON
            outcome = place.run(runs, steps, failure=number, onset=ONSET, trace=trace)
            surprises = signals(trace, place.modalities, runs)
            delays = [[rival.delay(s) for s in surprises] for rival in others]
            cells = [format_delays(each) for each in (outcome.delays, *delays)]
            print(f"| {failure} | {' | '.join(cells)} |", flush=True)


def lines_of(name: str, folder: Path, steps: int) -> bytes:
    """Requests of random actions in the world of a model."""
    rows, text = walk(model_of(name, folder), steps), ['{"reset":true}']
    for s, (obs, _) in enumerate(rows):
        request: dict[str, Any] = {name: obs}
        if s:
            request["executed"] = {name: rows[s - 1][1]}
        text.append(json.dumps(request, separators=(",", ":")))
    return "".join(line + "\n" for line in text).encode()


def cost_table(folder: Path) -> None:
    """Print the instructions of a served step with a monitor to those without."""
    from tests.support.native_agents import X86, emitted, linked, main_text

    print("\n| agent | without, instructions a step | with | ratio |\n|---|---|---|---|")
    for name in NOMINAL:
        place = folder / f"{name}-cost"
        place.mkdir()
        agent = emitted(model_of(name, place), name, place / "agent")
        monitor = ("--monitor", f"{name}={recorded(agent)}")
        steps, counts = 500, []
        data = lines_of(name, place, steps)
        for kind, words in (("off", ()), ("on", monitor)):
            program = linked([agent], main_text([agent], place / kind, (), *words), X86)
            counts.append((instructions(program, data) - instructions(program, b"")) / steps)
        print(f"| {name} | {counts[0]:.0f} | {counts[1]:.0f} | {counts[1] / counts[0]:.4f} |")


def instructions(program: Path, data: bytes) -> int:
    """Instructions of a program that reads `data`, counted by valgrind."""
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(program)]
    done = subprocess.run(words, input=data, capture_output=True, check=True)
    count = re.search(rb"refs:\s+([\d,]+)", done.stderr)
    assert count is not None, done.stderr
    return int(count[1].replace(b",", b""))


def main(argv: Sequence[str]) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="bench_monitor", description="Monitor of a program.")
    parser.add_argument("--steps", type=float, default=1e8)
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        worlds = nominal_table(Path(folder), int(options.steps))
        for name in ("rover", "tmaze"):
            failure_table(name, worlds[name], options.runs)
        cost_table(Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
