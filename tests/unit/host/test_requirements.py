"""Names of distributions: extras, markers, and suggestions for wrong names."""

from __future__ import annotations

import pytest

from buildgraph.host.requirements import (
    install_command,
    normalize_name,
    parse_requirement,
    parse_requires,
    suggest_distribution,
)
from buildgraph.types.errors import BuildError


def test_names_are_normalised_as_in_pep_503() -> None:
    assert {normalize_name(name) for name in ("My_Dist", "my.dist", "MY--dist")} == {"my-dist"}


def test_a_name_with_extras() -> None:
    assert parse_requirement("jax", None) == ("jax", frozenset())
    assert parse_requirement("jax[CUDA, k8s]", None) == ("jax", frozenset({"cuda", "k8s"}))


@pytest.mark.parametrize(
    ("text", "message", "help_text"),
    [
        ("numpy>=2", "not the requirement 'numpy>=2'", 'write "numpy"'),
        ("x; python_version > '3'", "not the requirement", 'write "x"'),
        ("no name!", "is not the name of a Python distribution", "such as"),
    ],
)
def test_anything_else_is_refused(text: str, message: str, help_text: str) -> None:
    with pytest.raises(BuildError, match=message) as error:
        parse_requirement(text, None)
    assert help_text in error.value.fix


def test_requirements_apply_by_marker_and_extra() -> None:
    specs = ["a", "b; extra == 'big'", "c; python_version < '3'", "d[x_y]; extra == 'small'"]
    assert parse_requires([], frozenset()) == []
    assert parse_requires(specs, frozenset()) == [("a", frozenset())]
    assert parse_requires(specs, frozenset({"big", "small"})) == [
        ("a", frozenset()),
        ("b", frozenset()),
        ("d", frozenset({"x-y"})),
    ]


def test_the_distribution_of_a_module_is_suggested() -> None:
    assert "'PyYAML'" in suggest_distribution("yaml")
    assert suggest_distribution("no-such-module") == ""
    assert install_command("numpy") == "pip install numpy"
    assert "another project" in install_command("BuildGraph")
