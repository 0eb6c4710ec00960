"""Prepare Markdown for a terminal: links, pictures and titles of blocks become text."""

from __future__ import annotations

import re
from collections.abc import Callable

_FENCED = re.compile(r"(^ *(`{3,}|~{3,})[^\n]*\n.*?^ *\2[`~]*[ \t]*$)", re.MULTILINE | re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)[^)]*\)")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)[^)]*\)")
_TITLE = re.compile(r"\btitle=(?:\"([^\"]*)\"|(\S+))")


def prepare_markdown(text: str, target: Callable[[str], str]) -> str:
    """Rewrite a page for a terminal; `target` returns the text for an address.

    A link is printed as its text with the target in parentheses, because not every terminal and
    pager shows links. A block with a title gets a line with the title above it.
    """
    pieces = _FENCED.split(text)
    parts: list[str] = []
    for number in range(0, len(pieces), 3):
        parts.append(_prose(pieces[number], target))
        if number + 1 < len(pieces):
            parts.append(_titled(pieces[number + 1]))
    return "".join(parts)


def _prose(text: str, target: Callable[[str], str]) -> str:
    text = _IMAGE.sub(lambda image: f"Picture: {image[1]} ({target(image[2])})", text)
    return _LINK.sub(
        lambda link: (
            link[1]
            if _equals_target(link[1], target(link[2]))
            else f"{link[1]} ({target(link[2])})"
        ),
        text,
    )


def _equals_target(text: str, target: str) -> bool:
    """True if the text of a link is its target, which then is printed once."""
    return not target or text.strip("`<>") == target


def _titled(block: str) -> str:
    title = _TITLE.search(block.partition("\n")[0])
    if title is None:
        return block
    indent = block[: len(block) - len(block.lstrip(" "))]
    return f"{indent}`{title[1] or title[2]}`\n\n{block}"
