"""`pylock.toml` (PEP 751): its packages for this interpreter, and their wheels."""

from __future__ import annotations

import io
import tomllib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from packagelock.download import CONNECTIONS, Package, Source
from packagelock.errors import PackageError
from packaging.markers import InvalidMarker, Marker
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

VERSION = "1."


def packages(lock: bytes) -> Iterator[Package]:
    """Yield the best wheel of each package whose marker is true here."""
    try:
        document = tomllib.loads(lock.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise PackageError(f"the lock is no TOML: {error}") from None
    if not str(document.get("lock-version", "")).startswith(VERSION):
        raise PackageError("the lock has no lock-version 1: `pip lock` writes one")
    rows = document.get("packages", [])
    for row in rows if isinstance(rows, list) else []:
        if _is_wanted(row):
            yield _wheel(row)


def _is_wanted(row: dict[str, Any]) -> bool:
    marker = row.get("marker")
    try:
        return marker is None or Marker(marker).evaluate(context="lock_file")
    except InvalidMarker as error:
        raise PackageError(f"{row.get('name')}: {error}") from None


def _wheel(row: dict[str, Any]) -> Package:
    name = f"{row.get('name')} {row.get('version', '')}".strip()
    ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
    best: tuple[int, Package] | None = None
    for wheel in row.get("wheels", []):
        url = str(wheel.get("url") or wheel.get("path") or "")
        file = str(wheel.get("name") or url.rpartition("/")[2].partition("#")[0])
        try:
            tags = parse_wheel_filename(file)[3]
        except InvalidWheelFilename as error:
            raise PackageError(f"{name}: {error}") from None
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if rank is not None and (best is None or rank < best[0]):
            best = (rank, Package(name, url, dict(wheel.get("hashes", {}))))
    if best is None:
        raise PackageError(f"{name}: the lock has no wheel for this interpreter")
    return best[1]


def unpack(lock: bytes, source: Source, out: Path) -> None:
    """Unpack the wheels below `out`, as into site-packages; scripts and headers are left out."""
    rows = list(packages(lock))
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        archives = list(pool.map(source.get, rows))
    for package, data in zip(rows, archives):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for info in archive.infolist():
                    target = _target(info.filename)
                    if target:
                        path = out / target
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_bytes(archive.read(info))
        except (zipfile.BadZipFile, OSError) as error:
            raise PackageError(f"{package.name}: the wheel is damaged: {error}") from None


def _target(name: str) -> str:
    """The path of a file of a wheel below site-packages; empty for one that is not installed."""
    if name.startswith("/") or ".." in name.split("/") or "\\" in name:
        raise PackageError(f"{name!r} leaves the folder of the package")
    first, _, rest = name.partition("/")
    if first.endswith(".data"):
        kind, _, rest = rest.partition("/")
        return rest if kind in ("purelib", "platlib") and not rest.endswith("/") else ""
    return "" if name.endswith("/") else name
