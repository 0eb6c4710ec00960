"""The actions that quality gates declare."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildgraph import BuildError, Content, Globs, Output, Source
from rules.packages import node_packages, python_packages
from rules.quality import CHECKERS, eslint, flake8, mypy, pytest as pytest_rule, tsc
from tests.support.rule_context import ctx, maker

SRCS = Globs((Source("package/a.py"), Source("package/sub/b.py")))


def test_there_are_six() -> None:
    assert set(CHECKERS) == {"mypy", "flake8", "pytest", "tsc", "eslint", "jest"}


def test_sources_are_staged_below_the_folder_of_the_target() -> None:
    gate = mypy(ctx(), SRCS, config=Source("package/mypy.ini"), roots=("src",), args=("--strict",))
    action = maker(gate.gates[0].verdict)
    inputs = dict(action.inputs)
    assert {path for path in inputs if path.startswith("in/sources/")} == {
        "in/sources/a.py",
        "in/sources/sub/b.py",
        "in/sources/mypy.ini",
    }
    assert action.distributions == ("mypy",)
    assert dict(action.platform) == {"previous": "records"}
    plan = inputs["in/plan.json"]
    assert isinstance(plan, Content)
    document = json.loads(plan.data)
    assert document["srcs"] == ["a.py", "sub/b.py"]
    assert (document["config"], document["roots"]) == ("mypy.ini", ["", "src"])


def test_the_command_does_not_name_the_sources() -> None:
    """Records of the last run are for the same command: a new file must not make it another."""
    one = maker(flake8(ctx(), SRCS).gates[0].verdict)
    other = maker(flake8(ctx(), Globs(SRCS.sources[:1])).gates[0].verdict)
    assert one.argv == other.argv


def test_shards_are_gates_of_their_own() -> None:
    provider = pytest_rule(ctx(), SRCS, shards=3)
    assert [gate.name for gate in provider.gates] == ["name 1/3", "name 2/3", "name 3/3"]
    assert len(provider.reports) == 3
    assert list(provider.outputs()) == ["junit_1", "junit_2", "junit_3"]
    assert list(pytest_rule(ctx(), SRCS).outputs()) == ["junit"]


def test_coverage_of_shards_is_merged() -> None:
    provider = pytest_rule(ctx(), SRCS, shards=2, coverage=True)
    assert list(provider.outputs()) == ["junit_1", "junit_2", "coverage", "coverage_report"]
    assert provider.coverage is not None
    merged = maker(provider.coverage)
    measured = {maker(artifact) for _, artifact in merged.inputs if isinstance(artifact, Output)}
    assert measured == {maker(gate.verdict) for gate in provider.gates}
    assert all("coverage" in action.distributions for action in measured)


@pytest.mark.parametrize("key", ["runs", "shards"])
def test_counts_are_positive(key: str) -> None:
    bad: dict[str, Any] = {key: 0}
    with pytest.raises(BuildError, match=f"{key} is 0"):
        pytest_rule(ctx(), SRCS, **bad)


def test_a_tree_replaces_the_environment() -> None:
    packages = python_packages(ctx(), Source("pylock.toml"))
    action = maker(flake8(ctx(), SRCS, tools=packages, packages=("pep8-naming",)).gates[0].verdict)
    assert action.distributions == ("pep8-naming",)
    assert dict(action.inputs)["in/site"] == packages.tree


def test_node_is_needed_and_comes_from_the_host() -> None:
    packages = node_packages(ctx(), Source("package-lock.json"))
    provider = eslint(ctx(), SRCS, tools=packages)
    (gate,) = provider.gates
    assert gate.needs == ("node",)
    assert maker(gate.verdict).programs == ("node", "python3")
    assert isinstance(dict(maker(gate.verdict).inputs)["in/node_modules"], Output)


def test_tsc_needs_its_settings() -> None:
    with pytest.raises(BuildError, match="needs its file of settings"):
        tsc(ctx(), SRCS, tools=node_packages(ctx(), Source("package-lock.json")))
