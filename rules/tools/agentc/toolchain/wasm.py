"""WebAssembly: the C files of a program as one module, which a page or node runs.

The module imports `host.system_call` and exports `enter`, which is the start of the program on
Linux, and `start`, `line_buffer`, `line_size` and `answer`, for hosts that cannot block in a read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentc.toolchain.zig import FLAGS, SMALL, zig

TRIPLE = "wasm32-freestanding"
CPU = "generic+simd128"
"""Vectors of 128 bits, which browsers have since 2021 (Safari since 2023). The bits are the same
without them."""
STACK = 1 << 20


def link_module(main: Path, agents: Sequence[Path], output: Path, cpu: str = CPU) -> None:
    """Compile the main file and those of the agents, and link them in order.

    Equal sources give equal bytes. ToolchainError with the messages of the compiler if it fails.
    """
    flags = [flag for flag in FLAGS if flag != "-fno-pic"]
    with tempfile.TemporaryDirectory(prefix="wasm-") as folder:
        objects: list[str] = []
        for source, extra in ((main, SMALL), *((agent, ()) for agent in agents)):
            name = str(len(objects))
            Path(folder, f"{name}.c").write_bytes(source.read_bytes())
            objects.append(f"{name}.o")
            zig(
                [
                    "cc",
                    "-target",
                    TRIPLE,
                    f"-mcpu={cpu}",
                    *flags,
                    *extra,
                    "-c",
                    f"{name}.c",
                    "-o",
                    f"{name}.o",
                ],
                Path(folder),
            )
        zig(
            [
                "wasm-ld",
                "--no-entry",
                "--export=enter",
                "--export-memory",
                "--strip-all",
                "--gc-sections",
                "-z",
                f"stack-size={STACK}",
                "-o",
                "module.wasm",
                *objects,
            ],
            Path(folder),
        )
        output.write_bytes(Path(folder, "module.wasm").read_bytes())
