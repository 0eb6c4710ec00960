"""Workflow commands: their encoding, and text in which the runner finds none."""

from __future__ import annotations

import io
import json
import sys
from typing import TextIO, cast

import pytest
from hypothesis import given, strategies as st

from buildgraph.ci.workflow_commands import (
    GuardedStream,
    format_command,
    guarded_streams,
    write_command,
)
from tests.support.runner_commands import runner_commands

TEXT = st.text(st.sampled_from(":#[]% \t\r\n,aä\\.\u2028\xa0"), max_size=12)
FORGED = st.sampled_from(["::error::x", "##[add-mask]x", "::stop-commands::x", " ::a::", ":", "##"])


def test_a_command_is_encoded_as_the_toolkit_of_github_does() -> None:
    properties = {"file": "a,b:c.toml", "line": 3, "col": 0, "title": "50%\r\nx"}
    assert format_command("error", "100%: a,b\r\nnext", properties) == (
        "::error file=a%2Cb%3Ac.toml,line=3,title=50%25%0D%0Ax::100%25: a,b%0D%0Anext"
    )
    assert format_command("endgroup") == "::endgroup::"


@given(TEXT, TEXT)
def test_a_command_is_decoded_to_its_values(message: str, title: str) -> None:
    (command,) = runner_commands(format_command("error", message, {"title": title}))
    assert command.message == message
    assert command.properties == ({"title": title.strip() and title} if title else {}) or (
        command.properties["title"] == title
    )


@given(st.lists(st.one_of(TEXT, FORGED), max_size=8))
def test_no_text_is_a_command(pieces: list[str]) -> None:
    out = io.StringIO()
    stream = GuardedStream(out)
    for piece in pieces:
        stream.write(piece)
    assert runner_commands(out.getvalue()) == []
    assert out.getvalue().replace("\\", "") == "".join(pieces).replace("\\", "")


def test_harmless_text_is_unchanged() -> None:
    text = "std::vector, # [1], a::b\n  [2/3] cc (//:a) 0.1s\n"
    out = io.StringIO()
    GuardedStream(out).writelines(text.splitlines(keepends=True))
    assert out.getvalue() == text


def test_json_keeps_its_value() -> None:
    out = io.StringIO()
    value = {"log": "##[add-mask]x\n::error::y"}
    GuardedStream(out, as_json=True).write(json.dumps(value) + "\n")
    assert runner_commands(out.getvalue()) == []
    assert json.loads(out.getvalue()) == value


def test_a_command_of_ours_begins_a_line() -> None:
    out = io.StringIO()
    stream = cast(TextIO, GuardedStream(out))
    stream.write("half a line")
    write_command(stream, "::endgroup::")
    write_command(out, "::endgroup::")
    assert out.getvalue() == "half a line\n::endgroup::\n::endgroup::\n"


def test_streams_are_guarded_for_the_time_of_a_verb(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with guarded_streams(as_json=False):
        print("::error::out")
        print("::error::err", file=sys.stderr)
    assert (sys.stdout, sys.stderr) == before
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("\\::error::out\n", "\\::error::err\n")
