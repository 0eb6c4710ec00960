"""The table of cores is what the compiler and the emulator have."""

from __future__ import annotations

from rules.boards.cores import FITTING
from tests.support.compiler_cores import EMULATED, closure, fitting, instructions
from tests.support.requirements import need_module


def test_the_table_is_generated_from_the_compiler() -> None:
    need_module("ziglang")
    table = {
        arch: {name: names.split() for name, names in groups.items()}
        for arch, groups in FITTING.items()
    }
    assert table == fitting(), "run: python -m tests.support.compiler_cores"


def test_a_core_with_more_instructions_fits_no_older_emulated_one() -> None:
    need_module("ziglang")
    assert "lse" in closure("aarch64", {"cortex_a76"})
    assert "lse" not in instructions("aarch64", {"cortex_a72"})
    for arch, (kind, emulated) in EMULATED.items():
        for name, names in FITTING[arch].items():
            for core in names.split():
                if name:
                    assert instructions(kind, {core}) <= instructions(kind, set(emulated[name]))
