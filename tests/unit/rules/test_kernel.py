"""Kernels, and exports that are booted with them."""

from __future__ import annotations

import pytest

from buildgraph import BuildError, Source
from rules.coalition import Agent, coalition
from rules.export import Export, export
from rules.hardware import hardware
from rules.kernel import Kernel, kernel
from rules.model import model
from tests.support.rule_context import chain, ctx, maker, written


def debian() -> Kernel:
    """Return a kernel of a package in the workspace."""
    return kernel(ctx("//kernels:debian"), Source("linux.deb"))


def exported(profile: str = "raspberry-pi-5", boot: Kernel | None = None) -> Export:
    """Return an export of one agent."""
    rat = model(ctx("//m:rat"), Source("package/rat.npz"))
    rats = coalition(ctx("//c:rat"), {"rat": Agent(rat)})
    board = hardware(ctx("//h:board"), profile)
    return export(ctx("//e:rat"), rats, board, boot=boot)


def test_a_package_is_the_only_input_of_a_kernel() -> None:
    action = maker(debian().kernel)
    assert ("in/package.deb", Source("linux.deb")) in action.inputs and not action.network


def test_a_kernel_changes_neither_image_nor_program() -> None:
    plain, booted = exported(), exported(boot=debian())
    for name in ("image", "program", "report"):
        assert written(chain(getattr(plain, name))) == written(chain(getattr(booted, name)))
    assert plain.board is None and booted.board is not None


def test_the_gate_needs_the_emulators_and_tools_of_ext4() -> None:
    (gate,) = [gate for gate in exported(boot=debian()).gates if gate.name == "boot"]
    assert gate.needs == ("qemu-system-aarch64", "mke2fs", "qemu-aarch64-static")
    assert set(gate.needs) <= set(maker(gate.verdict).programs)


def test_an_export_without_a_kernel_has_no_such_gate() -> None:
    assert "boot" not in [gate.name for gate in exported().gates]


def test_memory_of_large_boards_is_limited() -> None:
    booted = exported(boot=debian())
    (gate,) = [gate for gate in booted.gates if gate.name == "boot"]
    words = maker(gate.verdict).argv
    assert words[words.index("--memory") + 1] == str(1 << 30)


def test_boards_of_another_architecture_are_refused() -> None:
    with pytest.raises(BuildError, match="x86-64-generic is amd64, and boards of arm64 are booted"):
        exported("x86-64-generic", debian())
