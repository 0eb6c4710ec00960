"""Facts from files of devices, the matching profile, and facts that stay unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rules.boards.catalogue import BOARDS, MIDR
from rules.boards.detect import FILES, Device, Match, facts, match, read_files
from tests.support.device_files import (
    A78AE,
    CGROUP_2,
    DEVICES,
    ORIN_SUPER,
    V3,
    V4,
    arm,
    cgroup_1,
    jetson,
    meminfo,
    tree,
    write,
    x86,
)

UNTOLD = {
    "mac-mini-m2",
    "mac-mini-m4",
    "intel-nuc",
}  # a virtual machine and a PC do not say their names


def matched(files: dict[str, str]) -> Match:
    """The match of a device that has these files."""
    return match(facts(files), BOARDS, MIDR)


def test_there_is_a_device_of_every_profile_that_can_be_told() -> None:
    assert set(DEVICES) == set(BOARDS) - UNTOLD


@pytest.mark.parametrize("profile", DEVICES)
def test_every_device_is_told_by_its_own_files(profile: str) -> None:
    got = matched(DEVICES[profile])
    assert (got.profile, got.differs) == (profile, ())
    assert got.override == (
        {"memory": '"3906MiB"'}
        if profile in ("x86-64-generic", "x86-64-v2")
        else {"memory": '"15625MiB"', "cores": "8"}
        if profile == "x86-64-v3"
        else {}
    )


def test_all_facts_of_a_jetson() -> None:
    device = facts(DEVICES["jetson-orin-nano-8g"])
    assert device == Device(
        "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
        ("nvidia,p3768-0000+p3767-0005-super", "nvidia,p3767-0005", "nvidia,tegra234"),
        "36.4.3",
        ORIN_SUPER,
        "25W",
        (A78AE,),
        0,
        6,
        7620,
        True,
    )
    assert device.modules == ("p3768-0000", "p3767-0005")
    got = matched(DEVICES["jetson-orin-nano-8g"])
    assert (
        got.because == ("the device tree names p3767-0005", "its processor is cortex-a78ae")
        and got.unknown == ()
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


@pytest.mark.parametrize(
    ("files", "profile", "memory"),
    [
        (
            tree("", "nvidia,p3542-0000+p3448-0003", "nvidia,jetson-nano") | meminfo(2027264),
            "jetson-nano",
            '"2GiB"',
        ),
        (
            tree("", "nvidia,p3541-0000", "nvidia,p3450-0000", "nvidia,tegra210")
            | meminfo(2027264),
            "jetson-nano",
            '"2GiB"',
        ),
        (
            tree("", "nvidia,p3509-0000+p3668-0003", "nvidia,tegra194") | meminfo(15900000),
            "jetson-xavier-nx",
            '"16GiB"',
        ),
        (
            tree("", "nvidia,p3768-0000+p3767-0004", "nvidia,tegra234") | meminfo(3700000),
            "jetson-orin-nano-8g",
            '"4GiB"',
        ),
        (
            tree("", "nvidia,p3737-0000+p3701-0000", "nvidia,tegra234") | meminfo(31330304),
            "jetson-agx-orin-64g",
            '"32GiB"',
        ),
        (
            tree("", "raspberrypi,5-model-b", "brcm,bcm2712") | meminfo(16608816),
            "raspberry-pi-5",
            '"16GiB"',
        ),
        (
            tree("", "raspberrypi,4-model-b", "brcm,bcm2711") | meminfo(930672),
            "raspberry-pi-4b",
            '"1GiB"',
        ),
    ],
)
def test_another_size_of_memory_is_overridden(
    files: dict[str, str], profile: str, memory: str
) -> None:
    got = matched(files)
    assert (got.profile, got.override, got.differs) == (profile, {"memory": memory}, ())


# `model` and `compatible` as in the kernel's device trees (torvalds/linux
# arch/arm64/boot/dts, facts only).
LINUX = {
    "nvidia/tegra234-p3768-0000+p3767-0005.dts": (
        "NVIDIA Jetson Orin Nano Developer Kit",
        "nvidia,p3768-0000+p3767-0005 nvidia,p3767-0005 nvidia,tegra234",
        "jetson-orin-nano-8g",
    ),
    "nvidia/tegra234-p3737-0000+p3701-0000.dts": (
        "NVIDIA Jetson AGX Orin Developer Kit",
        "nvidia,p3737-0000+p3701-0000 nvidia,p3701-0000 nvidia,tegra234",
        "jetson-agx-orin-64g",
    ),
    "nvidia/tegra210-p3541-0000.dts": (
        "NVIDIA Jetson Nano 2GB Developer Kit",
        "nvidia,p3541-0000 nvidia,p3450-0000 nvidia,tegra210",
        "jetson-nano",
    ),
    "nvidia/tegra194-p3509-0000+p3668-0001.dts": (
        "NVIDIA Jetson Xavier NX Developer Kit (eMMC)",
        "nvidia,p3509-0000+p3668-0001 nvidia,tegra194",
        "jetson-xavier-nx",
    ),
    "nvidia/tegra264-p3971-0089+p3834-0008.dts": (
        "NVIDIA P3971-0089+P3834-0008 Engineering Reference Platform",
        "nvidia,p3971-0089+p3834-0008 nvidia,p3834-0008 nvidia,tegra264",
        "jetson-agx-thor-t5000",
    ),
    "broadcom/bcm2837-rpi-zero-2-w.dts": (
        "Raspberry Pi Zero 2 W",
        "raspberrypi,model-zero-2-w brcm,bcm2837",
        "raspberry-pi-zero-2w",
    ),
    "freescale/imx8mq-phanbell.dts": (
        "Google i.MX8MQ Phanbell",
        "google,imx8mq-phanbell fsl,imx8mq",
        "coral-dev",
    ),
}


@pytest.mark.parametrize(("model", "names", "profile"), LINUX.values(), ids=LINUX)
def test_the_kernels_own_device_trees_are_told(model: str, names: str, profile: str) -> None:
    files = tree(model, *names.split())
    assert (matched(files).profile, facts(files).model, facts(files).compatible) == (
        profile,
        model,
        tuple(names.split()),
    )


def test_what_disagrees_is_told_and_decides_nothing() -> None:
    got = matched(tree("", "nvidia,p3767-0000", "nvidia,tegra234") | arm(4, 4000000, (0x41, 0xD08)))
    assert (got.profile, got.override) == ("jetson-orin-nx-16g", {})
    assert got.differs == (
        "its processor is cortex-a72, not cortex-a78ae",
        "the kernel has 3906 MiB of memory, which is not a size that the board is sold with",
        "4 of 8 cores are online",
    )
    bigger = matched(tree("", "raspberrypi,5-model-b") | arm(8, 40000000, (0x41, 0xD0B)))
    assert bigger.override == {"cores": "8"} and "39062 MiB" in bigger.differs[0]


def test_what_is_not_there_is_told_as_not_known() -> None:
    assert matched({}) == Match(
        "",
        unknown=(
            "which board it is: there is no device tree to name it",
            "its processor: /proc/cpuinfo is not there or names none",
            "its memory: /proc/meminfo is not there or says nothing of MemTotal",
            "whether memory can be limited: cgroup.controllers and /proc/cgroups do not show it",
        ),
    )
    bare = matched(tree("", "nvidia,p3767-0000") | arm(8, 16018432, A78AE) | CGROUP_2)
    assert [text.split(":")[0] for text in bare.unknown] == ["its L4T release", "its power modes"]
    other = matched(
        tree("", "nvidia,p3767-0000")
        | arm(8, 16018432, A78AE)
        | CGROUP_2
        | jetson(36, "4.3", ORIN_SUPER, 9)
    )
    assert [text.split(":")[0] for text in other.unknown] == ["which power mode is on"]


def test_a_board_of_no_profile_has_neighbours_with_its_core() -> None:
    got = matched(
        tree("Raspberry Pi 400", "raspberrypi,400", "brcm,bcm2711")
        | arm(4, 3884376, (0x41, 0xD08))
        | CGROUP_2
    )
    assert (got.profile, got.near) == ("", ("raspberry-pi-4b",))
    assert got.unknown == (
        "which board it is: the catalogue has none that is called 'raspberrypi,400' or "
        "'brcm,bcm2711'",
    )


def test_a_virtual_machine_on_a_mac_does_not_say_which() -> None:
    got = matched(arm(4, 8000000, (0x61, 0x000)) | CGROUP_2)
    assert (got.profile, got.near) == ("", ("mac-mini-m2", "mac-mini-m4"))


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


@given(
    st.dictionaries(
        st.sampled_from(FILES),
        st.text()
        | st.sampled_from(
            [
                "R36 (release), REVISION: 4",
                "pmode:99999",
                "CPU part : zz\nCPU implementer : 0x",
                "processor : 1\nflags : lm",
                "MemTotal: 99999999999999 kB",
                "nvidia,p3767-0000\0",
                "< POWER_MODEL ID=1 NAME=> >",
                "memory\t1\t1\tx",
            ]
        ),
    )
)
def test_no_content_is_too_odd(files: dict[str, str]) -> None:
    got = matched(files)
    assert got.profile in ("", *BOARDS) and isinstance(got.unknown, tuple)
