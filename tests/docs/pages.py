"""The pages of the project: README.md and those that ship with the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "buildgraph" / "docs"
_WORKSPACE = re.compile(r"<!-- workspace: (\S+) -->")
_FENCED = re.compile(r"^( *)(`{3,}|~{3,})[^\n]*\n.*?^ *\2[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(?<!\\)\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]^]+\]:\s*<?(\S+?)>?(?:\s+\"[^\"]*\")?\s*$", re.MULTILINE)
_HTML = re.compile(r"<(?:img|source|a)\b[^>]*?\b(?:src|srcset|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_ANCHOR = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")


def pages() -> list[Path]:
    """Every page whose blocks are run."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def name_of(page: Path) -> str:
    """A page as tests and messages call it: its path in the repository."""
    return page.relative_to(ROOT).as_posix()


def workspace_of(page: Path, text: str) -> Path | None:
    """The folder of the repository that a page works in a copy of; None for an empty workspace."""
    named = _WORKSPACE.search(text)
    if named is not None:
        return ROOT / named[1]
    return ROOT if page == ROOT / "README.md" else None


def links_of(text: str) -> Iterator[tuple[int, str]]:
    """(line, target) of each link and image outside of code and comments."""
    prose = _CODE.sub(_blank, _COMMENT.sub(_blank, _FENCED.sub(_blank, text)))
    for pattern in (_LINK, _REFERENCE, _HTML):
        for link in pattern.finditer(prose):
            yield prose.count("\n", 0, link.start(1)) + 1, link[1]


def anchors_of(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page, and those that it writes itself."""
    prose = _FENCED.sub(_blank, text)
    seen: dict[str, int] = {}
    anchors = set(_ANCHOR.findall(prose))
    for heading in _HEADING.finditer(prose):
        slug = _slug(heading[1])
        anchors.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
        seen[slug] = seen.get(slug, 0) + 1
    return anchors


def _slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])
