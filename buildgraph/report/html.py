"""The HTML file of a report: the bundle of the page and its data, without any reference outside."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path

BUNDLE = Path(__file__).parent / "bundle"
LARGEST_BUNDLE = 400_000
"""Bytes that a page without data may have."""
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="buildgraph {version}">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
<noscript>This page needs JavaScript. It loads nothing from a network.</noscript>
<main id="page"></main>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</html>
"""


def render(title: str, data: str, version: str) -> str:
    """Return the file. `data` is JSON without the character `<`.

    The policy of the page allows its own script and style, WebAssembly, and no connection.
    """
    script = (BUNDLE / "page.js").read_text(encoding="utf-8")
    style = (BUNDLE / "page.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}' 'wasm-unsafe-eval'; "
        f"style-src '{_digest(style)}'; img-src data: blob:"
    )
    return _PAGE.format(
        version=escape(version),
        policy=policy,
        title=escape(title),
        style=style,
        data=data,
        script=script,
    )


def _digest(text: str) -> str:
    """The digest of an inline element in the form of Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
