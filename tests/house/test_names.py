"""One name of the distribution: `buildgraph` on the public index belongs to another project."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import buildgraph
from buildgraph.cli.verbs.doctor import pymdp
from buildgraph.host.host_tools import HostTools
from buildgraph.host.source_files import SourceFiles
from buildgraph.types.errors import BuildError

ROOT = Path(buildgraph.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_distribution_has_the_name_that_hints_use() -> None:
    assert PROJECT["name"] == buildgraph.DISTRIBUTION != "buildgraph"


def test_a_hint_for_an_extra_names_an_extra_that_exists() -> None:
    extra = re.search(r"pip install '([\w-]+)\[(\w+)\]'", pymdp().help)
    assert (
        extra is not None
        and extra[1] == PROJECT["name"]
        and extra[2] in PROJECT["optional-dependencies"]
    )


def test_no_file_says_to_install_the_other_project() -> None:
    paths = [
        path for top in ("buildgraph", "rules", "examples") for path in (ROOT / top).rglob("*.*")
    ]
    for path in [*paths, ROOT / "README.md", ROOT / "requirements.lock"]:
        if path.suffix in {".py", ".md", ".toml", ".lock"}:
            wrong_hint = re.search(
                r"(install [^\n]*|via )\W?\bbuildgraph(?![\w./-])(\[| *$| \()",
                path.read_text(),
                re.MULTILINE,
            )
            assert wrong_hint is None, f"{path}: {wrong_hint}"


def test_a_package_of_that_name_is_explained(tmp_path: Path) -> None:
    """It is not installed here, and `pip install buildgraph` would bring another project."""
    with pytest.raises(BuildError) as error:
        HostTools(SourceFiles(str(tmp_path))).distributions(("BuildGraph",))
    assert buildgraph.DISTRIBUTION in error.value.fix and "pip install" not in error.value.fix
