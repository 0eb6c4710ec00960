"""The keys of BUILD.toml, and facts of dependencies, that changed values come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.analysis.analysis import analyse
from buildgraph.explain.cause import Cause, Kind
from buildgraph.explain.value_origins import name_origins
from buildgraph.workspace.workspace import Workspace
from tests.support.analysed_workspace import registry, write

TABLES = """
[pi]
rule = "board"
memory = 2048

[e]
rule = "export"
hardware = ":pi"
budget = { image = "2KiB" }
links = [{ from = "a", to = "b" }]
"""


def origins(
    root: Path, before: str, after: str, what: str = "argv", kind: Kind = "value"
) -> list[tuple[str, str, str, str]]:
    """(name, before, after, file) of the origins of a change of //:e."""
    write(root, {"BUILD.toml": TABLES})
    workspace = Workspace(str(root))
    analysis = analyse(workspace, workspace.targets(("//...",)), registry())
    cause = Cause(kind, what, "changed", before, after, "", "//:e", "link")
    return [
        (origin.what, origin.before, origin.after, origin.file)
        for origin in name_origins(cause, workspace, analysis)
    ]


@pytest.mark.parametrize(
    ("before", "after", "what", "named"),
    [
        ("x", "b", "argv", ("links[0].to", '"x"', '"b"')),
        ("1024", "2048", "argv", ("budget.image", '"1.0 KiB"', '"2.0 KiB"')),
        ("float64", "float32", "argv", ("dtype of //:pi", '"float64"', '"float32"')),
        ('{"k": {"to": "x"}}', '{"k": {"to": "b"}}', "argv", ("links[0].to", '"x"', '"b"')),
        ("x", "unknown", "argv", ("a word of 'link'", '"x"', '"unknown"')),
        ("10 s", "20 s", "timeout", ("timeout", '"10s"', '"20s"')),
        ("", "on", "network", ("network", "false", "true")),
        ("", "1", "env.A", ("env.A", "nothing", "1")),
    ],
)
def test_values_are_named(
    tmp_path: Path, before: str, after: str, what: str, named: tuple[str, str, str]
) -> None:
    assert origins(tmp_path, before, after, what) == [(*named, "BUILD.toml")]


def test_other_causes_stay_as_they_are(tmp_path: Path) -> None:
    assert origins(tmp_path, "x", "y", "f.c", "source") == [("f.c", "x", "y", "")]
