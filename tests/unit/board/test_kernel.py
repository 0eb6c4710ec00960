"""Kernels of Debian packages: the image, the modules of a board, and their order."""

from __future__ import annotations

import io
import lzma
import tarfile
from pathlib import Path

import pytest
from board import kernel
from board.errors import BoardError

IMAGE = bytes(56) + b"ARM\x64" + b"kernel"
MODULES = {
    "virtio-ring": "",
    "virtio": "virtio_ring",
    "virtio_mmio": "virtio,virtio_ring",
    "virtio_blk": "virtio",
    "virtio_console": "virtio",
    "other": "",
}
BUILTIN = "kernel/fs/ext4/ext4.ko\nkernel/crypto/crc32c_generic.ko\n"


def module(depends: str) -> bytes:
    """Return a module whose section .modinfo names its dependencies."""
    return b"\x7fELF\0license=GPL\0depends=" + depends.encode() + b"\0name=x\0"


def package(
    folder: Path, image: bytes = IMAGE, builtin: str = BUILTIN, suffix: str = "", **modules: str
) -> Path:
    """Write a Debian package of a kernel."""
    files = {
        "./boot/vmlinuz-6.1.0-arm64": image,
        "./lib/modules/6.1/modules.builtin": builtin.encode(),
    }
    for name, depends in (MODULES | modules).items():
        content = module(depends)
        member = f"./lib/modules/6.1/kernel/drivers/{name}.ko{suffix}"
        files[member] = lzma.compress(content) if suffix else content
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, content in files.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    data = lzma.compress(out.getvalue())
    path = folder / "linux.deb"
    members = [("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", data)]
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, content in members:
            head = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
            file.write(head.encode() + content + b"\n" * (len(content) % 2))
    return path


def order(out: Path) -> list[str]:
    """Return the names of the modules in the order in which they are loaded."""
    return (out / "modules/order").read_text().split()


@pytest.mark.parametrize("suffix", ["", ".xz"])
def test_modules_come_after_those_that_they_need(tmp_path: Path, suffix: str) -> None:
    kernel.unpack(package(tmp_path, suffix=suffix), tmp_path / "out")
    assert order(tmp_path / "out") == [
        "virtio_ring.ko",
        "virtio.ko",
        "virtio_mmio.ko",
        "virtio_blk.ko",
        "virtio_console.ko",
    ]
    assert (tmp_path / "out/Image").read_bytes() == IMAGE
    assert (tmp_path / "out/modules/virtio.ko").read_bytes() == module("virtio_ring")


def test_ext4_may_be_a_module(tmp_path: Path) -> None:
    written = package(tmp_path, builtin="kernel/x/crc32c_generic.ko\n", ext4="jbd2", jbd2="")
    kernel.unpack(written, tmp_path / "out")
    assert order(tmp_path / "out")[-2:] == ["jbd2.ko", "ext4.ko"]


def test_a_kernel_without_a_driver_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="no module ext4, built in or not"):
        kernel.unpack(package(tmp_path, builtin=""), tmp_path / "out")


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="no kernel for 64-bit Arm"):
        kernel.unpack(package(tmp_path, image=b"MZ" + bytes(100)), tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"not a package", b"!<arch>\n"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.deb").write_bytes(content)
    with pytest.raises(BoardError, match="Debian package|no data"):
        kernel.unpack(tmp_path / "x.deb", tmp_path / "out")
