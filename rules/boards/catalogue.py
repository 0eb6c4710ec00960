"""Catalogue of boards: every profile that the rule `hardware` can extend."""

from __future__ import annotations

from .jetson import JETSONS, RELEASES
from .types import A53, A72, A76, MIDR, SOURCES, Accelerator, Board, Core, x86

__all__ = ["BOARDS", "MIDR", "RELEASES", "SOURCES", "Board", "Core"]

_CGROUP = (
    "Raspberry Pi OS ignores memory limits until its kernel's command line says "
    "cgroup_enable=memory"
)
_VM = (
    "a container has what Docker's virtual machine is given of cores and memory, and no GPU: "
    "override both"
)
_PI = {
    "title": "rpi-docs",
    "core": "tools",
    "uarch": "rpi-docs",
    "cores": "rpi-docs",
    "mhz": "rpi-docs",
    "memory_mib": "rpi-docs",
    "compatible": "rpi-docs",
    "storage": "balena",
    "balena": "balena",
    "caution": "rpi-cgroup",
}
_MAC = {
    "title": "apple-spec",
    "core": "tools",
    "uarch": "apple-spec",
    "cores": "apple-spec",
    "memory_mib": "apple-spec",
    "memory_sold": "apple-spec",
    "storage": "apple-spec",
    "caution": "apple-containers",
}
_PC = {
    "title": "x86-psabi",
    "core": "tools",
    "uarch": "x86-psabi",
    "cores": "placeholder",
    "memory_mib": "placeholder",
}
_V1, _V2, _V3 = x86("x86_64"), x86("x86_64_v2"), x86("x86_64_v3")

PIS: dict[str, Board] = {
    "raspberry-pi-zero-2w": Board(
        "Raspberry Pi Zero 2 W",
        A53,
        "cortex-a53",
        4,
        512,
        mhz=1000,
        compatible=("raspberrypi,model-zero-2-w",),
        storage="microSD",
        balena="raspberrypi0-2w-64",
        caution=_CGROUP,
        sources=_PI,
    ),
    "raspberry-pi-4b": Board(
        "Raspberry Pi 4 Model B",
        A72,
        "cortex-a72",
        4,
        4096,
        mhz=1500,
        memory_sold=(1024, 2048, 4096, 8192),
        compatible=("raspberrypi,4-model-b",),
        storage="microSD, USB or network",
        balena="raspberrypi4-64",
        caution=_CGROUP,
        sources=_PI | {"memory_sold": "rpi-docs"},
    ),
    "raspberry-pi-5": Board(
        "Raspberry Pi 5",
        A76,
        "cortex-a76",
        4,
        8192,
        mhz=2400,
        memory_sold=(1024, 2048, 4096, 8192, 16384),
        compatible=("raspberrypi,5-model-b",),
        storage="microSD, USB or network",
        balena="raspberrypi5",
        caution=_CGROUP,
        sources=_PI | {"memory_sold": "rpi-docs"},
    ),
}

OTHERS: dict[str, Board] = {
    "coral-dev": Board(
        "Coral Dev Board",
        A53,
        "cortex-a53",
        4,
        1024,
        memory_sold=(1024, 2048, 4096),
        compatible=("google,imx8mq-phanbell",),
        storage="8 or 16 GB eMMC",
        balena="coral-dev",
        accelerator=Accelerator("Edge TPU (int8 TensorFlow Lite only: no use for these agents)"),
        sources={
            "title": "balena",
            "core": "tools",
            "uarch": "coral-som",
            "cores": "coral-som",
            "memory_mib": "coral-som",
            "memory_sold": "coral-som",
            "compatible": "linux-dts",
            "accelerator": "coral-som",
            "storage": "coral-som",
            "balena": "balena",
        },
    ),
    "mac-mini-m2": Board(
        "Mac mini (M2)",
        A76,
        "apple-m2",
        8,
        8192,
        memory_sold=(8192, 16384, 24576),
        storage="SSD",
        caution=_VM,
        sources=_MAC,
    ),
    "mac-mini-m4": Board(
        "Mac mini (M4)",
        A76,
        "apple-m4",
        10,
        16384,
        memory_sold=(16384, 24576, 32768),
        storage="SSD",
        caution=_VM,
        sources=_MAC,
    ),
    "intel-nuc": Board(
        "Intel NUC",
        _V3,
        "x86-64-v3",
        4,
        8192,
        balena="intel-nuc",
        caution="not every model has AVX2: `buildgraph hardware detect` shows the level of yours",
        sources=_PC | {"title": "balena", "balena": "balena", "caution": "x86-psabi"},
    ),
    "x86-64-v3": Board("any x86-64 with AVX2", _V3, "x86-64-v3", 4, 8192, sources=_PC),
    "x86-64-v2": Board("any x86-64 with SSE4.2", _V2, "x86-64-v2", 4, 4096, sources=_PC),
    "x86-64-generic": Board(
        "any x86-64",
        _V1,
        "x86-64",
        4,
        4096,
        balena="generic-amd64",
        sources=_PC | {"balena": "balena"},
    ),
}

BOARDS: dict[str, Board] = JETSONS | PIS | OTHERS
