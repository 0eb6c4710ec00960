"""The JSON Schema that editors check BUILD.toml with."""
from __future__ import annotations

import json

from buildgraph.editor import json_schema
from tests.unit.space import registry


def test_the_schema_says_what_the_signatures_say() -> None:
    schema = json_schema(registry())
    export, board = schema["$defs"]["rule.export"], schema["$defs"]["rule.board"]
    assert export["properties"]["hardware"]["type"] == "string"
    assert {"required": ["hardware"]} in export["anyOf"] and "anyOf" not in board
    assert board["properties"]["dtype"]["enum"] == ["float64", "float32", "float16"]
    assert list(export["$defs"]["Link"]["properties"]) == ["from", "to"]
    agents = export["properties"]["agents"]["anyOf"][0]["additionalProperties"]
    assert {"type": "string"} in agents["anyOf"], "a bare label is short for a table"
    assert schema["$defs"]["table"]["then"]["properties"]["rule"]["enum"] == sorted(registry().rules)
    assert json.loads(json.dumps(schema)) == schema
