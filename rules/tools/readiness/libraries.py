"""Shared libraries that the binaries of an image need and that it lacks."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from readiness.image_files import ImageContent, ImageFile

_DEFAULT = ("lib", "usr/lib", "lib64", "usr/lib64", "usr/local/lib", "lib32", "usr/lib32")
_MULTIARCH = {
    "amd64": "x86_64-linux-gnu",
    "arm64": "aarch64-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "riscv64": "riscv64-linux-gnu",
}


def missing_libraries(content: ImageContent) -> list[str]:
    """Return "binary: library" for each that no folder of the loader has, sorted."""
    configured = _configured(content)
    return sorted(
        f"{file.path}: {name}"
        for file in content.files.values()
        for name in _missing(content, file, configured)
    )


def _missing(content: ImageContent, file: ImageFile, configured: list[str]) -> Iterator[str]:
    binary = file.binary
    if binary is None:
        return
    if binary.interpreter and content.resolve(binary.interpreter) is None:
        yield binary.interpreter
    origin = posixpath.dirname(f"/{file.path}")
    own = [
        folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for folder in binary.search
    ]
    triple = _MULTIARCH.get(binary.machine, "")
    multiarch = [f"{folder}/{triple}" for folder in ("lib", "usr/lib", "usr/local/lib") if triple]
    # The loader of a plugin has its own folder on the path, as Python has for its modules.
    folders = [*own, *configured, *multiarch, *_DEFAULT, origin]
    for name in binary.needed:
        paths = [name] if "/" in name else [f"{folder}/{name}" for folder in folders]
        if not any(_fits(content.resolve(path), binary.machine) for path in paths):
            yield name


def _fits(file: ImageFile | None, machine: str) -> bool:
    return file is not None and file.binary is not None and file.binary.machine == machine


def _configured(content: ImageContent) -> list[str]:
    """Return the folders of /etc/ld.so.conf and the files in ld.so.conf.d."""
    lines = [
        line.strip()
        for path, file in sorted(content.files.items())
        if path.startswith("etc/ld.so.conf")
        for line in file.data.decode("utf-8", "replace").splitlines()
    ]
    return [line.strip("/") for line in lines if line.startswith("/")]
