"""Firmware for microcontrollers: build, proof under emulation, and use in a C program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import need
from tests.support.small_filesystems import EXAMPLES
from tests.support.workspace import Space

pytestmark = pytest.mark.slow

BUILD = """
[workspace]
name = "micro"
[models.rat]
rule = "model"
source = "tmaze.npz"
[coalitions.rat]
rule = "coalition"
agents = { rat-1 = "//models:rat" }
[firmware.soft]
rule = "firmware"
core = "cortex-m0plus"
coalition = "//coalitions:rat"
flash = "64KiB"
memory = "4KiB"
[firmware.hard]
rule = "firmware"
core = "cortex-m4f"
coalition = "//coalitions:rat"
[firmware.tight]
rule = "firmware"
core = "cortex-m4f"
coalition = "//coalitions:rat"
memory = "1KiB"
"""
USER = """
#include "agents.h"
void enter(void) {
    const agent *who = &agent_rat_2d1;
    i32 seen[3] = {0, 2, 0}, action[1];
    who->reset();
    who->step(seen, action);
    who->advance(action);
    register i32 r7 __asm__("r7") = 1;
    register i32 r0 __asm__("r0") = 40 + action[0];
    __asm__ volatile("svc #0" : "+r"(r0) : "r"(r7));
}
__asm__(".syntax unified\\n.thumb\\n.globl _start\\n"
        ".type _start,%function\\n_start:\\n bl enter\\n");
"""


def micro(tmp_path: Path) -> Space:
    """Create a workspace with one agent."""
    workspace = Space(tmp_path / "w", tmp_path / "cache")
    workspace.write("BUILD.toml", BUILD)
    for suffix in ("npz", "json"):
        workspace.write(f"tmaze.{suffix}", (EXAMPLES / f"pymdp/models/tmaze.{suffix}").read_bytes())
    return workspace


def zig(folder: Path, *words: str) -> None:
    """Run zig with its own caches."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ZIG_GLOBAL_CACHE_DIR": str(folder / "g"),
        "ZIG_LOCAL_CACHE_DIR": str(folder / "l"),
    }
    result = subprocess.run(
        [sys.executable, "-m", "ziglang", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_firmware_is_proved_and_a_program_uses_the_library(tmp_path: Path) -> None:
    emulator = need("qemu-arm-static")
    workspace = micro(tmp_path)
    ran = workspace.run("build", "//firmware:soft", "//firmware:hard", "--json")
    assert sorted(event["verdict"] for event in ran.events if event["event"] == "judged") == [
        "passed",
        "passed",
    ]
    assert len([title for title in ran.titles() if title.startswith("prove")]) == 1
    sizes = json.loads((workspace.root / "out/firmware/soft/sizes.json").read_text())["agents"][
        "rat-1"
    ]
    assert 1000 < sizes["flash"] <= 65536 and 100 < sizes["memory"] <= 4096
    folder = tmp_path / "user"
    folder.mkdir()
    (folder / "main.c").write_text(USER)
    firmware = workspace.root / "out/firmware/hard"
    zig(
        folder,
        "cc",
        "-target",
        "thumb-freestanding-eabihf",
        "-mcpu=cortex_m4",
        "-Os",
        "-ffreestanding",
        "-I",
        str(firmware),
        "-fno-unwind-tables",
        "-fno-asynchronous-unwind-tables",
        "-c",
        "main.c",
        "-o",
        "main.o",
    )
    zig(
        folder,
        "ld.lld",
        "-m",
        "armelf_linux_eabi",
        "-static",
        "--gc-sections",
        "-e",
        "_start",
        "-o",
        "program",
        "main.o",
        str(firmware / "libagents.a"),
    )
    assert (
        subprocess.run([emulator, str(folder / "program")], check=False).returncode == 43
    )  # as in the first line of the README
    tight = workspace.run("build", "//firmware:tight", code=2)
    assert "memory: the agents take" in tight.err and "the budget is 1024" in tight.err
