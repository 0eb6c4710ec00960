"""Format of results on disk: versions and keys; `test_contract.py` has the property tests."""

from __future__ import annotations

import pytest

from buildgraph.store import result_record
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Result, Tree

KEY, LOG = Digest.of(b"action"), Digest.of(b"log")
RESULT = Result((("o", File(LOG, True)), ("t", Tree(LOG))), LOG, "none", 7)


def test_a_record_has_its_key() -> None:
    data = result_record.encode(KEY, RESULT, {"action": b"x"})
    assert result_record.decode_any(data) == (KEY, RESULT, {"action": b"x"})
    assert result_record.decode(KEY, data) == (RESULT, {"action": b"x"})
    assert result_record.decode(Digest.of(b"another"), data) is None


def test_another_version_is_neither_decoded_nor_damaged() -> None:
    data = result_record.encode(KEY, RESULT, {})
    other = data.replace(result_record.MAGIC, b"buildgraph result 2\n")
    assert result_record.decode_any(other) is None and result_record.is_other_version(other)
    assert not result_record.is_other_version(data)
    assert not result_record.is_other_version(b"another file")


def test_a_name_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="contains NUL"):
        result_record.encode(KEY, Result((("a\0b", File(LOG)),), LOG, "none", 1), {})
