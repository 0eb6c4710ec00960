"""Packages of a pylock.toml."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from packagelock import pylock
from packagelock.download import Source
from packagelock.errors import PackageError


def wheel(*names: str) -> bytes:
    """A wheel with some files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name in names:
            packed.writestr(name, name)
    return stream.getvalue()


def lock(data: bytes, marker: str = "", tags: str = "py3-none-any") -> bytes:
    """A lock with one package."""
    digest = hashlib.sha256(data).hexdigest()
    line = f"marker = {marker!r}\n" if marker else ""
    return (
        'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "a"\nversion = "1"\n'
        f"{line}[[packages.wheels]]\n"
        f'url = "https://files.example.org/a-1-{tags}.whl"\nhashes = {{ sha256 = "{digest}" }}\n'
    ).encode()


def unpack(folder: Path, text: bytes, data: bytes) -> set[str]:
    """The paths that are unpacked."""
    (folder / "a.whl").write_bytes(data)
    out = folder / "out"
    out.mkdir()
    pylock.unpack(text, Source([folder / "a.whl"], {}), out)
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_wheels_are_unpacked_as_they_are_installed(tmp_path: Path) -> None:
    data = wheel("a.py", "a-1.dist-info/RECORD", "a-1.data/purelib/b.py", "a-1.data/scripts/run")
    assert unpack(tmp_path, lock(data), data) == {"a.py", "a-1.dist-info/RECORD", "b.py"}


def test_packages_for_other_hosts_are_left_out(tmp_path: Path) -> None:
    data = wheel("a.py")
    assert unpack(tmp_path, lock(data, "sys_platform == 'win32'"), data) == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"lock", "no TOML"),
        (b'lock-version = "2.0"', "no lock-version 1"),
        (lock(b"", tags="cp27-none-win32"), "no wheel for this interpreter"),
        (lock(b"", marker="nonsense"), "a: "),
        (lock(b"", tags="x"), "a 1: "),
    ],
)
def test_a_lock_that_cannot_be_used_says_why(text: bytes, message: str) -> None:
    with pytest.raises(PackageError, match=message):
        list(pylock.packages(text))


def test_a_wheel_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    data = wheel("../x.py")
    with pytest.raises(PackageError, match="leaves the folder"):
        unpack(tmp_path, lock(data), data)
    assert not (tmp_path / "x.py").exists()
