"""The table [workspace.release]."""

from __future__ import annotations

import pytest

from buildgraph.types.errors import BuildError, BuildErrors
from buildgraph.workspace.release_settings import ReleaseSettings
from buildgraph.workspace.settings import parse_settings
from buildgraph.workspace.toml import parse

HEAD = "[workspace]\n[workspace.release]\n"


def release(text: str) -> ReleaseSettings:
    """The settings of a table."""
    return parse_settings(parse((HEAD + text).encode(), "BUILD.toml"), "/home/me/swarm").release


def test_defaults_are_strict() -> None:
    assert release("") == ReleaseSettings("landlock", (), "", "")
    assert parse_settings(parse(b"[workspace]\n", "BUILD.toml"), "/x").release == release("")


def test_all_keys_are_read() -> None:
    text = 'sandbox = "none"\nunchecked = ["step_p99"]\nsource = "https://x"\nlicenses = "MIT"\n'
    assert release(text) == ReleaseSettings("none", ("step_p99",), "https://x", "MIT")


def test_all_errors_are_reported_with_their_places() -> None:
    with pytest.raises(BuildErrors) as raised:
        release('sandbox = "jail"\nunchecked = "x"\nsorce = "y"\nlicenses = ""\n')
    texts = [f"{error.at}: {error.what} {error.fix}" for error in raised.value.errors]
    assert [text.partition(" ")[0] for text in texts] == [
        "BUILD.toml:3:12:",
        "BUILD.toml:4:14:",
        "BUILD.toml:5:1:",
        "BUILD.toml:6:12:",
    ]
    assert "one of namespaces, landlock, none" in texts[0]
    assert "did you mean 'source'?" in texts[2]


def test_the_table_must_be_a_table() -> None:
    with pytest.raises(BuildError, match="must be a table"):
        parse_settings(parse(b"[workspace]\nrelease = 1\n", "BUILD.toml"), "/x")
