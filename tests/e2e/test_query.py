"""`buildgraph query` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

_TABLE = '[{name}]\nrule = "{rule}"\n{rest}\n'
_COMMAND = (
    'inputs = {{ {inputs} }}\noutputs = {{ o = "o" }}\nargv = ["sh", "-c", "echo {word} > {{o}}"]\n'
)


@pytest.fixture
def diamond(tmp_path: Path) -> Space:
    """top -> left, right -> bottom; all -> top; lone."""

    def command(name: str, word: str, **inputs: str) -> str:
        named = ", ".join(f'{key} = "{value}"' for key, value in inputs.items())
        return _TABLE.format(
            name=name, rule="command", rest=_COMMAND.format(inputs=named, word=word)
        )

    return space(
        tmp_path,
        "".join(
            [
                '[workspace]\nname = "diamond"\n',
                command("g.bottom", "b"),
                command("g.left", "l", a="//g:bottom"),
                command("g.right", "r", a="//g:bottom"),
                command("g.top", "t", a="//g:left", b="//g:right"),
                command("lone", "x"),
                _TABLE.format(name="all", rule="group", rest='targets = ["//g:top"]'),
            ]
        ),
    )


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("list //g:*", "//g:bottom //g:left //g:right //g:top"),
        ("deps //g:left", "//g:bottom //g:left"),
        ("deps //... -//g/...", "//:all //:lone //g:bottom //g:left //g:right //g:top"),
        ("rdeps //g:left", "//:all //g:left //g:top"),
        ("rdeps //g:bottom --kind group", "//:all"),
        ("somepath //g:left //g:bottom", "//g:left //g:bottom"),
        ("somepath //:lone //g:bottom", ""),
        ("allpaths //:all //g:bottom", "//:all //g:bottom //g:left //g:right //g:top"),
        ("allpaths //g:top //g:right", "//g:right //g:top"),
        ("list //... --attr inputs.a=//g:bottom", "//g:left //g:right"),
        ("list //... --kind command --filter ^//:", "//:lone"),
    ],
)
def test_queries(diamond: Space, words: str, answer: str) -> None:
    assert diamond.run("query", *words.split()).out.split() == answer.split()


def test_forms(diamond: Space) -> None:
    answer = json.loads(
        diamond.run("query", "allpaths", "//g:top", "//g:bottom", "--output", "json").out
    )
    assert ["//g:top", "//g:left"] in answer["edges"] and len(answer["edges"]) == 4
    assert (
        json.loads(diamond.run("query", "allpaths", "//g:top", "//g:bottom", "--json").out)
        == answer
    )
    dot = diamond.run("query", "deps", "//g:left", "--output", "dot").out
    assert dot.startswith("digraph") and '"//g:left" -> "//g:bottom";' in dot
    assert not (diamond.root / "out").exists() and not (diamond.root / ".buildgraph").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("rdep //g:left", "did you mean 'rdeps'?"),
        ("deps", "no target is named"),
        ("allpaths //g:left", "allpaths requires two targets"),
        ("deps //g:lft", "did you mean '//g:left'?"),
        ("list //... --filter (", "not a regular expression"),
        ("list //... --attr x", "not KEY=VALUE"),
    ],
)
def test_a_wrong_query_is_a_usage_error(diamond: Space, words: str, message: str) -> None:
    assert message in diamond.run("query", *words.split(), code=2).err
