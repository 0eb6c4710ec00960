"""The archive writer, judged by the readers of the standard library and of the host."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from ociimage import tar
from ociimage.errors import ImageError

NAMES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_characters="/\x7f"),
    min_size=1,
    max_size=140,
).filter(lambda name: name not in (".", ".."))


def packed(entries: tuple[tar.Entry, ...], epoch: int = 0) -> bytes:
    """The whole archive."""
    return b"".join(tar.archive(entries, epoch))


def unpacked(content: bytes) -> dict[str, tarfile.TarInfo]:
    """Members by name, as the standard library reads them."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {member.name: member for member in archive}


def test_a_member_as_tarfile_reads_it() -> None:
    entry = tar.Entry("bin/agent", "file", 0o755, (65532, 7), b"code")
    content = packed((entry,), epoch=1_700_000_000)
    member = unpacked(content)["bin/agent"]
    output = (
        member.mode,
        member.uid,
        member.gid,
        member.size,
        member.mtime,
        member.uname,
        member.gname,
    )
    assert output == (0o755, 65532, 7, 4, 1_700_000_000, "", "")
    assert len(content) == 4 * tar.BLOCK and content.endswith(tar.END)
    assert content[tar.BLOCK : tar.BLOCK + 5] == b"code\0"


def test_a_plain_header_is_the_one_of_the_standard_library() -> None:
    info = tarfile.TarInfo("models/scout.bin")
    info.size, info.mode = 3, 0o644
    ours = bytearray(tar.header(tar.Entry("models/scout.bin", source=b"abc"), 3, 0))
    theirs = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    for header in (
        ours,
        theirs,
    ):  # tarfile writes device numbers of plain files, which POSIX leaves open
        header[329:345], header[148:156] = bytes(16), bytes(8)
    assert ours == theirs


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4), st.binary(max_size=1100))
def test_any_name_and_content_comes_back(parts: list[str], content: bytes) -> None:
    path = "/".join(parts)
    archive = packed(tar.complete([tar.Entry(path, source=content)]))
    with tarfile.open(fileobj=io.BytesIO(archive)) as result:
        member = result.extractfile(path)
        assert member is not None and member.read() == content
        assert result.getnames() == [*reversed(list(tar.parents(path))), path]


def test_what_ustar_cannot_say_is_in_pax_records() -> None:
    long, owner = "d" * 60 + "/" + "ü" * 60, (3_000_000, 4_000_000)
    link = tar.Entry("link", "symlink", 0o777, target="t" * 150)
    entries = (tar.Entry(long, owner=owner, source=b"x"), link)
    result = unpacked(packed(entries))
    assert (result[long].uid, result[long].gid) == owner and result[long].size == 1
    assert result["link"].issym() and result["link"].linkname == "t" * 150


@pytest.mark.parametrize("length", range(85, 110))
def test_a_record_counts_its_own_length(length: int) -> None:
    name = "é" + "x" * length
    assert list(unpacked(packed((tar.Entry(name),)))) == [name]


def test_a_file_of_more_than_8_gib_has_its_size_in_a_record() -> None:
    header = tar.header(tar.Entry("big"), 9 << 30, 0)
    assert b"19 size=9663676416\n" in header and len(header) == 3 * tar.BLOCK


def test_parents_come_once_and_order_is_by_bytes() -> None:
    names = ["b/x", "b-", "B", "a/b/c", "b/a", "a.b", "é", "z"]
    forward = tar.complete(tar.Entry(name) for name in names)
    assert [entry.path for entry in forward] == [
        "B",
        "a",
        "a.b",
        "a/b",
        "a/b/c",
        "b",
        "b-",
        "b/a",
        "b/x",
        "z",
        "é",
    ]
    assert forward == tar.complete(tar.Entry(name) for name in reversed(names))


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "", ".", "a\nb", "a\0", "\udcff"]
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(ImageError):
        tar.complete([tar.Entry(path)])


def test_duplicates_and_files_above_files_are_refused() -> None:
    with pytest.raises(ImageError, match="'a' is given twice"):
        tar.complete([tar.Entry("a"), tar.Entry("a", "directory")])
    with pytest.raises(ImageError, match="'a' is a file, and 'a/b'"):
        tar.complete([tar.Entry("a/b"), tar.Entry("a")])


def test_a_file_that_shrinks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345678")
    pieces = tar.archive((tar.Entry("f", source=tmp_path / "f"),))
    next(pieces)
    (tmp_path / "f").write_bytes(b"123")
    with pytest.raises(ImageError, match="changed while it was packed"):
        list(pieces)
