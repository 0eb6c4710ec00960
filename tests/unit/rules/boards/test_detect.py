"""Facts that the files of a device give."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.boards.detect import Device, facts, read_files
from tests.support.device_files import (
    CGROUP_2,
    DEVICES,
    V3,
    V4,
    cgroup_1,
    write,
    x86,
)


def test_a_name_of_a_mode_may_stand_before_its_id() -> None:
    assert facts(
        {"etc/nvpmodel.conf": "< POWER_MODEL NAME=MAXN ID=3 >\n<POWER_MODEL ID=0 NAME=15W>"}
    ).modes == {3: "MAXN", 0: "15W"}


def test_neither_long_numbers_nor_odd_characters_get_through() -> None:
    long = "9" * 5000
    assert facts(
        {
            "proc/meminfo": f"MemTotal: {long} kB",
            "var/lib/nvpmodel/status": f"pmode:{long}",
            "etc/nvpmodel.conf": f"< POWER_MODEL ID={long} NAME=X >",
            "proc/cpuinfo": f"CPU part : 0x{long}",
            "proc/device-tree/model": "a\x1b[2Jb\0",
        }
    ) == Device("a[2Jb")


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        (V3, 3),
        (V4, 4),
        (V3.replace("bmi2", ""), 2),
        ("fpu sse sse2", 0),
        (V4.replace("abm", ""), 2),
        (V4.replace("avx512cd", ""), 3),
    ],
)
def test_a_level_of_x86_needs_all_of_its_flags(flags: str, level: int) -> None:
    assert facts(x86(2, 4000000, flags)).x86_level == level


@pytest.mark.parametrize(
    ("files", "limited"),
    [
        (cgroup_1(1), True),
        (cgroup_1(0), False),
        (CGROUP_2, True),
        ({}, None),
        ({"proc/cgroups": "#subsys_name\thierarchy\n"}, None),
    ],
)
def test_memory_can_be_limited_or_not(files: dict[str, str], limited: bool | None) -> None:
    assert facts(files).memory_cgroup is limited


def test_the_tree_is_read_where_the_kernel_keeps_it(tmp_path: Path) -> None:
    files = {
        name.replace("proc/device-tree", "sys/firmware/devicetree/base"): text
        for name, text in DEVICES["raspberry-pi-5"].items()
    }
    assert read_files(str(write(tmp_path, files))) == DEVICES["raspberry-pi-5"]


def test_nothing_outside_of_a_copy_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("MemTotal: 1 kB")
    root = write(tmp_path / "root", {"proc/cpuinfo": "processor : 0"})
    (root / "proc" / "meminfo").symlink_to(tmp_path / "secret")
    (root / "proc" / "cgroups").mkdir()
    assert read_files(str(root)) == {"proc/cpuinfo": "processor : 0"}


def test_this_machine_can_be_read() -> None:
    device = facts(read_files())
    assert device.cores >= 1 and device.memory_mib > 0
