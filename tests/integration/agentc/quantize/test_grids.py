"""Codes read by the compiled program."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from agentc.quantize.grids import grid
from agentc.toolchain.zig import host_target, zig

from tests.support.requirements import need_module

TOOLS = Path(__file__).parents[4] / "rules/tools/agentc/native"


@pytest.mark.parametrize(("reader", "storage"), [("UINT16", "uint16"), ("FP16", "fp16")])
def test_the_program_reads_every_code_as_the_grid_has_it(
    reader: str, storage: str, tmp_path: Path
) -> None:
    need_module("ziglang")
    text = "".join(
        (TOOLS / f"{name}.h").read_text() for name in ("agent", "fmath", "kernel", "quantized")
    )
    (tmp_path / "a.c").write_text(f"{text}\nf32 told(u32 code) {{ return {reader}(code); }}\n")
    zig(
        [
            "cc",
            "-target",
            host_target()[0],
            "-shared",
            "-nostdlib",
            "-ffreestanding",
            "-O2",
            "-w",
            "-fPIC",
            "-o",
            "a.so",
            "a.c",
        ],
        tmp_path,
    )
    output = ctypes.CDLL(str(tmp_path / "a.so")).told
    output.restype, output.argtypes = ctypes.c_float, [ctypes.c_uint32]
    levels = grid(storage, np.zeros(0))
    assert [output(code) for code in range(len(levels))] == levels.tolist()
