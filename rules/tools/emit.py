"""Emit the C of one agent from its plan: `emit.py --plan DIR --name scout --out scout.c`.

The file stands alone: freestanding C11, no headers, no library, one exported symbol `agent_<name>`.
"""
from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import emit_coded
import emit_legacy
import emit_states
import emit_step
from emit_tables import sizes, table
from plan import Plan, load

NATIVE = Path(__file__).resolve().parent / "native"
AGENT_HEADERS = ("agent.h", "fmath.h", "kernel.h")
CODED_HEADER = ("coded.h",)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}")


def symbol(name: str) -> str:
    """C symbol of the agent `name`; distinct names give distinct symbols."""
    return "agent_" + "".join(c if c.isalnum() else "__" if c == "_" else f"_{ord(c):02x}" for c in name)


def native(names: Sequence[str]) -> str:
    """The named files of the run time, one after the other."""
    return "\n".join((NATIVE / name).read_text(encoding="ascii") for name in names)


def emit(plan: Plan, name: str) -> str:
    """C text of the agent `name`."""
    assert NAME.fullmatch(name), name
    return "\n".join(_lines(plan, name)) + "\n"


def _lines(plan: Plan, name: str) -> Iterator[str]:
    header = plan.header
    yield native(AGENT_HEADERS)
    if "coded" in header:
        yield native(CODED_HEADER)
        yield from emit_coded.names(plan)
    for key, array in sorted(plan.tables.items()):
        yield table(key, array)
    yield from emit_step.instances(plan)
    beliefs = emit_legacy if header.get("legacy") else emit_states
    for part in (emit_step.storage, beliefs.infer, beliefs.surprise, emit_states.predict,
                 emit_step.evaluate, emit_step.step, emit_states.advance):
        yield from part(plan)
    for key in ("num_obs", "num_controls", "num_states"):
        yield sizes(key, header[key])
    counts = (len(header["num_obs"]), len(header["num_controls"]), header["n_policies"],
              sum(header["num_states"]), len(header["num_states"]))
    draws = "&self.seed" if header["action_selection"] == "stochastic" else "0"
    yield f"extern const agent {symbol(name)};"
    yield (f'const agent {symbol(name)} = {{"{name}", {", ".join(map(str, counts))}, num_obs, num_controls, '
           f"num_states, self.q, plausible, score, &self, sizeof self, {draws}, reset, step, advance, surprise}};")


def main(argv: Sequence[str]) -> int:
    """Read --plan, write --out."""
    parser = argparse.ArgumentParser(prog="emit", description=__doc__)
    parser.add_argument("--plan", required=True, type=Path, help="folder that plan.py made")
    parser.add_argument("--name", required=True, help="the agent's name in its coalition")
    parser.add_argument("--out", required=True, type=Path, help="C file to write")
    options = parser.parse_args(argv)
    if not NAME.fullmatch(options.name):
        print(f"agent name {options.name!r}: letters, digits, '_', '-' and '.', not beginning with a digit",
              file=sys.stderr)
        return 1
    options.out.write_text(emit(load(options.plan), options.name), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
