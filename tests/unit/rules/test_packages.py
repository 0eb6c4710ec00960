"""The actions that get packages."""

from __future__ import annotations

from typing import Any

import pytest

from buildgraph import BuildError, Globs, Source
from rules.packages import node_packages, python_packages
from tests.support.rule_context import ctx, maker


def test_packages_are_fetched_unless_their_files_are_there() -> None:
    lock = Source("pylock.toml")
    mirrors = {"https://a/": "https://b/"}
    assert maker(python_packages(ctx(), lock, mirrors=mirrors).tree).network
    wheels = Globs((Source("w/a.whl"), Source("w/b.whl")))
    action = maker(python_packages(ctx(), lock, wheels).tree)
    assert not action.network
    assert {"in/files/0/a.whl", "in/files/1/b.whl", "in/lock"} <= {
        path for path, _ in action.inputs
    }


def test_node_modules_of_the_workspace_are_copied() -> None:
    modules = Globs((Source("package/node_modules/a/index.js"),))
    action = maker(node_packages(ctx(), modules=modules).tree)
    assert not action.network
    assert "in/files/a/index.js" in {path for path, _ in action.inputs}


@pytest.mark.parametrize(
    "values",
    [{}, {"lock": Source("package-lock.json"), "modules": Globs(())}],
)
def test_packages_come_from_one_place(values: dict[str, Any]) -> None:
    with pytest.raises(BuildError, match="either lock or modules") as error:
        node_packages(ctx(), **values)
    assert "npm ci" in error.value.fix
