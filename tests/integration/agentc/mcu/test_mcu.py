"""Objects for microcontrollers: what they say of themselves, and that one wrong bit is found."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import emulate_mcu
import make_probe
import plan_agent
import pytest
from agentc.codegen import agent as emit
from agentc.importers import npz as ingest
from agentc.mcu import library as micro_library
from agentc.plan import files
from agentc.toolchain import elf as elf_object, zig as toolchain
from agentc.toolchain.errors import ToolchainError

from tests.support.requirements import need, need_module
from tests.support.small_models import EXAMPLES

M4 = ("thumb-freestanding-eabihf", "cortex_m4")


def compiled(folder: Path, text: str, *flags: str) -> Path:
    """C text as an object for a Cortex-M4F."""
    need_module("ziglang")
    (folder / "a.c").write_text(text)
    toolchain.compile_object(folder / "a.c", M4, folder / "a.o", flags)
    return folder / "a.o"


@pytest.mark.slow
def test_an_object_tells_its_sizes_and_its_agent(tmp_path: Path) -> None:
    text = (
        "const int agent_x[25] = {1}; int seen[100]; int begun[10] = {2}; extern const int "
        "agent_other[];"
        "int f(void) { return seen[1] + begun[2] + agent_other[0]; }"
    )
    data = compiled(tmp_path, text).read_bytes()
    assert elf_object.agent_symbol(data) == "agent_x"
    result = elf_object.sizes(data)
    assert result["memory"] == 440 and 140 < result["flash"] < 300
    two = compiled(tmp_path, "const int agent_a = 1, agent_b = 2;").read_bytes()
    with pytest.raises(ToolchainError, match="defines 2 agents"):
        elf_object.agent_symbol(two)


def test_what_is_no_object_is_refused() -> None:
    for data in (b"", b"\x7fELF\x02\x01" + bytes(60), b"#!/bin/sh"):
        with pytest.raises(ToolchainError, match="not a 32-bit little-endian ELF"):
            elf_object.sizes(data)


def test_a_budget_is_held_with_numbers() -> None:
    taken = {"a": {"flash": 10, "memory": 4}, "b": {"flash": 20, "memory": 4}}
    assert micro_library.exceeded_limits(taken, {"flash": 30, "memory": 0}) == []
    assert micro_library.exceeded_limits(taken, {"flash": 29, "memory": 8}) == [
        "flash: the agents take 30 bytes, the budget is 29"
    ]


@pytest.mark.slow
def test_other_arithmetic_changes_a_bit_and_the_gate_sees_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The objects as they should be, then with sums in the order that pleases the compiler: the
    negative control.
    """
    emulator = need("qemu-arm-static")
    need_module("ziglang")
    ingest.ingest(EXAMPLES / "tmaze.npz", EXAMPLES / "tmaze.json", "{}", tmp_path / "ir", None)
    assert plan_agent.main(["--ir", str(tmp_path / "ir"), "--out", str(tmp_path / "plan")]) == 0
    assert (
        make_probe.main(
            ["--ir", str(tmp_path / "ir"), "--out", str(tmp_path / "probe"), "--episodes", "2"]
        )
        == 0
    )
    text = emit.emit(files.load(tmp_path / "plan"), "rat")
    toolchain.compile_helpers(M4, tmp_path / "helpers.o")

    def judged(proof: str, *flags: str) -> int:
        (tmp_path / "proof.json").write_text(json.dumps({"bits": proof, "steps": 64}))
        code = compiled(tmp_path, text, *flags)
        return emulate_mcu.main(
            [
                "--triple",
                M4[0],
                "--cpu",
                M4[1],
                "--run",
                emulator,
                "--helpers",
                str(tmp_path / "helpers.o"),
                "--agent",
                "rat",
                str(code),
                str(tmp_path / "proof.json"),
                str(tmp_path / "probe"),
                "--out",
                str(tmp_path / "verdict.json"),
            ]
        )

    assert judged("") == 1
    right = capsys.readouterr().err.split("SHA-256 is ")[1].split(",")[0]
    assert len(right) == len(hashlib.sha256().hexdigest()) and judged(right) == 0
    capsys.readouterr()
    assert judged(right, "-ffast-math") == 1 and right in capsys.readouterr().err


def test_the_header_names_every_agent() -> None:
    text = micro_library.header(
        "cortex-m7", ["agent_a", "agent_b_2d1"], "typedef struct agent agent;"
    )
    assert (
        "cortex-m7" in text
        and "extern const agent agent_b_2d1;\n" in text
        and text.endswith("#endif\n")
    )
