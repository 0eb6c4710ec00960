"""System files of devices, written by hand from the facts of the catalogue's sources."""

from __future__ import annotations

from pathlib import Path

FP16 = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc "
    "dcpop asimddp"
)
OLD = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
V7 = "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae"
V1 = "fpu cx8 cmov mmx fxsr sse sse2 syscall nx lm pni"
V2 = f"{V1} ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm"
V3 = f"{V2} fma movbe xsave avx f16c abm bmi1 avx2 bmi2"
V4 = f"{V3} avx512f avx512dq avx512cd avx512bw avx512vl"
ORIN_SUPER = {0: "15W", 1: "25W", 2: "MAXN_SUPER", 3: "7W"}
CGROUP_2 = {"sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n"}
CGROUP_2_WITHOUT = {"sys/fs/cgroup/cgroup.controllers": "cpuset cpu io pids\n"}


def cgroup_1(enabled: int) -> dict[str, str]:
    """Return the table of cgroup version 1, with the memory controller on or off."""
    return {
        "proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t70\t1\n"
        f"memory\t{8 * enabled}\t110\t{enabled}\npids\t2\t75\t1\n"
    }


def arm(
    cores: int, kib: int, part: tuple[int, int], features: str = FP16, architecture: int = 8
) -> dict[str, str]:
    """Return cpuinfo and meminfo of an Arm device; 32-bit kernels give the architecture 7."""
    processor = (
        f"BogoMIPS\t: 62.50\nFeatures\t: {features}\nCPU implementer\t: {part[0]:#04x}\n"
        f"CPU architecture: {architecture}\n"
        f"CPU variant\t: 0x0\nCPU part\t: {part[1]:#05x}\nCPU revision\t: 1\n\n"
    )
    return {
        "proc/cpuinfo": "".join(f"processor\t: {number}\n{processor}" for number in range(cores))
    } | meminfo(kib)


def riscv(cores: int, kib: int, uarch: str) -> dict[str, str]:
    """Return cpuinfo and meminfo of a RISC-V device; `uarch` is a line or empty."""
    processor = f"hart\t\t: 1\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\n{uarch}\n"
    return {
        "proc/cpuinfo": "".join(f"processor\t: {number}\n{processor}" for number in range(cores))
    } | meminfo(kib)


def x86(cores: int, kib: int, flags: str) -> dict[str, str]:
    """Return cpuinfo and meminfo of a PC."""
    processor = (
        "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel name\t: a processor\n"
        f"flags\t\t: {flags}\nbugs\t\t:\n\n"
    )
    return {
        "proc/cpuinfo": "".join(f"processor\t: {number}\n{processor}" for number in range(cores))
    } | meminfo(kib)


def meminfo(kib: int) -> dict[str, str]:
    """Return the beginning of /proc/meminfo."""
    return {"proc/meminfo": f"MemTotal:       {kib:8} kB\nMemFree:          204800 kB\n"}


def tree(model: str, *compatible: str) -> dict[str, str]:
    """Return model and names of a device tree, each with the kernel's NUL at its end."""
    return {
        "proc/device-tree/model": f"{model}\0",
        "proc/device-tree/compatible": "".join(f"{name}\0" for name in compatible),
    }


def jetson(release: int, revision: str, modes: dict[int, str], mode: int) -> dict[str, str]:
    """Return the files that L4T puts below /etc and /var of a Jetson."""
    power_models = "".join(
        f"\n< POWER_MODEL ID={number} NAME={name} >\nCPU_ONLINE CORE_0 1\n"
        for number, name in modes.items()
    )
    return {
        "etc/nv_tegra_release": f"# R{release} (release), REVISION: {revision}, GCID: 12345678, "
        "BOARD: generic, "
        "EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025\n",
        "etc/nvpmodel.conf": "< PARAM TYPE=FILE NAME=CPU_ONLINE >\n"
        "CORE_0 /sys/devices/system/cpu/cpu0/online\n"
        f"{power_models}\n< PM_CONFIG DEFAULT=1 >\n",
        "var/lib/nvpmodel/status": f"pmode:{mode:04} fmode:quiet\n",
    }


A78AE, A57, CARMEL = (0x41, 0xD42), (0x41, 0xD07), (0x4E, 0x004)
XAVIER_MODES = {
    0: "MODE_15W_2CORE",
    2: "MODE_15W_6CORE",
    5: "MODE_10W_DESKTOP",
    8: "MODE_20W_6CORE",
}

DEVICES: dict[str, dict[str, str]] = {
    "jetson-nano": tree(
        "NVIDIA Jetson Nano Developer Kit",
        "nvidia,p3449-0000-b00+p3448-0000-b00",
        "nvidia,jetson-nano",
        "nvidia,tegra210",
    )
    | arm(4, 4059264, A57, OLD)
    | jetson(32, "7.1", {0: "MAXN", 1: "5W"}, 0)
    | cgroup_1(1),
    "jetson-xavier-nx": tree(
        "NVIDIA Jetson Xavier NX Developer Kit",
        "nvidia,p3449-0000+p3668-0001",
        "nvidia,p3509-0000+p3668-0001",
        "nvidia,tegra194",
    )
    | arm(6, 7794684, CARMEL)
    | jetson(35, "4.1", XAVIER_MODES, 8)
    | cgroup_1(1),
    "jetson-orin-nano-8g": tree(
        "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
        "nvidia,p3768-0000+p3767-0005-super",
        "nvidia,p3767-0005",
        "nvidia,tegra234",
    )
    | arm(6, 7802880, A78AE)
    | jetson(36, "4.3", ORIN_SUPER, 1)
    | CGROUP_2,
    "jetson-orin-nx-16g": tree(
        "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
        "nvidia,p3768-0000+p3767-0000",
        "nvidia,p3767-0000",
        "nvidia,tegra234",
    )
    | arm(8, 16018432, A78AE)
    | jetson(36, "5.0", {0: "MAXN_SUPER", 1: "10W", 2: "15W", 3: "25W", 4: "40W"}, 4)
    | CGROUP_2,
    "jetson-orin-nx-8g": tree(
        "NVIDIA Jetson Orin NX",
        "nvidia,p3768-0000+p3767-0001",
        "nvidia,p3767-0001",
        "nvidia,tegra234",
    )
    | arm(6, 7802880, A78AE)
    | CGROUP_2,
    "jetson-agx-orin-64g": tree(
        "NVIDIA Jetson AGX Orin Developer Kit",
        "nvidia,p3737-0000+p3701-0005",
        "nvidia,p3701-0005",
        "nvidia,tegra234",
    )
    | arm(12, 64335872, A78AE)
    | jetson(36, "4.4", {0: "MAXN", 1: "MODE_15W", 2: "MODE_30W", 3: "MODE_50W"}, 0)
    | CGROUP_2,
    "jetson-agx-orin-32g": tree(
        "NVIDIA Jetson AGX Orin",
        "nvidia,p3737-0000+p3701-0004",
        "nvidia,p3701-0004",
        "nvidia,tegra234",
    )
    | arm(8, 31330304, A78AE)
    | CGROUP_2,
    "jetson-agx-thor-t5000": tree(
        "NVIDIA Jetson AGX Thor Developer Kit",
        "nvidia,p4071-0000+p3834-0008",
        "nvidia,p3834-0008",
        "nvidia,tegra264",
    )
    | arm(14, 128825804, (0x41, 0xD83))
    | jetson(38, "2.1", {0: "MAXN", 1: "120W", 2: "90W", 3: "70W"}, 1)
    | CGROUP_2,
    "raspberry-pi-zero-2w": tree(
        "Raspberry Pi Zero 2 W Rev 1.0", "raspberrypi,model-zero-2-w", "brcm,bcm2837"
    )
    | arm(4, 435200, (0x41, 0xD03), OLD)
    | CGROUP_2_WITHOUT,
    "raspberry-pi-4b": tree(
        "Raspberry Pi 4 Model B Rev 1.4", "raspberrypi,4-model-b", "brcm,bcm2711"
    )
    | arm(4, 3884376, (0x41, 0xD08), OLD)
    | CGROUP_2_WITHOUT,
    "raspberry-pi-5": tree(
        "Raspberry Pi 5 Model B Rev 1.0", "raspberrypi,5-model-b", "brcm,bcm2712"
    )
    | arm(4, 8245552, (0x41, 0xD0B))
    | CGROUP_2_WITHOUT,
    "raspberry-pi-zero": tree(
        "Raspberry Pi Zero W Rev 1.1", "raspberrypi,model-zero-w", "brcm,bcm2835"
    )
    | arm(1, 438272, (0x41, 0xB76), "half thumb fastmult vfp edsp java tls", 7)
    | CGROUP_2_WITHOUT,
    "raspberry-pi-2b": tree(
        "Raspberry Pi 2 Model B Rev 1.1", "raspberrypi,2-model-b", "brcm,bcm2836"
    )
    | arm(4, 944128, (0x41, 0xC07), V7, 7)
    | CGROUP_2_WITHOUT,
    "raspberry-pi-3b": tree(
        "Raspberry Pi 3 Model B Rev 1.2", "raspberrypi,3-model-b", "brcm,bcm2837"
    )
    | arm(4, 944128, (0x41, 0xD03), OLD)
    | CGROUP_2_WITHOUT,
    "raspberry-pi-3b-32bit": tree(
        "Raspberry Pi 3 Model B Rev 1.2", "raspberrypi,3-model-b", "brcm,bcm2837"
    )
    | arm(4, 944128, (0x41, 0xD03), V7, 7)
    | CGROUP_2_WITHOUT,
    "beaglebone-black": tree("TI AM335x BeagleBone Black", "ti,am335x-bone-black", "ti,am33xx")
    | arm(1, 496640, (0x41, 0xC08), V7, 7)
    | CGROUP_2,
    "visionfive-2": tree(
        "StarFive VisionFive 2 v1.3B", "starfive,visionfive-2-v1.3b", "starfive,jh7110"
    )
    | riscv(4, 4010000, "uarch\t\t: sifive,u74-mc\n")
    | CGROUP_2,
    "coral-dev": tree("Google i.MX8MQ Phanbell", "google,imx8mq-phanbell", "fsl,imx8mq")
    | arm(4, 1001472, (0x41, 0xD03), OLD)
    | cgroup_1(1),
    "x86-64-generic": x86(4, 4000000, V1) | CGROUP_2,
    "x86-64-v2": x86(4, 4000000, V2) | CGROUP_2,
    "x86-64-v3": x86(8, 16000000, V3) | CGROUP_2,
}
"""A device for each profile that can be detected."""


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files below a folder, as a copy of a device's file system."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
