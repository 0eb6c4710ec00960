"""Keys: golden for one action, and changed by everything that can influence outputs and by nothing
else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from buildgraph.keys.action_key import Key, diff_parts, explain, key_of
from buildgraph.types.action import Action, Content, Out
from buildgraph.types.digest import Digest
from buildgraph.types.errors import Location
from buildgraph.types.label import Label
from buildgraph.types.result import File, Node, Tree

ACTION = Action(
    ("python3", "tools/render.py", "page.md", "out/page.html"),
    (("page.md", Content("page.md", b"hello")),),
    (Out("page.html"),),
    env=(("A", "1"), ("B", "2")),
    programs=("python3",),
    owner=Label("docs", "page"),
    title="render",
)
INPUTS: list[tuple[str, Node]] = [
    ("page.md", File(Digest.of(b"hello"))),
    ("tools/render.py", File(Digest.of(b"print()"))),
    ("data/deep/tree", Tree(Digest.of(b""))),
]
TOOLS = {"program:python3": "cpython-3.11.7 sha256:aa", "distribution:numpy": "2.1 sha256:bb"}
GOLDEN = "f0bfbfe6b3f8a9361d0fb0ee1e6499d30832a3c5ef3f7227ec7470104180c646"


def key(
    action: Action = ACTION, inputs: list[tuple[str, Node]] = INPUTS, tools: dict[str, str] = TOOLS
) -> Key:
    """The key of the example, or of a variant of it."""
    return key_of(action, inputs, tools)


def test_the_key_is_golden() -> None:
    assert key().digest.hash == GOLDEN


@pytest.mark.parametrize(
    ("field", "value", "part"),
    [
        ("argv", ("python3", "tools/render.py", "page.md", "out/page.htm"), "argv 3"),
        ("outputs", (Out("page.html"), Out("page.css")), "output out/page.css"),
        ("env", (("A", "1"), ("B", "3")), "env B"),
        ("env", (("A", "1"),), "env B"),
        ("platform", (("gpu", "sm_87"),), "gpu"),
        ("timeout", 601, "timeout"),
        ("network", True, "network"),
    ],
)
def test_a_field_changes_the_key_and_is_named(field: str, value: Any, part: str) -> None:
    other = key(replace(ACTION, **{field: value}))
    assert other.digest != key().digest
    assert [
        name for name, _, _ in diff_parts(explain(key().messages), explain(other.messages))
    ] == [part]


@pytest.mark.parametrize(
    ("number", "entry", "part"),
    [
        (0, ("page.md", File(Digest.of(b"hallo"))), "input page.md"),
        (0, ("page.md", File(Digest.of(b"hello"), executable=True)), "input page.md"),
        (1, ("tools/render.py", File(Digest.of(b"print(1)"))), "input tools/render.py"),
        (2, ("data/deep/tree", Tree(Digest.of(b"x"))), "input data/deep/tree/"),
    ],
)
def test_an_input_changes_the_key_and_is_named(
    number: int, entry: tuple[str, Node], part: str
) -> None:
    inputs = [entry if at == number else old for at, old in enumerate(INPUTS)]
    other = key(inputs=inputs)
    assert other.digest != key().digest
    assert [
        name for name, _, _ in diff_parts(explain(key().messages), explain(other.messages))
    ] == [part]


def test_a_tool_changes_the_key_and_is_named() -> None:
    other = key(tools=TOOLS | {"distribution:numpy": "2.2 sha256:cc"})
    differ = diff_parts(explain(key().messages), explain(other.messages))
    assert differ == [("distribution:numpy", "2.1 sha256:bb", "2.2 sha256:cc")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("owner", Label("other", "name")),
        ("title", "another title"),
        ("at", Location("BUILD.toml", 9)),
    ],
)
def test_fields_for_people_do_not_change_the_key(field: str, value: Any) -> None:
    assert key(replace(ACTION, **{field: value})).digest == key().digest


def test_the_order_of_inputs_and_tools_does_not_change_the_key() -> None:
    assert key(inputs=INPUTS[::-1], tools=dict(reversed(TOOLS.items()))).digest == key().digest
