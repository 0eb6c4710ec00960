"""An index that may be lost at any time: bytes to bytes, kept by diskcache. The one door to that package.

diskcache unpickles what it finds (CVE-2025-69872), so it is used through a Disk that reads and writes plain bytes in
rows and nothing else. Each value carries its SHA-256. Anything odd makes the index be deleted and begun again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, TypeVar

from ..files.regular_file import make_folder, move_aside
from ..files.remove_tree import remove
from ..types.errors import BuildError
from .cache_dir import check_owner

T = TypeVar("T")
_FILES = ("cache.db", "cache.db-wal", "cache.db-shm", "cache.db-journal")
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_SETTINGS: dict[str, object] = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",
    "size_limit": 1 << 40,
    "cull_limit": 0,
    "sqlite_auto_vacuum": 0,
    "sqlite_cache_size": 8192,
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 0,
    "sqlite_synchronous": 1,
    "disk_min_file_size": 1 << 40,
    "disk_pickle_protocol": 0,
}
_COUNTERS = {"count", "size", "hits", "misses"}


class StatIndex:
    """Rows of bytes below a folder; a disk that is full, read-only or busy makes it forget, never fail.

    BuildError (reason "environment") when the folder is another user's or others can write it.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._cache: Any = None
        self._dead = "$" in folder or folder.startswith("~")

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        value = self._safely(lambda cache: cache.get(key), None)
        return value if isinstance(value, bytes) else None

    def put_many(self, rows: Mapping[bytes, bytes]) -> None:
        """Keep rows, all in one transaction."""

        def put(cache: Any) -> None:
            with cache.transact():
                for key, value in rows.items():
                    cache.set(key, value)

        self._safely(put, None)

    def close(self) -> None:
        """Close the database."""
        if self._cache is not None:
            self._cache.close()
            self._cache = None

    def _safely(self, work: Callable[[Any], T], otherwise: T) -> T:
        for _ in range(2):
            if self._dead:
                break
            try:
                return work(self._open())
            except (sqlite3.DatabaseError, ValueError, TypeError) as fault:
                self._recover(fault)
            except (OSError, _timeout()):
                self._dead = True
        return otherwise

    def _recover(self, fault: Exception) -> None:
        code = getattr(fault, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        with suppress(sqlite3.Error):
            self.close()
        self._cache = None
        self._dead = code not in _DAMAGED
        if not self._dead:
            self._delete()

    def _delete(self) -> None:
        for name in _FILES:
            remove(os.path.join(self._folder, name))

    def _open(self) -> Any:
        if self._cache is None:
            os.makedirs(os.path.dirname(self._folder), 0o700, exist_ok=True)
            make_folder(self._folder)
            check_owner(self._folder)
            self._refuse_foreign()
            self._cache = _cache(self._folder)
        return self._cache

    def _refuse_foreign(self) -> None:
        for name in _FILES:
            move_aside(os.path.join(self._folder, name))
        path = os.path.join(self._folder, "cache.db")
        if not os.path.lexists(path):
            return
        if os.lstat(path).st_uid != os.geteuid():
            raise BuildError(f"the index {path} is not yours", None, "delete it", "environment")
        connection = sqlite3.connect(path, timeout=5)
        try:
            made = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'Settings'"
            ).fetchone()
            rows = connection.execute("SELECT key, value FROM Settings").fetchall() if made else []
        finally:
            connection.close()
        if any(
            key not in _COUNTERS and (key not in _SETTINGS or _SETTINGS[key] != value)
            for key, value in rows
        ):
            raise ValueError("settings that are not ours")


def _timeout() -> type[Exception]:
    import diskcache

    timeout: type[Exception] = diskcache.Timeout
    return timeout


def _cache(folder: str) -> Any:
    import diskcache
    from diskcache.core import MODE_RAW, UNKNOWN

    class Plain(diskcache.Disk):  # type: ignore[misc]
        """Bytes in, bytes out, in the row; nothing else is believed."""

        def put(self, key: object) -> tuple[object, bool]:
            assert type(key) is bytes
            return sqlite3.Binary(key), True

        def get(self, key: object, raw: object) -> bytes:
            if not raw or type(key) is not bytes:
                raise ValueError("not a plain key")
            return key

        def store(
            self, value: object, read: bool, key: object = UNKNOWN
        ) -> tuple[int, int, None, object]:
            assert type(value) is bytes and not read
            return 0, MODE_RAW, None, sqlite3.Binary(sha256(value).digest() + value)

        def fetch(self, mode: object, filename: object, value: object, read: bool) -> bytes:
            if mode != MODE_RAW or filename is not None or read or type(value) is not bytes:
                raise ValueError("not a plain row")
            if sha256(value[32:]).digest() != value[:32]:
                raise ValueError("a damaged row")
            return value[32:]

        def remove(self, file_path: str) -> None:
            raise ValueError("a plain cache has no files")

    return diskcache.Cache(folder, disk=Plain, timeout=5, **_SETTINGS)
