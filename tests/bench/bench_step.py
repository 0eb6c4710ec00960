"""One step of an agent: native program against jitted pymdp 1.0.4, interleaved on this machine.

    python tests/bench/bench_step.py [--agent tmaze] [--rounds 7]     one agent, prints JSON
    python tests/bench/bench_step.py --table [--rounds 3]             all agents, prints Markdown

Native is timed through its pipes (`--replay`, and JSON lines as users send them). pymdp is timed as
one jitted function a step (infer_states, infer_policies, sample_action, update_empirical_prior),
and inside one jitted scan, without the cost of the call. Times are CPU time on one core, medians
over the rounds; ratios are of medians. Memory is the peak that the kernel reports (VmHWM). The
first action is wall time. For native it begins with the start of the program. For pymdp (--first,
in a process of its own) it begins with its import; the arrays of the model are already loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
for entry in (str(ROOT), str(ROOT / "rules/tools")):
    if entry not in sys.path:
        sys.path.insert(0, entry)

Timer = Callable[[], float]
GOALS = {
    "tmaze": 100,
    "graph_world": 60,
    "grid_world": 30,
    "cue_chaining": 60,
    "random_128": 30,
    "random_512": 300,
    "random_2048": 1500,
    "dense_4": 14,
    "dense_crossed": 13,
    "dense_3": 9,
}
"""Times faster than jitted pymdp that a step should be."""
STEPS = 256


def own_time(run: Callable[[], object], steps: int) -> float:
    """Microseconds of CPU a step of this process, all its threads together."""
    begin = time.process_time()
    run()
    return (time.process_time() - begin) / steps * 1e6


def program_time(run: Callable[[], object], steps: int) -> float:
    """Microseconds of CPU a step of the program that `run` starts and waits for."""

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    begin = spent()
    run()
    return (spent() - begin) / steps * 1e6


def model_of(name: str, folder: Path) -> Any:
    """A shipped example, random_<states>, or one of the dense agents."""
    from tests.bench.random_agents import DENSE, dense_agent, random_agent
    from tests.support.native_agents import example

    if name in DENSE:
        return dense_agent(name)
    return (
        random_agent(int(name.removeprefix("random_")))
        if name.startswith("random_")
        else example(name, folder)
    )


def native_timers(
    name: str, model: Any, folder: Path
) -> tuple[dict[str, Timer], Any, dict[str, float]]:
    """Timers of the program, the records that it replays, its peak memory and its size."""
    from tests.bench.random_agents import records
    from tests.support.native_agents import X86, emitted, linked, main_text

    agent = emitted(model, name, folder / name)
    program = str(linked([agent], main_text([agent], folder / "main"), X86))
    steps = records(model, STEPS)
    repeat = max(1, 20_000_000 // (1000 + sum(model.num_states) * model.num_policies * STEPS))
    data = np.tile(steps, (repeat, 1)).tobytes()
    rows = steps[:, 1 : 1 + len(model.num_obs)].tolist()
    lines = [json.dumps({name: row}, separators=(",", ":")).encode() + b"\n" for row in rows]
    everything = b"".join(lines) * repeat

    def start() -> float:
        """The fastest of twenty: what a machine does besides only adds."""
        took = []
        for _ in range(20):
            begin = time.perf_counter()
            _piped([program], lines[0])
            took.append(time.perf_counter() - begin)
        return min(took) * 1e6

    timers = {
        "native_us": lambda: program_time(
            lambda: _piped([program, "--replay", name], data), STEPS * repeat
        ),
        "native_json_us": lambda: program_time(
            lambda: _piped([program], everything), STEPS * repeat
        ),
        "start_to_first_action_us": start,
    }
    return (
        timers,
        steps,
        {"native_kib": _peak(program, lines), "program_bytes": Path(program).stat().st_size},
    )


def _piped(words: Sequence[str], data: bytes) -> None:
    subprocess.run(words, input=data, stdout=subprocess.DEVNULL, check=True)


def _peak(program: str, lines: Sequence[bytes]) -> float:
    """Peak memory of a program in KiB after some steps, read while it waits for more."""
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None and running.stdout is not None
        for line in lines[:32]:
            running.stdin.write(line)
            running.stdin.flush()
            running.stdout.readline()
        peak = _high_water(running.pid)
        running.stdin.close()
    return peak


def _high_water(pid: int | str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match is not None
    return float(match[1])


def pymdp_step(model: Any, records: Any) -> tuple[Any, Callable[[], None], Any, Any]:
    """One jitted step of pymdp in float32; a call for each record; the Agent; what is observed."""
    import jax
    import jax.numpy as jnp

    from tests.pymdp.oracle import pymdp_agent

    agent = pymdp_agent(model)
    seen = [[jnp.array([int(o)]) for o in row] for row in records[:, 1 : 1 + len(model.num_obs)]]

    @jax.jit
    def step(prior: Any, obs: Any) -> Any:
        qs = agent.infer_states(obs, prior)
        action = agent.sample_action(agent.infer_policies(qs)[0])
        return agent.update_empirical_prior(action, qs), action

    def called() -> None:
        prior = agent.D
        for obs in seen:
            prior, action = step(prior, obs)
            np.asarray(action)

    return step, called, agent, seen


def pymdp_timers(model: Any, records: Any) -> dict[str, Timer]:
    """Timers of pymdp, compiled and warm."""
    import jax
    import jax.numpy as jnp

    count = 32 if sum(model.num_states) * model.num_policies < 20_000 else 4
    step, called, agent, seen = pymdp_step(model, records[:count])
    scanned = jax.jit(lambda prior, obs: jax.lax.scan(step, prior, obs)[1])
    stacked = [jnp.stack(column) for column in zip(*seen, strict=True)]

    def inside() -> None:
        scanned(agent.D, stacked).block_until_ready()

    called()
    inside()
    return {
        "pymdp_jit_us": lambda: own_time(called, count),
        "pymdp_scan_us": lambda: own_time(inside, count),
    }


def first_action(name: str) -> float:
    """Microseconds that pymdp needs, from its import on, for the first action of a jitted step."""
    from tests.bench.random_agents import records

    with tempfile.TemporaryDirectory() as folder:
        model = model_of(name, Path(folder))
    seen = records(model, 1)
    begin = time.perf_counter()
    pymdp_step(model, seen)[1]()
    return (time.perf_counter() - begin) * 1e6


def _first_action(name: str) -> float:
    words = [sys.executable, __file__, "--first", "--agent", name]
    return float(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)


def measure(name: str, rounds: int) -> dict[str, Any]:
    """Medians of interleaved rounds and the ratios of pymdp to native."""
    with tempfile.TemporaryDirectory() as folder:
        model = model_of(name, Path(folder))
        timers, records, facts = native_timers(name, model, Path(folder))
        first = _first_action(name)
        timers |= pymdp_timers(model, records)
        samples = [{key: timer() for key, timer in timers.items()} for _ in range(rounds)]
    medians: dict[str, Any] = {
        key: round(statistics.median(s[key] for s in samples), 3) for key in timers
    }
    return {
        "agent": name,
        "rounds": rounds,
        **medians,
        **facts,
        "pymdp_first_action_us": round(first),
        "pymdp_kib": _high_water("self"),
        "goal": GOALS[name],
        "ratio_jit": round(medians["pymdp_jit_us"] / medians["native_us"], 1),
        "ratio_jit_json": round(medians["pymdp_jit_us"] / medians["native_json_us"], 1),
        "ratio_scan": round(medians["pymdp_scan_us"] / medians["native_us"], 1),
    }


COLUMNS = (
    ("agent", "agent", "{}"),
    ("pymdp, us", "pymdp_jit_us", "{:.0f}"),
    ("native, us", "native_us", "{:.2f}"),
    ("times", "ratio_jit", "{:.0f}"),
    ("goal", "goal", "{}"),
    ("times, JSON", "ratio_jit_json", "{:.0f}"),
    ("times, scan", "ratio_scan", "{:.0f}"),
    ("first action, us", "start_to_first_action_us", "{:.0f}"),
    ("pymdp, first action, us", "pymdp_first_action_us", "{:.0f}"),
    ("program, B", "program_bytes", "{}"),
    ("memory, KiB", "native_kib", "{:.0f}"),
    ("pymdp, KiB", "pymdp_kib", "{:.0f}"),
)


def table(rounds: int) -> None:
    """Print a row for each agent as soon as it is measured, each in a process of its own."""
    print(
        "| " + " | ".join(title for title, _, _ in COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|",
        flush=True,
    )
    for name in GOALS:
        words = [sys.executable, __file__, "--agent", name, "--rounds", str(rounds)]
        results = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
        print(
            "| " + " | ".join(form.format(results[key]) for _, key, form in COLUMNS) + " |",
            flush=True,
        )


def main(argv: Sequence[str]) -> int:
    """Print one JSON object, or the table."""
    parser = argparse.ArgumentParser(
        prog="bench_step", description="Native step against jitted pymdp."
    )
    parser.add_argument("--agent", default="tmaze", choices=sorted(GOALS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--table", action="store_true")
    parser.add_argument(
        "--first", action="store_true", help="print pymdp's time to its first action, nothing else"
    )
    options = parser.parse_args(argv)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if options.first:
        print(first_action(options.agent))
    elif options.table:
        table(options.rounds)
    else:
        print(json.dumps(measure(options.agent, options.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
