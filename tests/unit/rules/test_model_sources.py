"""Every kind of source gets its own tool, and words that are for another kind are refused with the place."""
from __future__ import annotations

from typing import Any

import pytest

from buildgraph import BuildError, Source
from rules.model import model
from tests.unit.rules.table import ctx, maker


@pytest.mark.parametrize(("name", "options", "tool", "words"), [
    ("p/a.pomdp", {}, "ingest_pomdp", ()), ("p/a.POMDP", {}, "ingest_pomdp", ()),
    ("p/a.pomdp", {"preferences": {}}, "ingest_pomdp", ("--preferences", "{}")),
    ("p/a.pomdp", {"preferences": {"y": 2.0, "x": 1.0}}, "ingest_pomdp", ("--preferences", '{"x": 1.0, "y": 2.0}')),
    ("p/a.npy", {"pickle": True}, "ingest_objects", ("--spec", "p/a.json")),
    ("p/a.npz", {"pickle": True}, "ingest_objects", ("--spec", "p/a.json")),
    ("p/a.md", {}, "ingest_gnn", ("--layout", "{}")),
    ("p/a.md", {"layout": {"B": "action,previous,next"}}, "ingest_gnn", ("--layout", '{"B": "action,previous,next"}')),
])
def test_tools_by_suffix(name: str, options: dict[str, Any], tool: str, words: tuple[str, ...]) -> None:
    action = maker(model(ctx(), Source(name), **options).ir)
    assert f"tools/{tool}.py" in action.argv and ("--source", name) == action.argv[5:7]
    assert words == action.argv[7:7 + len(words)] and ("--preferences" in action.argv) == ("preferences" in options)
    assert (name, Source(name)) in action.inputs and action.distributions == ("numpy",)


@pytest.mark.parametrize(("name", "options", "message"), [
    ("p/a.npz", {"layout": {"B": "next"}}, "layout is for .md sources"),
    ("p/a.npz", {"preferences": {}}, "preferences is for .pomdp sources"),
    ("p/a.npz", {"packages": ("x",)}, "packages is for .py sources"),
    ("p/a.md", {"spec": Source("p/b.json")}, "spec is for .npz sources"),
    ("p/a.pomdp", {"entry": "other"}, "entry is for .py sources"),
    ("p/a.npy", {}, "an .npy that holds several matrices is a pickle"),
    ("p/a.md", {"pickle": True}, "pickle is for .npz sources"),
    ("p/a.txt", {}, "'p/a.txt' is no model source"),
])
def test_refusals(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BuildError, match=message) as fault:
        model(ctx(), Source(name), **options)
    assert fault.value.at is not None
