"""The HTML file: its size, and that it refers to nothing outside."""

from __future__ import annotations

import base64
import hashlib
import re

from buildgraph.report.html import BUNDLE, LARGEST_BUNDLE, render

DATA = '{"schema":1}'


def test_the_page_without_data_is_small() -> None:
    size = len(render("w", DATA, "1").encode())
    print(f"page without data: {size} bytes, limit {LARGEST_BUNDLE}")
    assert size <= LARGEST_BUNDLE


def test_the_page_loads_nothing() -> None:
    page = render("w", DATA, "1")
    addresses = set(re.findall(r"https?://[^\"'`\s)]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"} | {
        "http://www.w3.org/1999/xhtml"
    }
    assert not re.search(r"<(link|img|iframe|object)\b|\bsrc=|@import|url\(", page)
    assert "default-src 'none'" in page


def test_the_policy_names_the_script_and_the_style_by_digest() -> None:
    page = render("w", DATA, "1")
    for name in ("page.js", "page.css"):
        digest = hashlib.sha256((BUNDLE / name).read_bytes()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in page, name


def test_names_of_users_are_escaped() -> None:
    assert "<title>&lt;b&gt;</title>" in render("<b>", DATA, "1")
