"""Any content of BUILD.toml gives errors for users and never a traceback."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st

from buildgraph.types.errors import BuildError
from buildgraph.workspace.toml import parse
from tests.support.analysed_workspace import faults, formatted_errors, write
from tests.unit.analysis.test_analysis import EVERY, FIVE

_TEXTS = st.sampled_from(
    [
        "//hardware:jetson",
        ":p",
        "//...",
        "-//...",
        ":*",
        "//docs:p#html",
        "page.md",
        "a/../b",
        "*.md",
        "!x",
        "8MiB",
        "5ms",
        "",
        "//",
        "-",
        "#",
        "\0",
        "é",
        "[",
        "[!",
        "**",
        "x" * 300,
    ]
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _TEXTS | st.integers(-3, 3) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["board", "role", "from", "to", "image", "rule", "x y"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
_RULES = st.sampled_from(["board", "export", "files", "copy", "node", "page", "nothing"])
_KEYS = st.sampled_from(
    [
        "hardware",
        "boards",
        "agents",
        "links",
        "budget",
        "spare",
        "srcs",
        "data",
        "deps",
        "text",
        "matrix",
        "dtype",
    ]
)
QUIET = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items())
            + "}"
        )
    return json.dumps(value, ensure_ascii=True)


@QUIET
@given(
    st.lists(st.tuples(_RULES, st.dictionaries(_KEYS, _VALUES, max_size=4)), min_size=1, max_size=3)
)
def test_any_values_for_any_rule(tables: list[tuple[str, dict[str, Any]]]) -> None:
    text = '[hardware.jetson]\nrule = "board"\n' + "".join(
        f'[docs.{name}]\nrule = "{rule}"\n'
        + "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
        for name, (rule, table) in zip("pqr", tables)
    )
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), {"BUILD.toml": text, "page.md": ""})
        for error in faults(root):
            assert error.what and (error.at is None or error.at.path == "BUILD.toml")
        formatted_errors(root)


@QUIET
@given(
    st.sampled_from([FIVE, EVERY]),
    st.integers(0, 600),
    st.integers(0, 9),
    st.sampled_from(
        ["", '"', "'", '"""', "[", "]", "{", "}", "=", "\n", ".", "\\", "#", "\0", "\r", "é", ","]
    ),
)
def test_any_edit_of_a_file(text: str, at: int, gone: int, put: str) -> None:
    edited = (text[:at] + put + text[at + gone :]).encode()
    try:
        places = parse(edited, "B").positions
    except BuildError as error:
        assert error.reason == "toml" and error.at is not None
    else:
        lines = edited.decode().replace("\r\n", "\n").split("\n")
        assert all(
            1 <= place.line <= len(lines) and place.column <= len(lines[place.line - 1]) + 1
            for place in places.values()
        )


@QUIET
@given(st.binary(max_size=60) | st.text("[]{}=.\"'\\\n#a1 \t", max_size=60).map(str.encode))
def test_any_bytes(data: bytes) -> None:
    try:
        parse(data, "B").positions.get(("a",))
    except BuildError as error:
        assert error.reason == "toml"
