"""Errors of gates that had to be checked and were not: what to install, or what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..execution.tool_refusal import ToolRefusal, fault_events
from ..types.label import Label

if TYPE_CHECKING:
    from ..state.request_graph import RequestedGate
    from ..types.events import Fault, Judged

PACKAGES = {
    "bwrap": "bubblewrap",
    "dockerd": "docker.io",
    "gcc": "gcc",
    "git": "git",
    "mke2fs": "e2fsprogs",
    "node": "nodejs",
    "promtool": "prometheus",
    "qemu-aarch64": "qemu-user",
    "qemu-aarch64-static": "qemu-user-static",
    "qemu-arm": "qemu-user",
    "qemu-arm-static": "qemu-user-static",
    "qemu-riscv64": "qemu-user",
    "qemu-riscv64-static": "qemu-user-static",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-x86_64": "qemu-user",
    "skopeo": "skopeo",
}
"""Packages of Debian and Ubuntu by the program that a gate needs."""


def fault_of(root: str, gate: RequestedGate, judged: Judged) -> Fault:
    """The error of a gate that is "not checked", at the table of its target."""
    what = f"the gate {gate.name} of {gate.label} is not checked: {judged.why}"
    path: tuple[str, ...] = ()
    if gate.demand == "required":
        path, what = ("required",), f"{what}; the target requires it"
    refusal = ToolRefusal(what, path, _fix(gate), "gate")
    (event,) = fault_events(root, Label.parse(gate.label), None, (refusal,))
    return event


def _fix(gate: RequestedGate) -> str:
    packages = sorted({PACKAGES[name] for name in gate.missing if name in PACKAGES})
    install = f"sudo apt install {' '.join(packages)}" if packages else ""
    if gate.demand == "required":
        return install or "see why with `buildgraph test LABEL --explain`"
    always = f'unchecked = ["{gate.name}"] in [workspace.release]'
    others = f"--no-strict accepts it once, and {always} always"
    return f"{install}; {others}" if install else others
