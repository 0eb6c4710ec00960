"""The pager of long texts: the user's, or less, or none."""

from __future__ import annotations

import pytest

from buildgraph.ui.pager import page_text, pager_command


@pytest.mark.parametrize(
    ("environ", "command"),
    [
        ({"PAGER": "more -s"}, "more -s"),
        ({"PAGER": ""}, ""),
        ({"PAGER": "cat"}, ""),
        ({"PATH": "/nowhere"}, ""),
    ],
)
def test_the_pager_is_that_of_the_user(environ: dict[str, str], command: str) -> None:
    assert pager_command(environ) == command


def test_a_short_text_needs_no_pager(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINES", "4")
    monkeypatch.setenv("COLUMNS", "80")
    page_text("a\nb\n", {"PAGER": "false"})
    assert capsys.readouterr().out == "a\nb\n"
