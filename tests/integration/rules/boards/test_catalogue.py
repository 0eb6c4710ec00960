"""Cores of the catalogue, as the compiler and the emulator know them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rules.boards.catalogue import BOARDS, Core
from rules.boards.cores import FITTING
from tests.support.requirements import need, need_module

CORES = sorted({board.core for board in BOARDS.values()}, key=lambda core: core.cpu)
# Features of the compiler that arrange or observe code, but add no instructions.
TUNING = re.compile(
    r"(fuse|use|addr|alu|balance|cmp|enable|max|predictable)_.*|perfmon|spe|v[0-9_]+a"
)
PROGRAM = """
static volatile float x[64]; static long n;
void _start(void) {
    float sum = 0;
    for (int i = 0; i < 64; i++) x[i] = i * 0.5f;
    for (int i = 0; i < 64; i++) sum += x[i];
    __atomic_fetch_add(&n, (long)sum, __ATOMIC_SEQ_CST);
    register long code __asm__("x0") = n == 1008 ? 42 : 1, exit __asm__("x8") = 93;
    __asm__ volatile("svc 0" : : "r"(code), "r"(exit));
}
"""


@pytest.mark.parametrize(
    "arch", ["arm64", "arm", "riscv64"]
)  # programs for x86-64 run without an emulator
def test_the_emulator_knows_every_core(arch: str) -> None:
    [qemu] = {core.qemu for core in CORES if core.arch == arch}
    # It ends with an error after the list, for it was given no program.
    known = subprocess.run(
        [need(qemu), "-cpu", "help"], capture_output=True, text=True, check=False
    )
    chosen = {name for name in FITTING[arch] if name}
    assert {core.qemu_cpu for core in CORES if core.arch == arch} <= chosen
    assert chosen <= set(known.stdout.split())


def features(cpu: str) -> tuple[str, set[str]]:
    """Architecture version and instruction sets of a 64-bit Arm core, according to the compiler."""
    need_module("ziglang")
    command = [sys.executable, "-m", "ziglang", "targets"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    arm64 = output[output.index(".aarch64 = .{", output.index(".cpus = .{")) :]
    entry = re.search(rf"\.{cpu} = \.\{{(.*?)\}}", arm64, re.DOTALL)
    assert entry, f"the compiler knows no {cpu}"
    names = set(re.findall(r'"(\w+)"', entry[1]))
    return max(name for name in names if re.fullmatch(r"v\w+a", name)), {
        n for n in names if not TUNING.fullmatch(n)
    }


@pytest.mark.parametrize(
    "core", [core for core in CORES if core.arch == "arm64"], ids=lambda core: core.cpu
)
def test_the_emulated_core_has_every_instruction_of_the_real_one(core: Core) -> None:
    version, sets = features(core.cpu)
    emulated, has = features(core.qemu_cpu.replace("-", "_"))
    assert version == emulated and sets <= has


def compiled(core: Core, folder: Path, text: str, *extra: str) -> Path:
    """A C file compiled for a core."""
    need_module("ziglang")
    (folder / "a.c").write_text(text)
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "cc",
        "-target",
        core.triple,
        f"-mcpu={core.cpu}",
        "-O3",
        *extra,
        "a.c",
    ]
    env = {
        "PATH": "/usr/bin:/bin",
        "ZIG_GLOBAL_CACHE_DIR": str(folder),
        "ZIG_LOCAL_CACHE_DIR": str(folder),
    }
    done = subprocess.run(
        [*command, "-o", "a"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return folder / "a"


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES, ids=lambda core: core.cpu)
def test_the_compiler_knows_every_core(core: Core, tmp_path: Path) -> None:
    assert compiled(core, tmp_path, "int a;\n", "-c").read_bytes().startswith(b"\x7fELF")


@pytest.mark.slow
@pytest.mark.parametrize(
    "core", [core for core in CORES if core.arch == "arm64"], ids=lambda core: core.cpu
)
def test_the_emulated_core_runs_what_is_compiled_for_the_real_one(
    core: Core, tmp_path: Path
) -> None:
    program = compiled(
        core, tmp_path, PROGRAM, "-nostdlib", "-ffreestanding", "-mno-outline-atomics"
    )
    emulator = need(core.qemu)
    assert (
        subprocess.run(
            [emulator, "-cpu", core.qemu_cpu, program], check=False, timeout=60
        ).returncode
        == 42
    )
    old = subprocess.run(
        [emulator, "-cpu", "cortex-a53", program], check=False, timeout=60
    ).returncode
    assert old == (
        42 if core.qemu_cpu in ("cortex-a53", "cortex-a57", "cortex-a72") else -signal.SIGILL
    )
