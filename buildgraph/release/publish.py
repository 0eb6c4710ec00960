"""Put a finished release in place: the folder by one rename, then the ledger, then the git tag.

Each step is skipped if it is done, so a release that was interrupted is finished by the same
command.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..explain.git import Repository
from ..files.remove_tree import remove
from ..store.file_ops import FileOps
from ..types.errors import BuildError
from . import ledger
from .documents import BUILD_ENVELOPE, RELEASE, content_digest, file_digest, load_release

FOLDER = "releases"


@contextmanager
def new_folder(root: str, tag: str) -> Iterator[Path]:
    """Yield an empty folder beside the place of a release; what is left of it is removed.

    Removes the folders of releases whose process has ended.
    """
    releases = Path(root, FOLDER)
    try:
        releases.mkdir(exist_ok=True)
    except FileExistsError:
        raise BuildError(
            f"{FOLDER} is not a folder", None, "move it: releases are written there", "environment"
        ) from None
    for path in releases.glob(f".{tag}.*"):
        if not _is_running(path.name.rpartition(".")[2]):
            remove(str(path))
    folder = releases / f".{tag}.{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        remove(str(folder))
        with suppress(OSError):  # other releases, or a mount point
            releases.rmdir()


def _is_running(process: str) -> bool:
    return process.isdecimal() and os.path.exists(f"/proc/{process}")


def check_room(root: str, tag: str) -> None:
    """Raise BuildError if something that is no release has the place of one."""
    path = Path(root, FOLDER, tag)
    if path.is_symlink() or (path.exists() and not (path / RELEASE).is_file()):
        raise BuildError(
            f"{FOLDER}/{tag} exists, and is not a release", None, "move it away", "released"
        )


def existing_release(root: str, tag: str) -> dict[str, Any] | None:
    """Return `release.json` of a tag in the workspace; None if there is no such folder."""
    folder = Path(root, FOLDER, tag)
    return load_release(folder) if folder.is_dir() else None


def check_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raise BuildError (reason "released") if two releases of a tag have different content."""
    before, after = content_digest(old), content_digest(new)
    if before != after:
        raise BuildError(
            f"{FOLDER}/{new['tag']} exists with other content: {before}, this is {after}",
            None,
            "use a new tag, or remove that folder if it was never published",
            "released",
        )


def install(root: str, folder: Path, release: Mapping[str, Any]) -> Path:
    """Rename a finished folder to the place of its tag; if that exists, it stays.

    Raises BuildError (reason "released") if it exists with other content.
    """
    place = Path(root, FOLDER, release["tag"])
    old = existing_release(root, release["tag"])
    if old is not None:
        check_same(old, release)
        return place
    ops = FileOps()
    ops.sync_filesystem(str(folder))
    try:
        os.rename(folder, place)
    except OSError:
        # Another process may have released the tag since.
        old = existing_release(root, release["tag"])
        if old is None:
            raise
        check_same(old, release)
    ops.sync_folder(str(place.parent))
    return place


def envelope_of(folder: Path) -> dict[str, Any] | None:
    """Return the envelope of the statement in a release; None if it is not signed."""
    try:
        return dict(json.loads((folder / BUILD_ENVELOPE).read_bytes()))
    except FileNotFoundError:
        return None


def record(repository: Repository, folder: Path) -> ledger.Record:
    """Append the release in a folder to the ledger; return its record, an old one if it exists."""
    release = load_release(folder)
    fields = {
        "tag": release["tag"],
        "commit": release["source"]["commit"],
        "content": content_digest(release),
        "release": f"sha256:{file_digest(folder / RELEASE)}",
        "images": {
            target["label"]: {key: target["image"][key] for key in ("digest", "content_tag")}
            for target in release["targets"]
            if "image" in target
        },
        "envelope": envelope_of(folder),
    }
    return ledger.append(repository, ledger.RELEASE, fields)
