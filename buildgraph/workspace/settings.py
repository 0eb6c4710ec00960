"""The table [workspace] of the root's BUILD.toml."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..types.errors import BuildError, BuildErrors, Location, did_you_mean
from .release_settings import ReleaseSettings, parse_release
from .root import BUILD
from .toml import Document
from .toml_positions import KEY
from .trust_table import parse_trust

_KEYS = ("name", "rules", "release", "trust")
_EXPECTED = {"name": "text", "rules": 'a list of Python files: ["tools/my_rules.py"]'}


@dataclass(frozen=True, slots=True)
class Settings:
    """The table [workspace].

    `name` is the declared name, or that of the root folder; `declared_name` is empty if there is
    none. `rules` are the paths of the user's rule files. `release` is [workspace.release], and
    `key_files` are the paths of public keys in [workspace.trust].
    """

    name: str
    rules: tuple[str, ...] = ()
    declared_name: str = ""
    release: ReleaseSettings = ReleaseSettings()
    key_files: tuple[str, ...] = ()


def parse_settings(document: Document | None, root: str) -> Settings:
    """The settings of a workspace from the BUILD.toml of its root.

    BuildErrors with all errors of the table, or BuildError if there is no table.
    """
    table = document.values.get("workspace") if document else None
    if document is None or not isinstance(table, dict):
        raise BuildError(
            f"{BUILD} has no [workspace] table",
            Location(BUILD, 1),
            "add [workspace]",
            "workspace",
        )
    errors = [
        BuildError(
            f"unknown key {key!r} in [workspace]",
            document.positions.get(("workspace", key, KEY)),
            did_you_mean(key, _KEYS) or f"it has {', '.join(_KEYS)}",
            "table",
        )
        for key in table
        if key not in _KEYS
    ]
    name = table.get("name", os.path.basename(os.path.abspath(root)))
    rules = table.get("rules", [])
    is_valid = {
        "name": isinstance(name, str),
        "rules": isinstance(rules, list)
        and all(isinstance(path, str) and path.endswith(".py") for path in rules),
    }
    errors += [
        BuildError(
            f"[workspace] {key} must be {_EXPECTED[key]}",
            document.positions.get(("workspace", key)),
            reason="table",
        )
        for key, valid in is_valid.items()
        if not valid
    ]
    release, wrong = parse_release(document)
    raise_all(errors + wrong)
    key_files = tuple(key.path for key in parse_trust(document) or () if key.path)
    return Settings(name, tuple(rules), table.get("name", ""), release, key_files)


def raise_all(errors: list[BuildError]) -> None:
    """Raise the error of a list, or all of them as one; nothing if the list is empty."""
    if errors:
        raise errors[0] if len(errors) == 1 else BuildErrors(errors)
