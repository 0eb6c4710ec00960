"""Packages of a package-lock.json."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from packagelock import npm
from packagelock.download import Source
from packagelock.errors import PackageError


def archive(files: dict[str, str], link: str = "") -> bytes:
    """A package as npm packs it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size, info.mode = len(text), 0o755 if name.startswith("bin/") else 0o644
            packed.addfile(info, io.BytesIO(text.encode()))
        if link:
            info = tarfile.TarInfo("package/link")
            info.type, info.linkname = tarfile.SYMTYPE, link
            packed.addfile(info)
    return stream.getvalue()


def integrity(data: bytes) -> str:
    """The integrity of an archive."""
    return f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"


def lock(rows: dict[str, dict[str, Any]]) -> bytes:
    """A lock with these packages."""
    return json.dumps({"lockfileVersion": 3, "packages": {"": {}, **rows}}).encode()


def source(folder: Path, *archives: bytes) -> Source:
    """A source of local archives."""
    paths = []
    for number, data in enumerate(archives):
        paths.append(folder / f"{number}.tgz")
        paths[-1].write_bytes(data)
    return Source(paths, {})


def test_packages_are_verified_and_unpacked(tmp_path: Path) -> None:
    data = archive({"index.js": "1", "bin/x.js": "2", "index.js.map": "{}"})
    text = lock({"node_modules/@a/b": {"version": "1.0.0", "integrity": integrity(data)}})
    npm.unpack(text, source(tmp_path, data), tmp_path / "out")
    package = tmp_path / "out/@a/b"
    assert sorted(p.name for p in package.rglob("*") if p.is_file()) == ["index.js", "x.js"]
    assert (package / "bin/x.js").stat().st_mode & 0o111


def test_the_address_of_a_package_follows_from_its_name() -> None:
    row = {"version": "1.0.0", "integrity": ""}
    ((_, package),) = npm.packages(lock({"node_modules/x/node_modules/@a/b": row}), "x86_64")
    assert package.url == "https://registry.npmjs.org/@a/b/-/b-1.0.0.tgz"


def test_another_archive_than_that_of_the_lock_is_refused(tmp_path: Path) -> None:
    text = lock({"node_modules/a": {"version": "1", "integrity": integrity(b"other")}})
    with pytest.raises(PackageError, match="none of the 1 files has the hash"):
        npm.unpack(text, source(tmp_path, archive({"a": ""})), tmp_path / "out")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(archive({}, link="/etc"), id="link"),
        pytest.param(archive({"../../x": ""}), id="path"),
        pytest.param(b"text", id="text"),
    ],
)
def test_an_archive_that_is_not_only_files_of_its_own_is_refused(
    tmp_path: Path, data: bytes
) -> None:
    text = lock({"node_modules/a": {"version": "1", "integrity": integrity(data)}})
    with pytest.raises(PackageError):
        npm.unpack(text, source(tmp_path, data), tmp_path / "out")
    assert not (tmp_path / "x").exists()


def test_packages_for_other_machines_are_left_out_if_they_are_optional() -> None:
    rows = {
        "node_modules/a": {"optional": True, "os": ["darwin"]},
        "node_modules/b": {"optional": True, "cpu": ["x64"]},
        "node_modules/c": {"optional": True, "cpu": ["!x64"]},
    }
    assert [path for path, _ in npm.packages(lock(rows), "x86_64")] == ["b"]
    with pytest.raises(PackageError, match="not for this machine"):
        list(npm.packages(lock({"node_modules/a": {"os": ["darwin"]}}), "x86_64"))


def test_some_packages_come_with_what_they_need() -> None:
    rows = {
        "node_modules/a": {"dependencies": {"b": "1"}, "peerDependencies": {"none": "1"}},
        "node_modules/a/node_modules/b": {"dependencies": {"c": "1"}},
        "node_modules/b": {},
        "node_modules/c": {},
        "node_modules/d": {},
    }
    wanted = npm.needed(lock(rows), ["a"])
    assert wanted == {"node_modules/a", "node_modules/a/node_modules/b", "node_modules/c"}
    with pytest.raises(PackageError, match="no package 'e'"):
        npm.needed(lock(rows), ["e"])


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"lockfileVersion": 1, "dependencies": {}}'])
def test_another_file_is_no_lock(text: bytes) -> None:
    with pytest.raises(PackageError, match="lockfileVersion 2 or 3"):
        list(npm.packages(text, "x86_64"))
