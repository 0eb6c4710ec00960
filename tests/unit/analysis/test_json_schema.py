"""The JSON Schema that editors check BUILD.toml with."""

from __future__ import annotations

import json

from buildgraph.analysis.json_schema import json_schema
from tests.support.analysed_workspace import registry


def test_the_schema_says_what_the_signatures_say() -> None:
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
    assert set(schema["properties"]["workspace"]["properties"]) == {"name", "rules"}
    assert schema["$defs"]["table"]["then"]["properties"]["rule"]["enum"] == sorted(
        registry().rules
    )
    assert json.loads(json.dumps(schema)) == schema
