"""The first difference between two files, in terms of their format."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile

import pytest

from buildgraph.explain.content_diff import diff_contents, first_difference


def zipped(**members: bytes) -> bytes:
    """A zip with members of one time."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return data.getvalue()


def array(shape: tuple[int, ...], *values: float, fortran: bool = False) -> bytes:
    """A .npy file of float64."""
    head = str({"descr": "<f8", "fortran_order": fortran, "shape": shape})
    head = head[:-1] + ", }" + " " * (117 - len(head)) + "\n"
    data = struct.pack(f"<{len(values)}d", *values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data


def tarred(mtime: int, content: bytes) -> bytes:
    """A tar of one file."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        info = tarfile.TarInfo("etc/x.json")
        info.size, info.mtime = len(content), mtime
        archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def elf(text: bytes) -> bytes:
    """The smallest 64-bit ELF file with sections."""
    names = b"\0.text\0.shstrtab\0"
    body = text.ljust(16, b"\0") + names
    heads = [(0, 0, 0, 0, 0, 0), (1, 1, 0, 0, 64, len(text)), (7, 3, 0, 0, 80, len(names))]
    table = b"".join(struct.pack("<IIQQQQ", *head) + bytes(24) for head in heads)
    start = b"\x7fELF\x02\x01\x01".ljust(40, b"\0") + struct.pack(
        "<QIHHHHHH", 64 + len(body), 0, 64, 0, 0, 64, 3, 2
    )
    return start + body + table


CASES = [
    (b'{"a":[1,2]}', b'{"a":[1,3]}', "$.a[1]: 2 -> 3"),
    (b'{"a":1}', b'{"b":1,"a":1}', "$.b: nothing -> 1"),
    (b'{"a": 1}', b'{"a":1}', "line 1: '{\"a\": 1}' -> '{\"a\":1}'"),
    (b"one\ntwo\n", b"one\n2\n", "line 2: 'two\\n' -> '2\\n'"),
    (array((2, 3), *range(6)), array((2, 3), 0, 1, 2, 3, 9, 5), "[1, 1]: 4.0 -> 9.0"),
    (
        array((2, 3), *range(6), fortran=True),
        array((2, 3), 0, 1, 2, 3, 9, 5, fortran=True),
        "[2, 0]: 4.0 -> 9.0",
    ),
    (array((2,), 0, 1), array((1, 2), 0, 1), "type and shape: f8 [2] -> f8 [1, 2]"),
    (zipped(a=b"1", b=array((1,), 1)), zipped(a=b"1", b=array((1,), 2)), "b: [0]: 1.0 -> 2.0"),
    (zipped(a=b"1"), zipped(a=b"1", b=b""), "b is only in the second"),
    (tarred(0, b"[1]"), tarred(7, b"[1]"), "etc/x.json: mtime 0 -> 7"),
    (tarred(0, b"[1]"), tarred(0, b"[2]"), "etc/x.json: $[0]: 1 -> 2"),
    (elf(b"abc"), elf(b"abd"), "section .text: byte 0x2: 63 -> 64"),
    (b"\0a", b"\0b", "byte 0x1: 61 -> 62"),
    (b"\0a", b"\0ab", "2 bytes -> 3 bytes"),
    (b"PK\x03\x04 damaged", b"PK\x03\x04 damages", "line 1: "),
    (b"[" * 100_000, b"[" * 100_000 + b"1", "line 1: "),
    (b"same", b"same", ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[2])
def test_differences_are_described_by_the_format_of_the_file(
    case: tuple[bytes, bytes, str],
) -> None:
    before, after, expected = case
    text = first_difference(before, after)
    assert text == expected or (expected.endswith(": ") and text.startswith(expected))


def test_the_first_name_that_differs_is_described() -> None:
    compared = list[str]()

    def compare(name: str) -> str:
        compared.append(name)
        return "other"

    old, new = {"a": 1, "b": 2, "d": 4}, {"a": 1, "b": 3, "c": 4}
    assert diff_contents(old, new, compare) == "b: other" and compared == ["b"]
    assert diff_contents(old, {"a": 1}, compare) == "b is only in the first"
    assert diff_contents({}, new, compare) == "a is only in the second"
    assert diff_contents(old, new, lambda name: "") == "c is only in the second"
    assert diff_contents(old, old, compare) == ""
