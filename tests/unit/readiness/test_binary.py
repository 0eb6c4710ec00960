"""The reader of ELF files, on files made by hand and on those of this host."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from readiness.binary import Binary, read_binary

from tests.support.elf_files import elf_file


def test_what_a_file_names_is_read() -> None:
    data = elf_file("amd64", ["libm.so.6", "libc.so.6"], "/lib64/ld.so", "$ORIGIN:/opt/lib", 3)
    assert read_binary(data) == Binary(
        "amd64", "/lib64/ld.so", ("libm.so.6", "libc.so.6"), ("$ORIGIN", "/opt/lib"), 3
    )


def test_a_static_file_names_nothing() -> None:
    assert read_binary(elf_file("riscv64")) == Binary("riscv64")


def test_other_files_are_none() -> None:
    data = elf_file("arm64", ["libc.so.6"], "/lib/ld.so")
    for other in (b"", b"#!/bin/sh\n" * 9, b"\x7fELF" + bytes(60)[:20], data[:100]):
        assert read_binary(other) is None


@pytest.mark.parametrize("cut", range(64, 300, 7))
def test_a_file_that_is_cut_off_is_no_error(cut: int) -> None:
    read_binary(elf_file("arm64", ["libc.so.6"], "/lib/ld.so", "/opt", 2)[:cut])


def test_the_interpreter_of_this_host_is_read() -> None:
    binary = read_binary(Path(sys.executable).resolve().read_bytes())
    assert binary is not None and binary.interpreter.startswith("/lib")
    assert any(name.startswith("libc.so") for name in binary.needed)
