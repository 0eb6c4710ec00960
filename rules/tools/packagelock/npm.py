"""`package-lock.json` (lockfileVersion 2 and 3): its packages, and their archives."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

from packagelock.download import CONNECTIONS, Package, Source, parse_integrity
from packagelock.errors import PackageError

_HOST = {"os": "linux", "libc": "glibc"}
_CPUS = {"x86_64": "x64", "aarch64": "arm64", "armv7l": "arm"}
UNREAD = (".map", ".md", ".mdx", ".markdown")  # of documentation and debuggers
TOP = "node_modules/"
REGISTRY = "https://registry.npmjs.org/"


def packages(lock: bytes, machine: str) -> Iterator[tuple[str, Package]]:
    """Yield (path below node_modules, package) of each package for a machine, by path."""
    try:
        document = json.loads(lock)
        rows: dict[str, dict[str, Any]] = document["packages"]
    except (ValueError, KeyError, TypeError):
        raise PackageError(
            "the lock has no `packages`: write it with npm 7 or newer (lockfileVersion 2 or 3)"
        ) from None
    for path, row in sorted(rows.items()):
        if not path or not path.startswith(TOP) or row.get("inBundle"):
            continue
        if row.get("link"):
            raise PackageError(f"{path}: packages of the workspace itself are not supported")
        if not _fits(row, machine):
            if row.get("optional"):
                continue
            raise PackageError(f"{path}: the package is not for this machine")
        hashes = parse_integrity(row.get("integrity", ""))
        yield (
            path.removeprefix(TOP),
            Package(path, row.get("resolved") or _address(path, row), hashes),
        )


def _address(path: str, row: dict[str, Any]) -> str:
    """The address in the public registry, for a lock without addresses."""
    name = row.get("name") or path.rpartition(TOP)[2]
    return f"{REGISTRY}{name}/-/{name.rpartition('/')[2]}-{row.get('version')}.tgz"


def _fits(row: dict[str, Any], machine: str) -> bool:
    host = _HOST | {"cpu": _CPUS.get(machine, machine)}
    return all(_allows(row.get(key, []), value) for key, value in host.items())


def _allows(values: list[str], value: str) -> bool:
    positive = [word for word in values if not word.startswith("!")]
    return f"!{value}" not in values and (not positive or value in positive)


def needed(lock: bytes, only: Sequence[str]) -> set[str]:
    """The paths in the lock of some packages and of all that they need."""
    rows: dict[str, dict[str, Any]] = json.loads(lock)["packages"]
    reached, waiting = set[str](), [("", name, False) for name in only]
    while waiting:
        folder, name, is_optional = waiting.pop()
        path = _resolve(rows, folder, name)
        if path is None and not is_optional:
            raise PackageError(f"the lock has no package {name!r}, which {folder or 'only'} needs")
        if path is None or path in reached:
            continue
        reached.add(path)
        for kind in ("dependencies", "optionalDependencies", "peerDependencies"):
            optional = rows[path].get("peerDependenciesMeta", {})
            waiting += [
                (path, other, kind != "dependencies" or other in optional)
                for other in rows[path].get(kind, {})
            ]
    return reached


def _resolve(rows: dict[str, dict[str, Any]], folder: str, name: str) -> str | None:
    """The package that a name means in a folder: in its node_modules, or in those above it."""
    while True:
        path = f"{folder}/{TOP}{name}".lstrip("/")
        if path in rows:
            return path
        if not folder:
            return None
        folder = folder.rpartition(f"/{TOP}")[0] if f"/{TOP}" in folder else ""


def unpack(
    lock: bytes, source: Source, out: Path, *, only: Sequence[str] = (), machine: str = ""
) -> None:
    """Unpack packages below `out`, the folder node_modules: all, or some and what they need."""
    rows = list(packages(lock, machine or os.uname().machine))
    if only:
        wanted = needed(lock, only)
        rows = [(path, package) for path, package in rows if package.name in wanted]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for (path, package), data in zip(rows, pool.map(source.get, (p for _, p in rows))):
            folder = out / _checked(path)
            folder.mkdir(parents=True, exist_ok=True)
            _unpack_archive(data, folder, package.name)


def _unpack_archive(data: bytes, folder: Path, name: str) -> None:
    """Unpack an archive without its first folder; links and devices are refused."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            for member in archive:
                relative = "/".join(PurePosixPath(member.name).parts[1:])
                if member.isdir() or not relative or relative.endswith(UNREAD):
                    continue
                file = archive.extractfile(member) if member.isreg() else None
                if file is None:
                    raise PackageError(f"{name}: {member.name} is not a regular file")
                target = folder / _checked(relative)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read())
                target.chmod(0o755 if member.mode & 0o111 else 0o644)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise PackageError(f"{name}: the archive is damaged: {error}") from None


def _checked(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or "\\" in path:
        raise PackageError(f"{path!r} leaves the folder of the package")
    return path
