"""Markdown for a terminal: links, pictures and titles of blocks as text, colours by rich."""

from __future__ import annotations

import re

from buildgraph.ui.console import render_markdown
from buildgraph.ui.markdown import prepare_markdown


def test_a_page_is_rendered_for_a_terminal() -> None:
    text = (
        "# Title\n\n[a](a.md) and [`b`](b) and ![c](c.svg)\n\n"
        "```toml title=\"BUILD.toml\"\nx = '[d](d)'\n```\n<!-- note -->\n"
    )
    shown = render_markdown(
        prepare_markdown(text, lambda address: {"a.md": "A"}.get(address, address)), 60
    )
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert "Title" in [line.strip("┃ ") for line in plain.splitlines()[:3]]
    assert (
        "a (A) and b and Picture: c (c.svg)\n" in plain
        and "BUILD.toml\n" in plain
        and "x = '[d](d)'" in plain
    )
    assert "note" not in plain and "\x1b[1;" in shown and max(map(len, plain.splitlines())) <= 60


def test_a_link_that_shows_its_target_is_printed_once() -> None:
    text = "<https://a.org> [`x`](x.md) [y](y.md) ~~~not a fence"
    assert prepare_markdown(text, lambda address: address.removesuffix(".md")) == (
        "<https://a.org> `x` y ~~~not a fence"
    )
