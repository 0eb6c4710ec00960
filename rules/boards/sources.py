"""Documents that the facts about boards come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """A document: description, date of the version read (or empty), and date of reading."""

    what: str
    dated: str
    retrieved: str


SOURCES = {
    "jetson-containers": Document(
        "dusty-nv/jetson-containers jetson_containers/l4t_version.py at dd206bfe (MIT)",
        "2026-05-30",
        "2026-11-23",
    ),
    "jetson-stats": Document(
        "rbonghi/jetson_stats jtop/core/jetson_variables.py at f41d5cad (facts only)",
        "2026-07-30",
        "2026-11-23",
    ),
    "meta-tegra": Document(
        "OE4T/meta-tegra conf/machine and its include at d5d93dc6", "2026-08-21", "2026-11-23"
    ),
    "balena": Document(
        "balena-io/contracts contracts/hw.device-type at a4ab96e", "2026-07-16", "2026-11-23"
    ),
    "l4t-power-nano": Document(
        "NVIDIA L4T Development Guide, Power Management for Jetson Nano", "", "2026-11-23"
    ),
    "xavier-nx-sheet": Document(
        "NVIDIA Jetson Xavier NX data sheet DA-09366-001", "", "2026-11-23"
    ),
    "xavier-nx-modes": Document(
        "`nvpmodel -p --verbose` of a Xavier NX with L4T r35.1, published", "", "2026-11-23"
    ),
    "nvpmodel": Document(
        "public nvpmodel.conf files of the named board, which agree with each other",
        "",
        "2026-11-23",
    ),
    "orin-nano-super": Document(
        "published measurements of the Orin Nano Super developer kit", "", "2026-11-23"
    ),
    "orin-nx-sheet": Document(
        "NVIDIA Jetson Orin NX data sheet, and specification tables made of it", "", "2026-11-23"
    ),
    "orin-nx-modes": Document(
        "ARK-Electronics/ark_jetson_kernel docs/power.md at 451d1c0b, of p3767-0000 with R36.5; "
        "MAXN: published logs of systems without super modes",
        "2026-09",
        "2026-11-23",
    ),
    "agx-orin-devkit": Document(
        "NVIDIA Jetson AGX Orin Developer Kit specification", "", "2026-11-23"
    ),
    "agx-orin-32g": Document(
        "apache/tvm#16231 (8 cores by NVIDIA's documentation); the module has its own nvpmodel "
        "file "
        "with fewer cores (anduril/jetpack-nixos#287)",
        "2023-12",
        "2026-11-23",
    ),
    "l4t-guide-38": Document(
        "NVIDIA Jetson Linux Developer Guide r38.2, Emulation Flash Configurations",
        "",
        "2026-11-23",
    ),
    "thor": Document(
        "RidgeRun's developer wiki on Jetson AGX Thor; public inventories of the developer kit",
        "",
        "2026-11-23",
    ),
    "linux-dts": Document(
        "torvalds/linux arch/arm64/boot/dts and Documentation/devicetree/bindings/arm",
        "",
        "2026-11-23",
    ),
    "midr": Document("part numbers of Zig 0.17.1 lib/std/zig/system/arm.zig", "", "2026-11-23"),
    "rpi-docs": Document(
        "raspberrypi/documentation computers/processors and "
        "computers/raspberry-pi/revision-codes.adoc",
        "",
        "2026-11-23",
    ),
    "rpi-cgroup": Document(
        "RPi-Distro/pi-gen#917: the memory controller is off by default", "2026-04", "2026-11-23"
    ),
    "coral-som": Document("Coral System-on-Module datasheet 1.11", "2019", "2026-11-23"),
    "apple-spec": Document(
        "published specifications of the Mac mini (2023 and 2024)", "", "2026-11-23"
    ),
    "apple-containers": Document(
        "AsahiLinux/linux#285, apple/container#1511: containers run in a virtual machine "
        "without a GPU",
        "",
        "2026-11-23",
    ),
    "x86-psabi": Document(
        "System V psABI x86-64 supplement, microarchitecture levels", "", "2026-11-23"
    ),
    "rpi-pages": Document(
        "raspberrypi/documentation computers/config_txt/boot.adoc: the 64-bit kernel of the Pi 5 "
        "has 16 KiB pages",
        "",
        "2026-11-29",
    ),
    "jetson-nano-sheet": Document("NVIDIA Jetson Nano data sheet DA-09366-001", "", "2026-11-29"),
    "l4t-kernels": Document(
        "OE4T/meta-tegra recipes-kernel/linux: kernel version of each L4T line", "", "2026-11-29"
    ),
    "l4t-containers": Document(
        "dusty-nv/jetson-containers jetson_containers/l4t_version.py at 019980c7, and its issues "
        "149 (r34 on r32), 353 (r36 on r35), 725 (36.3 and 36.4) and 1741 (36.5.2)",
        "2026-08-31",
        "2026-11-29",
    ),
    "beagle": Document(
        "BeagleBone Black System Reference Manual; TI AM335x data sheet", "", "2026-11-29"
    ),
    "starfive": Document(
        "StarFive VisionFive 2 specification, and the hardware page of Gentoo's wiki",
        "",
        "2026-11-29",
    ),
    "syscalls": Document("man-pages syscalls(2): first kernel of each call", "", "2026-11-29"),
    "reserve": Document(
        "no fact but a convention: what kernel, system services and container engine take", "", ""
    ),
    "tools": Document(
        "`zig targets` 0.17.1 and `-cpu help` of QEMU 7.2: where the emulator lacks the "
        "core, the "
        "nearest that has all its instructions; where none has, compiled for the emulated one",
        "",
        "2026-11-23",
    ),
    "placeholder": Document("no fact but a placeholder: say what yours has", "", ""),
}
"""Documents by the short names that `Board.sources` and the tables of facts use."""
