"""The table [workspace.release] of the root's BUILD.toml: what a release requires and states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types.errors import BuildError, did_you_mean
from .toml import Document
from .toml_positions import KEY

LEVELS = ("namespaces", "landlock", "none")
KEYS = {
    "sandbox": f"one of {', '.join(LEVELS)}",
    "unchecked": 'a list of names of gates: ["step_p99"]',
    "source": "text: the address of the repository",
    "keys": 'a list of files of public keys: ["release.key.pub"]',
    "licenses": 'text: an SPDX expression such as "Apache-2.0"',
}


@dataclass(frozen=True, slots=True)
class ReleaseSettings:
    """The table [workspace.release].

    `sandbox` is the weakest sandbox level of results in a release. `unchecked` names gates that may
    be "not checked". `source` and `licenses` become labels of released images.
    """

    sandbox: str = "landlock"
    unchecked: tuple[str, ...] = ()
    source: str = ""
    licenses: str = ""
    keys: tuple[str, ...] = ()


def parse_release(document: Document) -> tuple[ReleaseSettings, list[BuildError]]:
    """The settings of a document's table [workspace.release], and the errors of the table."""
    table = document.values["workspace"].get("release", {})
    place = document.positions.get
    if not isinstance(table, dict):
        what = "[workspace] release must be a table: [workspace.release]"
        return ReleaseSettings(), [BuildError(what, place(("workspace", "release")), "", "table")]
    errors = [
        BuildError(
            f"unknown key {key!r} in [workspace.release]",
            place(("workspace", "release", key, KEY)),
            did_you_mean(key, KEYS) or f"it has {', '.join(KEYS)}",
            "table",
        )
        for key in table
        if key not in KEYS
    ]
    errors += [
        BuildError(
            f"[workspace.release] {key} must be {expected}",
            place(("workspace", "release", key)),
            reason="table",
        )
        for key, expected in KEYS.items()
        if key in table and not _is_valid(key, table[key])
    ]
    if errors:
        return ReleaseSettings(), errors
    return ReleaseSettings(
        table.get("sandbox", ReleaseSettings().sandbox),
        tuple(table.get("unchecked", ())),
        table.get("source", ""),
        table.get("licenses", ""),
        tuple(table.get("keys", ())),
    ), []


def _is_valid(key: str, value: Any) -> bool:
    if key in ("unchecked", "keys"):
        return isinstance(value, list) and all(isinstance(name, str) and name for name in value)
    if not isinstance(value, str) or not value.isprintable():
        return False
    return value in LEVELS if key == "sandbox" else bool(value.strip())
