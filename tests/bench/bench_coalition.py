"""Measure coalitions: ticks at 10 Hz, a changed agent, memory and start; prints JSON.

    python tests/bench/bench_coalition.py [--part ticks|edit|start] [--seconds 20] [--rounds 5]

`ticks`: programs of 1,000 small agents (a T-maze each; replicas of one code, and 50 codes of 20
replicas) read a line every tenth of a second, over stdin and over HTTP. Their CPU time is that of
the whole process, from /proc.
`edit`: an export of fifty different agents is built, one of them is changed, and the export is
built again: program, image, proof and gates.
`start`: time from the start of the process to the first action, and its peak memory, for the
program and for pymdp with jit.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
for entry in (str(ROOT), str(ROOT / "rules/tools")):
    if entry not in sys.path:
        sys.path.insert(0, entry)

AGENTS, HERTZ, CODES, FEW = 1000, 10, 50, 50
EXPORT = """[workspace]
name = "fifty"

[hardware.pi]
rule = "hardware"
profile = "raspberry-pi-5"

[exports.pi]
rule = "export"
coalition = "//coalitions:fifty"
hardware = "//hardware:pi"

[coalitions.fifty]
rule = "coalition"
agents = {{ {agents} }}
"""
MODEL = '\n[models.{name}]\nrule = "model"\nsource = "{name}.npz"\n'
PYMDP = """
import sys
import numpy as np
from pathlib import Path
sys.path[:0] = {paths!r}
import jax, jax.numpy as jnp
from agentc.ir import files as ir
from tests.pymdp.oracle import pymdp_agent
agent = pymdp_agent(ir.load(Path({model!r})))

@jax.jit
def step(prior, obs):
    qs = agent.infer_states(obs, prior)
    return agent.sample_action(agent.infer_policies(qs)[0])
np.asarray(step(agent.D, [jnp.array([o]) for o in {seen!r}]))
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0], flush=True)
"""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int) -> int:
    """Peak resident memory of a process in bytes.

    The kernel's peak is inexact, so the current value counts as well.
    """
    mark = Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]
    exact = Path(f"/proc/{pid}/smaps_rollup").read_text().partition("Rss:")[2].split()[0]
    return 1024 * max(int(mark), int(exact))


def ticking(program: Path, line: bytes, seconds: float, http: str = "") -> dict[str, Any]:
    """CPU share of a program that gets `line` HERTZ times a second, and the slowest answer."""
    from tests.support.http_client import request

    words = [str(program), *(["--listen", f"unix:{http}"] if http else [])]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        talk = (
            _over_http(child, http, request("POST", "/step", line))
            if http
            else _over_pipes(child, line)
        )
        next(talk)
        begin, used, slowest = time.monotonic(), cpu_seconds(child.pid), 0.0
        ticks = int(seconds * HERTZ)
        for k in range(1, ticks + 1):
            time.sleep(max(0.0, begin + k / HERTZ - time.monotonic()))
            asked = time.monotonic()
            next(talk)
            slowest = max(slowest, time.monotonic() - asked)
        share = (cpu_seconds(child.pid) - used) / (time.monotonic() - begin)
        peak = peak_bytes(child.pid)
        child.terminate()
    return {
        "cpu_percent": round(100 * share, 2),
        "slowest_answer_ms": round(1e3 * slowest, 2),
        "ticks": ticks,
        "peak_memory_bytes": peak,
        "program_bytes": program.stat().st_size,
    }


def _over_pipes(child: subprocess.Popen[bytes], line: bytes) -> Iterator[Any]:
    assert child.stdin and child.stdout
    while True:
        child.stdin.write(line + b"\n")
        child.stdin.flush()
        yield json.loads(child.stdout.readline())["a1.0"]


def _over_http(child: subprocess.Popen[bytes], path: str, data: bytes) -> Iterator[Any]:
    from tests.support.http_client import Server

    assert child.stderr
    child.stderr.readline()
    with Server(path).connect() as link:
        while True:
            link.sendall(data)
            got = link.recv(1 << 20)
            size = int(got.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
            while len(got.partition(b"\r\n\r\n")[2]) < size:
                got += link.recv(1 << 20)
            yield json.loads(got.partition(b"\r\n\r\n")[2])["a1.0"]


def ticks(folder: Path, seconds: float, codes: Sequence[int] = (1, CODES)) -> dict[str, Any]:
    """AGENTS instances of so many codes, each compiled for itself."""
    from tests.support.native_agents import emitted, example, linked, main_text

    results: dict[str, Any] = {}
    model = example("tmaze", folder / "ir")
    agents = [emitted(model, f"a{k}", folder / f"a{k}") for k in range(1, max(codes) + 1)]
    for count in codes:
        some, each, title = agents[:count], AGENTS // count, f"codes_{count}"
        words = [word for agent in some for word in ("--replicas", f"{agent.name}={each}")]
        program = linked(some, main_text(some, folder / title, (), "--http", "--tick", "1", *words))
        line = json.dumps(
            {f"{agent.name}.{k}": [0, 0, 0] for agent in some for k in range(each)},
            separators=(",", ":"),
        )
        results[title] = {
            "lines": ticking(program, line.encode(), seconds),
            "http": ticking(program, line.encode(), seconds, str(folder / "s")),
        }
    return results


def edit(folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds and actions of a build after one of FEW agents changed; medians."""
    from tests.support.workspace import Space

    models = ROOT / "examples/npz/models"
    space = Space(folder / "w", folder / "cache")
    names = [f"a{k}" for k in range(FEW)]
    space.write(
        "BUILD.toml",
        EXPORT.format(agents=", ".join(f'{name} = "//models:{name}"' for name in names))
        + "".join(MODEL.format(name=name) for name in names),
    )

    def write(name: str, wish: float) -> None:
        with np.load(models / "heater.npz") as arrays:
            data = io.BytesIO()
            np.savez(data, allow_pickle=False, **{**arrays, "C0": np.array([-2.0, wish, -2.0])})
        (space.root / f"{name}.npz").write_bytes(data.getvalue())
        shutil.copy(models / "heater.json", space.root / f"{name}.json")

    for k, name in enumerate(names):
        write(name, 1.0 + k / FEW)

    def build() -> tuple[float, float, list[str]]:
        """Seconds by the clock and of CPU, children included, and what ran."""
        begin, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        titles = space.build("//exports:pi").titles()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (
            time.monotonic() - begin,
            after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
            titles,
        )

    cold, cold_cpu, everything = build()
    took = []
    for k in range(rounds):
        write("a7", 3.0 + k)
        took.append(build())
    titles = took[-1][2]
    compiled = [title for title in titles if title.startswith("compile a")]
    return {
        "agents": FEW,
        "cold_s": round(cold, 1),
        "cold_cpu_s": round(cold_cpu, 1),
        "cold_actions": len(everything),
        "edit_s": round(statistics.median(each[0] for each in took), 2),
        "edit_cpu_s": round(statistics.median(each[1] for each in took), 2),
        "edit_actions": titles,
        "agents_compiled": compiled,
    }


def start(folder: Path, rounds: int) -> dict[str, Any]:
    """Medians of a T-maze: milliseconds from start to first action, peak bytes, and the ratios."""
    from tests.support.native_agents import emitted, example, linked, main_text

    model = example("tmaze", folder)
    program = linked(
        [agent := emitted(model, "rat", folder / "rat")], main_text([agent], folder / "main")
    )
    script = PYMDP.format(
        paths=[str(ROOT), str(ROOT / "rules/tools")], model=str(folder / "ir"), seen=[0, 0, 0]
    )
    ours, theirs = [], []
    for _ in range(rounds):
        begin = time.perf_counter()
        with subprocess.Popen(
            [str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdin and child.stdout
            child.stdin.write(b'{"rat":[0,0,0]}\n')
            child.stdin.flush()
            assert b"action" in child.stdout.readline()
            ours.append((time.perf_counter() - begin, peak_bytes(child.pid)))
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        theirs.append((time.perf_counter() - begin, 1024 * int(done.stdout)))
    (time_1, memory_1), (time_2, memory_2) = (
        [statistics.median(column) for column in zip(*each)] for each in (ours, theirs)
    )
    return {
        "native": {"first_action_ms": round(1e3 * time_1, 3), "peak_memory_bytes": int(memory_1)},
        "pymdp_jit": {"first_action_ms": round(1e3 * time_2), "peak_memory_bytes": int(memory_2)},
        "ratio_first_action": round(time_2 / time_1),
        "ratio_memory": round(memory_2 / memory_1),
    }


def measure(part: str, seconds: float, rounds: int) -> dict[str, Any]:
    """One part's numbers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return (
            ticks(folder, seconds)
            if part == "ticks"
            else (edit if part == "edit" else start)(folder, rounds)
        )


def main(argv: Sequence[str]) -> int:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(prog="bench_coalition", description="What coalitions cost.")
    parser.add_argument("--part", choices=["ticks", "edit", "start"], action="append")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    parts = options.part or ["ticks", "edit", "start"]
    print(
        json.dumps(
            {part: measure(part, options.seconds, options.rounds) for part in parts}, indent=1
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
