"""The picture of a build in README.md shows what a build prints: its digests are real."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.support.capture import COMMANDS, PICTURE
from tests.support.requirements import need, need_module
from tests.support.small_filesystems import repository
from tests.support.terminal import Style, runs, styled, terminal_svg

_SVG = "{http://www.w3.org/2000/svg}"
_OUTPUT = re.compile(r"^ +(out/\S+) +[\d.]+ \w+ +sha256:([0-9a-f]{64})$", re.MULTILINE)


def text_of(svg: str) -> str:
    """The text of a picture, which is its title as well."""
    return str(ElementTree.fromstring(svg).findtext(f"{_SVG}title"))


@pytest.mark.slow
def test_the_digests_in_the_picture_are_those_of_a_build(tmp_path: Path, docs_cache: Path) -> None:
    need("qemu-aarch64-static")
    need_module("pymdp")
    text = text_of(PICTURE.read_text())
    assert [line.removeprefix("$ ") for line in text.split("\n") if line.startswith("$ ")] == list(
        COMMANDS
    )
    space = repository(tmp_path / "w", docs_cache)
    printed = space.run(*COMMANDS[0].split()[1:]).out
    assert _OUTPUT.findall(text) == _OUTPUT.findall(printed) != []
    (gates,) = (line for line in printed.splitlines() if line.startswith("  passed "))
    assert gates in text.splitlines()
    counts = re.search(r"^(\d+) ran, (\d+) hits, 0 failed in ", printed, re.MULTILINE)
    assert counts is not None
    count = int(counts[1]) + int(counts[2])
    assert re.search(
        rf"^{count} ran, 0 hits, 0 failed in .*\n\$ .*\nnothing changed: {count} actions ",
        text,
        re.MULTILINE,
    )


def test_styles_of_a_line() -> None:
    assert [
        run for run in runs("a\x1b[1mb\x1b[0;32mc\x1b[39m", Style(is_faint=True)) if run[0]
    ] == [("a", Style(is_faint=True)), ("b", Style(is_bold=True, is_faint=True)), ("c", Style(32))]
    assert styled(Style(), 91) == Style(31) and styled(Style(31, True, True), 22) == Style(31)
    with pytest.raises(ValueError, match="SGR 4 has no place"):
        styled(Style(), 4)


def test_each_text_is_at_its_column() -> None:
    drawn = ElementTree.fromstring(terminal_svg("ab  \x1b[32mc d\x1b[0m   e&\n f", 20))
    texts = [
        (text.text, float(text.get("x", "")), text.get("y"), text.get("textLength"))
        for text in drawn.iter(f"{_SVG}text")
    ]
    assert texts == [
        ("ab", 16.0, "44", "16.8"),
        ("c d", 49.6, "44", "25.2"),
        ("e&", 100.0, "44", "16.8"),
        ("f", 24.4, "63", "8.4"),
    ]
    assert drawn.findtext(f"{_SVG}title") == "ab  c d   e&\n f"
