"""Kernels for boards: Debian's package of Linux, reduced to the kernel and the modules of a
board.

    Image          the kernel
    modules/order  names of modules in the order in which they are loaded
    modules/*.ko
"""

from __future__ import annotations

import lzma
import re
import tarfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

from board.errors import BoardError

WANTED = ("virtio_mmio", "virtio_blk", "virtio_console", "ext4", "crc32c_generic")
"""Modules of the emulated board; a kernel may contain them instead."""
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")
_MODULE = re.compile(r"\./(?:usr/)?lib/modules/[^/]+/kernel/.*/([^/]+)\.ko(\.xz)?")
_IMAGE = re.compile(r"\./boot/vmlinuz-[^/]+")
_BUILTIN = re.compile(r"\./(?:usr/)?lib/modules/[^/]+/modules\.builtin")


def unpack(package: Path, out: Path) -> None:
    """Write the kernel of a package and the modules; BoardError for another kind of file."""
    image, builtin, modules = _read(package)
    order = _order(modules, builtin)
    (out / "modules").mkdir(parents=True)
    (out / "Image").write_bytes(image)
    for name in order:
        (out / "modules" / f"{name}.ko").write_bytes(modules[name])
    (out / "modules/order").write_text("".join(f"{name}.ko\n" for name in order))


def _read(package: Path) -> tuple[bytes, frozenset[str], Mapping[str, bytes]]:
    """Return kernel, names of built-in modules, and modules by name, with `_` for `-`."""
    image, builtin, modules = b"", frozenset[str](), dict[str, bytes]()
    with tarfile.open(fileobj=BytesIO(_data(package.read_bytes()))) as tar:
        for entry in tar:
            stream = tar.extractfile(entry) if entry.isfile() else None
            if stream is None:
                continue
            if match := _MODULE.fullmatch(entry.name):
                content = stream.read()
                modules[match[1].replace("-", "_")] = (
                    lzma.decompress(content) if match[2] else content
                )
            elif _IMAGE.fullmatch(entry.name):
                image = stream.read()
            elif _BUILTIN.fullmatch(entry.name):
                paths = stream.read().decode().split()
                builtin = frozenset(Path(path).stem.replace("-", "_") for path in paths)
    if image[56:60] != b"ARM\x64":
        raise BoardError("the package has no kernel for 64-bit Arm in /boot/vmlinuz-*")
    return image, builtin, modules


def _data(package: bytes) -> bytes:
    """Return the data archive of a Debian package (deb(5)), decompressed."""
    if not package.startswith(b"!<arch>\n"):
        raise BoardError("the file is not a Debian package")
    at = 8
    while at + 60 <= len(package):
        member, size = package[at : at + 16].rstrip(b" /"), int(package[at + 48 : at + 58])
        content = package[at + 60 : at + 60 + size]
        if member == b"data.tar.xz":
            return lzma.decompress(content)
        if member == b"data.tar":
            return content
        at += 60 + size + size % 2
    raise BoardError("the package has no data.tar.xz")


def _order(modules: Mapping[str, bytes], builtin: frozenset[str]) -> list[str]:
    """Return the wanted modules and what they depend on, dependencies first."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order or name in builtin:
            return
        if name not in modules:
            raise BoardError(f"the kernel has no module {name}, built in or not")
        for other in _dependencies(modules[name]):
            visit(other)
        order.append(name)

    for name in WANTED:
        visit(name)
    return order


def _dependencies(module: bytes) -> Iterator[str]:
    """Yield the modules that a module names in its section .modinfo."""
    match = _DEPENDS.search(module)
    names = match[1].decode().split(",") if match and match[1] else []
    return (name.replace("-", "_") for name in names)
