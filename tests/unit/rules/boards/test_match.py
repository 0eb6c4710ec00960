"""Facts from files of devices, the matching profile, and facts that stay unknown."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from rules.boards.catalogue import BOARDS, MIDR
from rules.boards.detect import FILES, Device, facts
from rules.boards.match import Match, match
from tests.support.device_files import (
    A78AE,
    CGROUP_2,
    DEVICES,
    ORIN_SUPER,
    V7,
    arm,
    jetson,
    meminfo,
    riscv,
    tree,
)

UNTOLD = {
    "mac-mini-m2",
    "mac-mini-m4",
    "intel-nuc",
    "armv7-generic",
    "riscv64-generic",
}  # a virtual machine, a PC and a board of no name do not say their names


def matched(files: dict[str, str]) -> Match:
    """The match of a device that has these files."""
    return match(facts(files), BOARDS, MIDR)


def test_there_is_a_device_of_every_profile_that_can_be_told() -> None:
    assert set(DEVICES) == set(BOARDS) - UNTOLD


@pytest.mark.parametrize("profile", DEVICES)
def test_every_device_is_told_by_its_own_files(profile: str) -> None:
    got = matched(DEVICES[profile])
    assert (got.profile, got.differs) == (profile, ())
    release = facts(DEVICES[profile]).l4t
    assert got.override == (
        {"l4t": f'"{release}"'}
        if release
        else {"memory": '"3906MiB"'}
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
        "arm64",
    )
    assert device.modules == ("p3768-0000", "p3767-0005")
    got = matched(DEVICES["jetson-orin-nano-8g"])
    assert (
        got.because == ("the device tree names p3767-0005", "its processor is cortex-a78ae")
        and got.unknown == ()
    )


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


def test_a_system_of_another_architecture_is_an_override() -> None:
    files = tree("Raspberry Pi 4 Model B Rev 1.4", "raspberrypi,4-model-b", "brcm,bcm2711")
    got = matched(files | arm(4, 3884376, (0x41, 0xD08), V7, 7) | CGROUP_2)
    assert got.profile == "raspberry-pi-4b" and got.override == {
        "arch": '"arm"',
        "memory_cgroup": "true",
    }


def test_a_profile_of_the_same_architecture_goes_first() -> None:
    for architecture, profile in ((8, "raspberry-pi-3b"), (7, "raspberry-pi-3b-32bit")):
        files = tree("", "raspberrypi,3-model-b") | arm(4, 944128, (0x41, 0xD03), V7, architecture)
        assert (matched(files).profile, matched(files).override) == (profile, {})


def test_another_processor_than_the_boards_is_told() -> None:
    files = tree("", "starfive,visionfive-2-v1.3b") | riscv(4, 4010000, "uarch : thead,c910\n")
    assert matched(files).differs == ("its processor is thead,c910, not sifive,u74-mc",)
