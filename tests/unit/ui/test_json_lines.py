"""JSON lines of events, and documents of verbs."""

from __future__ import annotations

import io
import json

import pytest

from buildgraph.types.digest import Digest
from buildgraph.types.events import Built, Warned
from buildgraph.ui.json_document import SCHEMA, document, print_document
from buildgraph.ui.json_lines import JsonLines, encode


def test_the_first_line_has_the_version() -> None:
    out = io.StringIO()
    listener = JsonLines(out)
    listener(Warned("one"))
    listener(Warned("two"))
    listener.close()
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"schema": SCHEMA, "event": "warned", "text": "one"},
        {"event": "warned", "text": "two"},
    ]


def test_an_event_has_its_name_and_fields() -> None:
    digest = Digest.of(b"abc")
    assert encode(Built("//a:b", "o", "out/a/b/o", digest, 3)) == {
        "event": "built",
        "label": "//a:b",
        "name": "o",
        "path": "out/a/b/o",
        "digest": digest,
        "bytes": 3,
        "image": "",
    }


def test_a_document_begins_with_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert document({"a": [1]}) == f'{{"schema": {SCHEMA}, "a": [1]}}'
    print_document({"a": [1]})
    assert capsys.readouterr().out == document({"a": [1]}) + "\n"
