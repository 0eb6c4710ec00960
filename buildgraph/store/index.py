"""Index from bytes to bytes that may be lost at any time. The one door to diskcache.

diskcache unpickles the values it reads (CVE-2025-69872). A Disk of our own therefore reads and
writes plain bytes in rows and nothing else. Each value carries its SHA-256. An index that looks
damaged is deleted and created again.
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
    """Rows of bytes in a folder. On a full, read-only or busy disk it is empty and accepts no rows.

    BuildError (reason "environment") when the folder is another user's or others can write it.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._cache: Any = None
        # diskcache expands variables and `~` in the path, and would use another folder.
        self._disabled = "$" in folder or folder.startswith("~")

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key; None without one."""
        value = self._run(lambda cache: cache.get(key), None)
        return value if isinstance(value, bytes) else None

    def put_many(self, rows: Mapping[bytes, bytes]) -> None:
        """Store rows in one transaction."""

        def put(cache: Any) -> None:
            with cache.transact():
                for key, value in rows.items():
                    cache.set(key, value)

        self._run(put, None)

    def close(self) -> None:
        """Close the database."""
        if self._cache is not None:
            self._cache.close()
            self._cache = None

    def _run(self, operation: Callable[[Any], T], default: T) -> T:
        for _ in range(2):
            if self._disabled:
                break
            try:
                return operation(self._open())
            except (sqlite3.DatabaseError, ValueError, TypeError) as error:
                self._recover(error)
            except (OSError, _timeout()):
                self._disabled = True
        return default

    def _recover(self, error: Exception) -> None:
        """Delete a damaged index; disable one that fails for another reason."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        with suppress(sqlite3.Error):
            self.close()
        self._cache = None
        self._disabled = code not in _DAMAGED
        if not self._disabled:
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
        """Raise BuildError for another user's file, ValueError for unknown settings."""
        for name in _FILES:
            move_aside(os.path.join(self._folder, name))
        path = os.path.join(self._folder, "cache.db")
        if not os.path.lexists(path):
            return
        if os.lstat(path).st_uid != os.geteuid():
            raise BuildError(f"the index {path} is not yours", None, "delete it", "environment")
        connection = sqlite3.connect(path, timeout=5)
        try:
            table = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'Settings'"
            ).fetchone()
            rows = connection.execute("SELECT key, value FROM Settings").fetchall() if table else []
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

    class BytesDisk(diskcache.Disk):  # type: ignore[misc]
        """Disk that reads and writes bytes in rows, and rejects everything else."""

        def put(self, key: object) -> tuple[object, bool]:
            assert type(key) is bytes
            return sqlite3.Binary(key), True

        def get(self, key: object, raw: object) -> bytes:
            if not raw or type(key) is not bytes:
                raise ValueError("a key that is not bytes")
            return key

        def store(
            self, value: object, read: bool, key: object = UNKNOWN
        ) -> tuple[int, int, None, object]:
            assert type(value) is bytes and not read
            return 0, MODE_RAW, None, sqlite3.Binary(sha256(value).digest() + value)

        def fetch(self, mode: object, filename: object, value: object, read: bool) -> bytes:
            if mode != MODE_RAW or filename is not None or read or type(value) is not bytes:
                raise ValueError("a row that is not bytes")
            if sha256(value[32:]).digest() != value[:32]:
                raise ValueError("a damaged row")
            return value[32:]

        def remove(self, file_path: str) -> None:
            raise ValueError("values in files are not supported")

    return diskcache.Cache(folder, disk=BytesDisk, timeout=5, **_SETTINGS)
