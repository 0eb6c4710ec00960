"""One step of an agent: native program against jitted pymdp 1.0.4, interleaved on this machine; prints JSON.

    python tests/bench/bench_step.py [--agent tmaze] [--rounds 7]

Native is timed through its pipes (`--replay`, and JSON lines as users send them), pymdp as one jitted function a step
(infer_states, infer_policies, sample_action, update_empirical_prior) and, without the cost of calling it, inside
one jitted scan. Medians over the rounds; ratios are of medians.
"""
from __future__ import annotations

import argparse
import json
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


def timed(run: Callable[[], object], steps: int) -> float:
    """Microseconds a step of one run."""
    begin = time.perf_counter()
    run()
    return (time.perf_counter() - begin) / steps * 1e6


def native_timers(name: str, folder: Path) -> tuple[dict[str, Timer], Any, Any]:
    """Timers of the program, with the model and the probe that it replays."""
    from replay import load_probe

    from tests.unit.tools.native_agents import X86, emitted, example, linked, main_text, probed

    model = example(name, folder)
    agent = emitted(model, name, folder / name)
    probed(agent, 8, 32)
    program = str(linked([agent], main_text([agent], folder / "main"), X86))
    probe = load_probe(agent.folder / "probe")
    repeat = 40 if model.num_policies > 100 else 400
    records = np.tile(probe.records(), (repeat, 1)).tobytes()
    steps = 256 * repeat
    rows = probe.obs.reshape(256, -1).tolist()
    lines = [json.dumps({name: row}, separators=(",", ":")).encode() + b"\n" for row in rows]
    everything = b"".join(lines) * repeat

    def start() -> float:
        return timed(lambda: _piped([program], lines[0]), 1)
    return {"native_us": lambda: timed(lambda: _piped([program, "--replay", name], records), steps),
            "native_json_us": lambda: timed(lambda: _piped([program], everything), steps),
            "start_to_first_action_us": start}, model, probe


def _piped(words: Sequence[str], data: bytes) -> None:
    subprocess.run(words, input=data, stdout=subprocess.DEVNULL, check=True)


def pymdp_timers(model: Any, probe: Any) -> dict[str, Timer]:
    """Timers of pymdp in float32, compiled and warm."""
    import jax
    import jax.numpy as jnp

    from tests.pymdp.oracle import pymdp_agent

    agent = pymdp_agent(model)
    seen = [[jnp.array([int(o)]) for o in row] for row in probe.obs[0]]

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

    scanned = jax.jit(lambda prior, obs: jax.lax.scan(step, prior, obs)[1])
    stacked = [jnp.stack(column) for column in zip(*seen * 8)]

    def inside() -> None:
        scanned(agent.D, stacked).block_until_ready()
    called()
    inside()
    return {"pymdp_jit_us": lambda: timed(called, len(seen)), "pymdp_scan_us": lambda: timed(inside, 8 * len(seen))}


def measure(name: str, rounds: int) -> dict[str, Any]:
    """Medians of interleaved rounds and the ratios of pymdp to native."""
    with tempfile.TemporaryDirectory() as folder:
        timers, model, probe = native_timers(name, Path(folder))
        timers |= pymdp_timers(model, probe)
        samples = [{key: timer() for key, timer in timers.items()} for _ in range(rounds)]
    found: dict[str, Any] = {key: round(statistics.median(s[key] for s in samples), 3) for key in timers}
    return {"agent": name, "rounds": rounds, **found,
            "ratio_jit": round(found["pymdp_jit_us"] / found["native_us"], 1),
            "ratio_jit_json": round(found["pymdp_jit_us"] / found["native_json_us"], 1),
            "ratio_scan": round(found["pymdp_scan_us"] / found["native_us"], 1)}


def main(argv: Sequence[str]) -> int:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(prog="bench_step", description="Native step against jitted pymdp.")
    parser.add_argument("--agent", default="tmaze")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(argv)
    print(json.dumps(measure(options.agent, options.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
