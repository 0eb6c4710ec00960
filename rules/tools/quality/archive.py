"""The file `previous` of a run: its records, and the part of mypy's cache that is of no source.

The cache has only modules of the standard library and of distributions. The engine hands a file to
runs with the same distributions only, and mypy compares the SHA-256 of each module with its entry.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from quality.records import Records, read_records
from quality.sources import Sources

_RECORDS = "records.json"


def load(previous: Path, cache: Path) -> Records:
    """Read the records of the last run, and unpack the cache that it left."""
    if not previous.exists():
        return Records()
    folder = cache.parent / "previous-files"
    with tarfile.open(previous) as archive:
        archive.extractall(folder, filter="data")
    if (folder / "cache").exists():
        (folder / "cache").rename(cache)
    return read_records(folder / _RECORDS)


def save(records: Records, sources: Sources, temporary: Path) -> None:
    """Write the records and the cache of this run."""
    path = temporary / _RECORDS
    records.write(path, sources.used)
    with tarfile.open(temporary / "previous", "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, _RECORDS, path)
        cache = temporary / "cache"
        if sources.files.plan.tool == "mypy" and cache.is_dir():
            own = _own_stems(sources)
            for file in sorted(cache.rglob("*")):
                relative = file.relative_to(cache).parts
                stem = "/".join(relative[1:]).split(".")[0]
                if file.is_file() and len(relative) > 1 and stem not in own:
                    _add(archive, "/".join(("cache", *relative)), file)


def _own_stems(sources: Sources) -> set[str]:
    """The paths of sources as mypy's cache names them: modules from a root or a package."""
    stems = set()
    for path in sources.paths:
        parts = path.rpartition(".")[0].split("/")
        top = len(parts) - 1
        while top and "/".join((*parts[:top], "__init__.py")) in sources.paths:
            top -= 1
        stems |= {"/".join(parts), "/".join(parts[top:])}
        stems |= {
            path.rpartition(".")[0].removeprefix(f"{root}/") for root in sources.files.plan.roots
        }
    return stems


def _add(archive: tarfile.TarFile, name: str, file: Path) -> None:
    info = tarfile.TarInfo(name)
    data = file.read_bytes()
    info.size, info.mode = len(data), 0o644
    archive.addfile(info, io.BytesIO(data))
