"""Functions of the C library: results, errors, and pointers."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

import pytest

from buildgraph.lite.libc import Word, address_of, libc, prctl, system_call

DUMPABLE, SET_DUMPABLE = 3, 4


def test_results_and_errors() -> None:
    assert libc.getpid() == os.getpid()
    assert libc.strlen(b"four") == 4 and libc.strlen(b"") == 0
    assert libc.labs(Word(7)) == 7
    with pytest.raises(OSError, match="prctl 999999") as error:
        prctl(999_999)
    assert error.value.errno == errno.EINVAL
    with pytest.raises(OSError, match="system call 99999") as error:
        system_call(99_999)
    assert error.value.errno == errno.ENOSYS


def test_a_function_that_is_missing_is_no_attribute() -> None:
    assert not hasattr(libc, "no_such_function")


def test_prctl_takes_words() -> None:
    before = libc.prctl(DUMPABLE)
    prctl(SET_DUMPABLE, 1)
    assert libc.prctl(DUMPABLE) == 1
    prctl(SET_DUMPABLE, before)


def test_the_address_leads_to_the_bytes() -> None:
    data = b"some bytes"
    assert ctypes.string_at(int.from_bytes(address_of(data), sys.byteorder)) == data
