"""Boards of one's own, boards of other architectures, and limits of boards, in real builds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.requirements import need
from tests.support.small_filesystems import copy
from tests.support.workspace import Space

EXPORT = """
[exports.{name}]
rule = "export"
coalition = "//coalitions:rooms"
hardware = "//hardware:{name}"
"""
DIGEST = "sha256:" + "a" * 64
BASE = f"""
[bases.l4t]
rule = "base_image"
image = "nvcr.io/nvidia/l4t-jetpack:r36.4.0@{DIGEST}"
"""


def board(space: Space, name: str, keys: str, export: str = "", more: str = "") -> int:
    """Add a board with an export; return the number of the line before the table."""
    text = (space.root / "BUILD.toml").read_text()
    table = f'\n[hardware.{name}]\nrule = "hardware"\n{keys}\n'
    space.write("BUILD.toml", text + table + EXPORT.format(name=name) + export + "\n" + more)
    return len(text.splitlines())


REFUSED = {
    "memory": (
        'profile = "raspberry-pi-4b"\nmemory = "64KiB"',
        "",
        "64KiB of memory, and 128MiB of it are reserved",
        "memory",
    ),
    "kernel": (
        'profile = "beaglebone-black"\nkernel = "3.8"',
        "",
        "kernel 3.8 has no system call renameat2",
        "kernel",
    ),
    "core": ('cpu = "cortex_a530"\nmemory = "1GiB"', "", "did you mean 'cortex_a53'?", "cpu"),
    "architecture": (
        'cpu = "cortex_a53"\nmemory = "1GiB"',
        "",
        "'cortex_a53' is a core of arm64 and arm",
        "cpu",
    ),
    "instructions": (
        'profile = "raspberry-pi-4b"\ncpu = "cortex_a76"',
        "",
        "Raspberry Pi 4 Model B has not all instructions of 'cortex_a76'",
        "cpu",
    ),
    "key": (
        'cpu = "cortex_a7"\nmemory = "1GiB"\nvendor = "x"',
        "",
        "unknown key 'vendor'",
        "vendor",
    ),
    "budget": (
        'profile = "raspberry-pi-zero"',
        'budget = { memory = "500MiB" }',
        "raspberry-pi-zero has 384MiB for the program",
        "budget",
    ),
    "storage": (
        'profile = "beaglebone-black"',
        'budget = { image = "3GB" }',
        "the 4GB of beaglebone-black must hold 2 images",
        "budget",
    ),
    "L4T that is not said": (
        'profile = "jetson-orin-nano-8g"',
        'base = "//bases:l4t"',
        "the L4T release of jetson-orin-nano-8g is not known",
        "base",
    ),
    "L4T": (
        'profile = "jetson-orin-nano-8g"\nl4t = "36.3.0"',
        'base = "//bases:l4t"',
        "an L4T 36.3.0 host cannot run an r36.4.0 image",
        "base",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_known_is_refused_at_its_line(case: str, tmp_path: Path) -> None:
    keys, export, what, key = REFUSED[case]
    rooms = copy("npz", tmp_path / "w", tmp_path / "cache")
    before = board(rooms, "other", keys, export, BASE)
    lines = (rooms.root / "BUILD.toml").read_text().splitlines()
    [number] = [
        at for at, line in enumerate(lines, 1) if line.startswith(f"{key} = ") and at > before
    ]
    ran = rooms.run("build", "//exports:other", code=2)
    assert what in ran.err and f"BUILD.toml:{number}:" in ran.err
    assert not (rooms.root / "out/exports/other").exists()


GATES = {
    "memory": ('memory = "64KiB"\nreserved = "0B"', "board memory: the program needs "),
    "storage": ('storage = "64KiB"', "board storage: the image takes "),
    "pages": ('page_size = "64KiB"', "page size: the program's segments are aligned to 4096"),
}


@pytest.mark.parametrize("case", GATES)
def test_what_is_measured_fails_the_gate_alone(case: str, rooms: Space) -> None:
    keys, what = GATES[case]
    board(rooms, "small", f'profile = "x86-64-generic"\n{keys}')
    ran = rooms.run("build", "//exports:small", code=2)
    assert what in ran.err
    assert "failed       fitness" in ran.out and "passed       emulation" in ran.out
    # With the board's facts corrected, the gate runs again and nothing else does.
    text = (rooms.root / "BUILD.toml").read_text()
    rooms.write("BUILD.toml", text.replace(f"\n{keys}\n", "\n"))
    assert rooms.build("//exports:small").titles() == ["measure the image"]


def test_a_system_without_memory_limits_is_in_the_report(built: Space) -> None:
    folder = built.root / "out/exports/rooms.pi/report"
    report = json.loads((folder / "report.json").read_text())
    assert "cgroup_enable=memory" in report["memory_limit"]
    assert "limit    not enforced" in (folder / "report.txt").read_text()
    other = json.loads((built.root / "out/exports/rooms.x86/report/report.json").read_text())
    assert other["memory_limit"] == ""


BOARDS = {
    "orange": ('cpu = "cortex-a7"\nmemory = "512MiB"', "arm", "v7", "qemu-arm-static"),
    "zero": ('profile = "raspberry-pi-zero"', "arm", "v6", "qemu-arm-static"),
    "bone": ('profile = "beaglebone-black"', "arm", "v7", "qemu-arm-static"),
    "pi3": ('profile = "raspberry-pi-3b"\narch = "arm"', "arm", "v7", "qemu-arm-static"),
    "star": ('profile = "visionfive-2"', "riscv64", "", "qemu-riscv64-static"),
}


TICKS = "".join(f'{{"heater":[{n % 3}],"vent":[{n % 2}]}}\n' for n in range(50))


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_a_board_of_another_architecture_gives_the_same_bits(
    name: str, rooms: Space, built: Space
) -> None:
    keys, architecture, variant, qemu = BOARDS[name]
    need(qemu)
    board(rooms, name, keys)
    ran = rooms.run("build", f"//exports:{name}")
    assert "  passed       emulation, fitness" in ran.out
    folder = rooms.root / f"out/exports/{name}"
    [manifest] = json.loads((folder / "image/index.json").read_text())["manifests"]
    platform = {"architecture": architecture, "os": "linux"}
    assert manifest["platform"] == platform | ({"variant": variant} if variant else {})
    here = [str(built.root / "out/exports/rooms.x86/agent")]
    replies = [
        subprocess.run(words, input=TICKS, capture_output=True, text=True, check=True, timeout=60)
        for words in (here, [qemu, str(folder / "agent")])
    ]
    assert replies[0].stdout == replies[1].stdout and replies[0].stdout.count("\n") == 50
