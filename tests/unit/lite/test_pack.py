"""The codec of saved state: what is packed is unpacked, and damaged bytes are refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, strategies as st

from buildgraph.lite import pack

MAGIC = b"buildgraph test 1 "
STRINGS = st.lists(st.text().map(lambda text: text.replace("\0", "")), min_size=2)
INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1))
SECTIONS = st.dictionaries(st.text("abc_", min_size=1), st.binary())


@given(STRINGS)
def test_strings_are_unpacked_as_packed(strings: list[str]) -> None:
    assert pack.unpack_strings(pack.pack_strings(strings)) == strings


def test_strings_keep_undecodable_bytes_of_file_names() -> None:
    assert pack.pack_strings(["a\udcff", "", "b"]) == b"a\xff\0\0b"
    assert pack.unpack_strings(b"a\xff\0\0b") == ["a\udcff", "", "b"]
    assert pack.unpack_strings(b"") == []


@given(INTEGERS)
def test_integers_are_unpacked_as_packed(integers: list[int]) -> None:
    assert list(pack.unpack_ints(pack.pack_ints(integers))) == integers


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_integers_beyond_64_bits_are_refused(number: int) -> None:
    with pytest.raises(struct.error):
        pack.pack_ints([number])


@given(SECTIONS)
def test_sections_are_decoded_as_encoded(sections: dict[str, bytes]) -> None:
    parts, checksum = pack.encode(MAGIC, sections)
    assert pack.decode(MAGIC, b"".join(parts)) == (sections, checksum)
    assert pack.decode(b"buildgraph test 2 ", b"".join(parts)) is None


def test_any_damaged_byte_is_detected() -> None:
    data = b"".join(pack.encode(MAGIC, {"a": b"1", "b": b""})[0])
    assert data == MAGIC + b"%08x\na:1 b:0\n1" % int(data[18:26], 16)
    for at in range(len(data)):
        assert pack.decode(MAGIC, data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]) is None
        assert pack.decode(MAGIC, data[:at]) is None
    assert pack.decode(MAGIC, data + b"x") is None


def test_a_header_covers_all_parts() -> None:
    first, checksum = pack.header(MAGIC, (b"one", bytearray(b"two")))
    assert pack.check_header(MAGIC, first + b"onetwo") == (len(first), checksum)
    assert pack.check_header(MAGIC, first + b"onetwp") is None
