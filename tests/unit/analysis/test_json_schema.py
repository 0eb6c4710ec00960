"""The JSON Schema with which editors check BUILD.toml."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.analysis.json_schema import json_schema
from buildgraph.types.errors import BuildError
from buildgraph.workspace.workspace import Workspace
from tests.support.analysed_workspace import registry


def test_the_schema_is_that_of_the_signatures() -> None:
    schema = json_schema(registry(), {"board": {}})
    export, board = schema["$defs"]["rule.export"], schema["$defs"]["rule.board"]
    assert export["properties"]["hardware"]["type"] == "string"
    assert {"required": ["hardware"]} in export["anyOf"] and "anyOf" not in board
    assert board["properties"]["dtype"]["enum"] == ["float64", "float32", "float16"]
    assert list(schema["$defs"]["rule.export.Link"]["properties"]) == ["from", "to"]
    agents = export["properties"]["agents"]["anyOf"][0]["additionalProperties"]
    assert agents["anyOf"][0]["description"] == "a label", "a bare label is short for a table"
    assert all(
        "description" in value
        for name in registry().rules
        for value in schema["$defs"][f"rule.{name}"]["properties"].values()
    )
    settings = {"name", "release", "rules", "trust"}
    assert set(schema["properties"]["workspace"]["properties"]) == settings
    assert schema["$defs"]["table"]["then"]["properties"]["rule"]["enum"] == sorted(
        registry().rules
    )
    assert json.loads(json.dumps(schema)) == schema


def test_the_parser_accepts_exactly_the_workspace_keys_of_the_schema(tmp_path: Path) -> None:
    schema = json_schema(registry(), {})["properties"]["workspace"]
    values = {"string": '"x"', "array": "[]", "object": "{}"}
    for key, value in schema["properties"].items():
        (tmp_path / "BUILD.toml").write_text(f"[workspace]\n{key} = {values[value['type']]}\n")
        assert Workspace(str(tmp_path)).settings
    assert schema["additionalProperties"] is False
    for key in ("checked", "cache", "Name"):
        (tmp_path / "BUILD.toml").write_text(f"[workspace]\n{key} = true\n")
        with pytest.raises(BuildError, match=f"unknown key '{key}'"):
            assert Workspace(str(tmp_path)).settings
        assert key not in schema["properties"]
