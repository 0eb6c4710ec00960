"""Compile a C file without libraries with the package ziglang: `cc.py FILE.c MACHINE PROGRAM`.

The file is compiled under a name without a folder, and with a temporary cache, so equal files give
equal bytes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FLAGS = (
    "-O2",
    "-std=c11",
    "-g0",
    "-ffreestanding",
    "-fno-builtin",
    "-fno-stack-protector",
    "-fno-sanitize=undefined",
)
EMULATION = {
    "aarch64": "aarch64linux",
    "x86_64": "elf_x86_64",
}  # the linker's names for the machines


def main(source: str, machine: str, program: str) -> int:
    """Write the program; the exit code is that of the compiler or the linker."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(source, Path(folder, "program.c"))
        code = zig(
            folder,
            "cc",
            "-target",
            f"{machine}-linux-musl",
            *FLAGS,
            "-c",
            "program.c",
            "-o",
            "program.o",
        )
        linker = ("ld.lld", "-m", EMULATION[machine], "-static", "--strip-all")
        code = code or zig(folder, *linker, "program.o", "-o", "program")
        if code == 0:
            shutil.copy(Path(folder, "program"), program)
        return code


def zig(folder: str, *words: str) -> int:
    """Run the Zig toolchain in a folder; its exit code."""
    caches = {"ZIG_GLOBAL_CACHE_DIR": f"{folder}/global", "ZIG_LOCAL_CACHE_DIR": f"{folder}/local"}
    env = (
        os.environ
        | caches
        | {"HOME": folder, "PYTHONPATH": os.path.abspath(os.environ["PYTHONPATH"])}
    )
    return subprocess.run(
        [sys.executable, "-m", "ziglang", *words], cwd=folder, env=env, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
