"""The format of exported caches: equal contents give equal bytes, and other files are refused."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from buildgraph.store.archive import MAGIC, Archive, Entry, write_archive
from buildgraph.types.errors import BuildError


def blob(data: bytes) -> Entry:
    """The entry of a blob."""
    return Entry("blob", hashlib.sha256(data).hexdigest(), len(data))


CONTENTS = {
    blob(b"one"): b"one",
    blob(b""): b"",
    blob(b"x" * (3 << 20)): b"x" * (3 << 20),
    Entry("result", "0" * 64, 6): b"record",
    Entry("graph", hashlib.sha256(b"graph").hexdigest(), 5): b"graph",
}


def write(path: Path, contents: dict[Entry, bytes]) -> bytes:
    """Write contents and return the bytes of the file."""
    size = write_archive(str(path), contents, lambda entry: (contents[entry],))
    data = path.read_bytes()
    assert size == len(data)
    return data


def read(path: Path) -> dict[Entry, bytes]:
    """Read and verify every entry."""
    with path.open("rb") as file:
        archive = Archive(file, str(path))
        return {
            entry: b"".join(archive.pieces(entry)) if entry.size > 99 else archive.read(entry)
            for entry in archive.entries
        }


def test_contents_come_back_in_order(tmp_path: Path) -> None:
    write(tmp_path / "c", CONTENTS)
    back = read(tmp_path / "c")
    assert back == CONTENTS
    assert [entry.kind for entry in back] == ["blob"] * 3 + ["result", "graph"]
    assert list(back) == sorted(back, key=Entry.order)


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    backwards = dict(reversed(CONTENTS.items()))
    assert write(tmp_path / "a", CONTENTS) == write(tmp_path / "b", backwards)
    assert write(tmp_path / "a", {}) == MAGIC + b"0 %s\n" % hashlib.sha256().hexdigest().encode()


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "c"
    before = write(path, CONTENTS)

    def fail(entry: Entry) -> tuple[bytes, ...]:
        raise KeyError(entry)

    with pytest.raises(KeyError):
        write_archive(str(path), CONTENTS, fail)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["c"]
    with pytest.raises(BuildError, match="No such file or directory") as error:
        write_archive(str(tmp_path / "no/c"), CONTENTS, fail)
    assert error.value.reason == "environment"


def refused(path: Path) -> str:
    """Read a file that must be refused; the message."""
    with pytest.raises(BuildError, match="cannot be imported") as error:
        read(path)
    assert (error.value.reason, error.value.code) == ("cache-file", 2)
    return str(error.value)


def test_each_truncation_and_addition_is_refused(tmp_path: Path) -> None:
    small = {blob(b"one"): b"one", Entry("result", "0" * 64, 6): b"record"}
    data = write(tmp_path / "c", small)
    for size in range(len(data)):
        (tmp_path / "c").write_bytes(data[:size])
        refused(tmp_path / "c")
    (tmp_path / "c").write_bytes(data + b"x")
    assert "something follows it" in refused(tmp_path / "c")


def test_each_flipped_byte_is_refused_or_in_a_record(tmp_path: Path) -> None:
    small = {blob(b"one"): b"one", Entry("result", "0" * 64, 6): b"record"}
    data = write(tmp_path / "c", small)
    for at in range(len(data) - 6):  # records have checksums of their own
        (tmp_path / "c").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        refused(tmp_path / "c")


def forged(index: str, contents: bytes = b"") -> bytes:
    """A file with any index, and a valid checksum of it."""
    digest = hashlib.sha256(index.encode()).hexdigest()
    return MAGIC + f"{len(index.encode())} {digest}\n{index}".encode() + contents


ONE, TWO = blob(b"one").line(), blob(b"two").line()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it is empty"),
        (b"other", "no export"),
        (b"buildgraph cache 2\n", "it has another version"),
        (MAGIC + b"999999999999999 x\n", "first lines"),
        (MAGIC + b"-1 x\n", "first lines"),
        (MAGIC + b"0x1 " + b"0" * 64 + b"\n", "first lines"),
        (MAGIC + b"1 " + b"0" * 200, "its index is damaged"),
        (forged("".join(sorted([ONE, TWO], reverse=True)), b"onetwo"), "not sorted"),
        (forged(ONE + ONE, b"oneone"), "not sorted"),
        (forged(f"result {'0' * 64} 0\n{ONE}", b"one"), "not sorted"),
        (forged(f"blob {'0' * 64} 99999999999999999999\n"), "truncated"),
        (forged(f"blob {'0' * 64} -3\n"), "invalid line"),
        (forged(f"blob {'0' * 64} 03\n", b"one"), "invalid line"),
        (forged(f"blob {'0' * 64} \u0663\n", b"one"), "invalid line"),
        (forged(f"blob ../{'0' * 61} 3\n", b"one"), "invalid line"),
        (forged(f"blob {'A' * 64} 3\n", b"one"), "invalid line"),
        (forged(f"file {'0' * 64} 3\n", b"one"), "invalid line"),
        (forged(f"blob {'0' * 64} 3", b"one"), "invalid line"),
        (forged("\n"), "invalid line"),
        (forged(ONE, b"two"), "is damaged"),
    ],
)
def test_forged_files_are_refused(tmp_path: Path, data: bytes, problem: str) -> None:
    (tmp_path / "c").write_bytes(data)
    assert problem in refused(tmp_path / "c")


def test_a_damaged_large_blob_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "c", CONTENTS)
    at = data.index(b"x" * 100) + (2 << 20)
    (tmp_path / "c").write_bytes(data[:at] + b"y" + data[at + 1 :])
    assert "is damaged" in refused(tmp_path / "c")
