"""Errors of gates that had to be checked: the place, the packages to install, the exceptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.build.unchecked_gates import fault_of
from buildgraph.state.request_graph import RequestedGate
from buildgraph.types.events import Judged

TOML = """[workspace]
[page]
rule = "gate"
argv = ["x"]
required = ["emulation"]
"""


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "BUILD.toml").write_text(TOML)
    return str(tmp_path)


def gate(*missing: str, demand: str = "") -> tuple[RequestedGate, Judged]:
    why = f"it needs {', '.join(missing)}"
    requested = RequestedGate("//:page", "emulation", None, missing, missing, demand)
    return requested, Judged("//:page", "emulation", "not checked", why)


def test_the_packages_of_missing_programs_are_named_once(root: str) -> None:
    fault = fault_of(root, *gate("qemu-arm-static", "qemu-aarch64-static", "promtool"))
    assert fault.what == (
        "the gate emulation of //:page is not checked: it needs qemu-arm-static, "
        "qemu-aarch64-static, promtool"
    )
    assert fault.fix.startswith("sudo apt install prometheus qemu-user-static; --no-strict accepts")
    assert 'unchecked = ["emulation"] in [workspace.release]' in fault.fix
    assert fault.at is not None and (fault.at["path"], fault.at["line"]) == ("BUILD.toml", 2)
    assert fault.reason == "gate" and "--> BUILD.toml:2" in fault.rendered


def test_a_program_of_no_known_package_has_the_exceptions_alone(root: str) -> None:
    assert fault_of(root, *gate("a raspberry-pi-5")).fix.startswith("--no-strict accepts it once")


def test_a_required_gate_has_no_exception(root: str) -> None:
    fault = fault_of(root, *gate("qemu-arm-static", demand="required"))
    assert fault.fix == "sudo apt install qemu-user-static"
    assert fault.what.endswith("; the target requires it")
    assert fault.at is not None and fault.at["line"] == 5
    assert "--explain" in fault_of(root, *gate("a board", demand="required")).fix
