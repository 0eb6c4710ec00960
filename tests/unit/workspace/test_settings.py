"""The table [workspace]."""

from __future__ import annotations

import pytest

from buildgraph.types.errors import BuildError, BuildErrors
from buildgraph.workspace.settings import Settings, parse_settings, raise_all
from buildgraph.workspace.toml import parse


def settings(text: str) -> Settings:
    """The settings of a workspace in the folder `swarm`."""
    return parse_settings(parse(text.encode(), "BUILD.toml"), "/home/me/swarm")


def test_the_name_is_that_of_the_folder_if_none_is_declared() -> None:
    assert settings("[workspace]\n") == Settings("swarm", (), "")
    assert settings('[workspace]\nname = "n"\nrules = ["r.py"]\n') == Settings("n", ("r.py",), "n")


@pytest.mark.parametrize("text", ["", "workspace = 1\n"])
def test_the_table_is_required(text: str) -> None:
    with pytest.raises(BuildError, match="BUILD.toml has no .workspace. table"):
        settings(text)
    with pytest.raises(BuildError, match="no .workspace. table"):
        parse_settings(None, "/x")


def test_all_errors_of_the_table_are_reported() -> None:
    with pytest.raises(BuildErrors) as raised:
        settings("[workspace]\nnme = 1\nname = 2\nrules = ['r.txt']\n")
    assert [(error.what, error.at and error.at.line) for error in raised.value.errors] == [
        ("unknown key 'nme' in [workspace]", 2),
        ("[workspace] name must be text", 3),
        ('[workspace] rules must be a list of Python files: ["tools/my_rules.py"]', 4),
    ]


def test_one_error_is_raised_as_it_is() -> None:
    raise_all([])
    error = BuildError("x")
    with pytest.raises(BuildError) as raised:
        raise_all([error])
    assert raised.value is error
