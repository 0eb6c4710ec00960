"""Many small agents in one program, compiled as one file: a compiler start for each would take
minutes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen import agent as emit, names, native_files
from agentc.codegen.links import ports_of
from agentc.codegen.main import ProgramSpec, emit_main
from agentc.ir.files import I32, Model
from agentc.plan import build as plan
from agentc.proof.native import run_replay
from agentc.proof.replay import Replies, parse
from agentc.toolchain.zig import SMALL, compile_object, host_target, link_program

WORD = re.compile(r"\d(?:[eEpP][+-]|[\w.])*|[A-Za-z_]\w*")
SHARED = re.compile(
    r"^INLINE [a-z]\w* \*?(\w+)\(|^#define (\w+)|^static [\w ]+ (\w+);"
    r"|^typedef .*?(\w+)(?: __attribute__.*)?;|^\} (\w+);",
    re.MULTILINE,
)
QUICK = ("-O0",)
"""Optimisation changes no bit (test_generated holds that), only the minutes that the compiler
takes.
"""
C_WORDS = frozenset(
    "static const void return for if break int struct sizeof extern while else u8 u16 u32 u64 "
    "i32 f32 f64 define ifdef endif __OPTIMIZE_SIZE__".split()
)


def joined(models: dict[str, Model]) -> str:
    """One C file of several agents: the headers once, then each agent's text with its own names
    numbered.
    """
    headers = native_files.native(emit.AGENT_HEADERS)
    contraction = native_files.native(emit.CONTRACTION_HEADER)
    every = headers + contraction
    shared = C_WORDS | {word for match in SHARED.findall(every) for word in match if word}
    shared |= set(re.findall(r"^(?:SEPARATE|INLINE) [a-z]\w* \*?(\w+)\(", every, re.MULTILINE))
    shared |= {f"{word}{lanes}" for word in re.findall(r"(\w+)##W", every) for lanes in (8, 16)}
    parts = [every]
    for number, (name, model) in enumerate(models.items()):
        text = emit.emit(plan.build(model), name)
        assert text.startswith(headers)

        def renamed(
            match: re.Match[str], number: int = number, own: str = names.symbol(name)
        ) -> str:
            word = match[0]
            return (
                word
                if word[0].isdigit() or word in shared or word in (own, name)
                else f"{word}_{number}"
            )

        parts.append(WORD.sub(renamed, text.removeprefix(headers).replace(contraction, "")))
    return "\n".join(parts)


def answers(
    models: Sequence[Model], records: Sequence[I32], folder: Path, flags: Sequence[str] = QUICK
) -> list[Replies]:
    """Replies of each model's compiled agent to its replay records."""
    named = {f"a{i}": model for i, model in enumerate(models)}
    interfaces = {name: plan.interface(model) for name, model in named.items()}
    (folder / "agents.c").write_text(joined(named), encoding="ascii")
    ports = {name: ports_of(result, {}) for name, result in interfaces.items()}
    (folder / "main.c").write_text(emit_main(ProgramSpec(ports)), encoding="ascii")
    target = host_target()
    for source, extra in (("main", SMALL), ("agents", flags)):
        compile_object(folder / f"{source}.c", target, folder / f"{source}.o", extra)
    link_program([folder / "main.o", folder / "agents.o"], target[0], folder / "program")
    return [
        parse(run_replay(folder / "program", name, rows.tobytes()), interfaces[name])
        for name, rows in zip(named, records, strict=True)
    ]
