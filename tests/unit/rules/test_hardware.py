"""The rule `hardware`: profiles, what differs, boards of one's own, and wrong values."""

from __future__ import annotations

from typing import Any

import pytest

from buildgraph import BuildError, Size
from rules.hardware import RESERVED, CacheSizes, hardware, size
from tests.support.rule_context import ctx

GIB = Size(1 << 30)


def board(**values: Any) -> Any:
    return hardware(ctx("//hardware:orange"), **values)


def test_a_board_of_ones_own_needs_no_profile() -> None:
    caches = CacheSizes(l2=Size(512))
    mine = board(cpu="cortex-a55", arch="arm64", memory=GIB, cores=4, clock_mhz=1800, caches=caches)
    assert (mine.profile, mine.arch, mine.variant) == ("orange", "arm64", "v8")
    assert (mine.cpu, mine.qemu_cpu, mine.cores) == ("cortex_a55", "cortex-a76", 4)
    assert (mine.memory, mine.clock_mhz, mine.l1d, mine.l2) == (GIB, (1800, 1800), 0, 512)
    assert mine.available == GIB - RESERVED
    assert board(cpu="sifive_u74", memory=GIB).cores == 1  # the least that a board has


def test_a_profile_gives_what_the_table_does_not() -> None:
    pi = board(profile="raspberry-pi-5", memory=Size(2 << 30))
    assert (pi.memory, pi.cores, pi.l1d, pi.l2, pi.l3) == (2 << 30, 4, 64 << 10, 512 << 10, 2 << 20)
    assert (pi.page_size, pi.memory_cgroup, pi.clock_mhz) == (16384, False, (2400, 2400))
    assert board(profile="raspberry-pi-5", memory_cgroup=True).memory_cgroup is True
    assert board(profile="jetson-nano", power_mode="5W").cores == 2
    assert board(profile="jetson-nano", power_mode="5W", cores=1).cores == 1
    assert board(profile="beaglebone-black").storage == 4 * 10**9


def test_a_profile_runs_a_32_bit_system_or_an_older_core() -> None:
    assert board(profile="raspberry-pi-3b", arch="arm").triple == "arm-linux-musleabihf"
    assert board(profile="raspberry-pi-5", cpu="cortex_a72").cpu == "cortex_a72"


def test_the_release_of_a_jetson_gives_cuda_and_kernel() -> None:
    orin = board(profile="jetson-orin-nano-8g", l4t="36.3.0")
    assert (orin.l4t, orin.cuda, orin.kernel) == ("36.3.0", "12.4", "5.15")
    unsaid = board(profile="jetson-orin-nano-8g")
    assert (unsaid.l4t, unsaid.cuda, unsaid.kernel) == ("", "", "5.10")  # never the newest


@pytest.mark.parametrize(
    ("values", "what", "fix"),
    [
        ({}, "no profile, and it lacks cpu and memory", "hardware list"),
        ({"cpu": "cortex_a7"}, "no profile, and it lacks memory", 'memory = "1GiB"'),
        ({"memory": GIB}, "no profile, and it lacks cpu", 'cpu = "cortex_a53"'),
        ({"profile": "raspberry-pi5"}, "no hardware profile 'raspberry-pi5'", "'raspberry-pi-5'"),
        ({"cpu": "cortex_a8x", "memory": GIB}, "no core 'cortex_a8x'", "did you mean"),
        ({"profile": "raspberry-pi-5", "l4t": "36.4"}, "no L4T release", "only a Jetson"),
        ({"profile": "jetson-nano", "l4t": "36.4.0"}, "no L4T release '36.4.0'", "32.7"),
        ({"profile": "jetson-nano", "l4t": "32.7.x"}, "no L4T release '32.7.x'", "32.7: /etc"),
        ({"profile": "raspberry-pi-5", "cores": -1}, "-1 cores", "1 core or more"),
        ({"profile": "raspberry-pi-5", "clock_mhz": -1}, "-1 MHz", "1500 for 1.5 GHz"),
        ({"profile": "raspberry-pi-5", "page_size": Size(7)}, "a page of 7 bytes", "PAGESIZE"),
        ({"profile": "raspberry-pi-5", "kernel": "new"}, "'new' is not a version", "uname -r"),
        ({"profile": "raspberry-pi-5", "kernel": "3.14.9"}, "no system call renameat2", "3.15"),
        (
            {"profile": "raspberry-pi-5", "memory": Size(64 << 10)},
            "64KiB of memory, and 128MiB of it are reserved",
            "`reserved`",
        ),
        (
            {"profile": "raspberry-pi-zero", "reserved": Size(1 << 30)},
            "512MiB of memory, and 1GiB of it are reserved",
            "`reserved`",
        ),
        ({"profile": "raspberry-pi-4b", "cpu": "cortex_a76"}, "not all instructions", "cortex_a72"),
        ({"profile": "raspberry-pi-2b", "cpu": "cortex_a53"}, "not all instructions", "cortex_a7"),
    ],
)
def test_a_wrong_value_is_refused(values: dict[str, Any], what: str, fix: str) -> None:
    with pytest.raises(BuildError) as error:
        board(**values)
    assert what in str(error.value) and fix in error.value.fix, error.value


def test_sizes_are_written_as_in_the_table() -> None:
    assert [size(count) for count in (0, 1, 1000, 1024, 3 * 10**9, 8 << 30, (8 << 30) - 1)] == [
        *("0B", "1B", "1KB", "1KiB", "3GB", "8GiB", f"{(8 << 30) - 1}B"),
    ]
