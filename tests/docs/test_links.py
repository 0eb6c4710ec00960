"""Links lead somewhere: to a file of the repository, and to a heading that its page has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, anchors_of, links_of, name_of, pages

_MORE = [
    path
    for path in (
        ROOT / ".github/CONTRIBUTING.md",
        ROOT / ".github/SECURITY.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
    )
    if path.exists()
]
_OUTSIDE = ("http://", "https://", "mailto:")


def broken_links(page: Path) -> list[str]:
    """The links of a page that lead nowhere, with their lines."""
    messages: list[str] = []
    for line, link in links_of(page.read_text()):
        if link.startswith(_OUTSIDE):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            messages.append(f"{name_of(page)}:{line}: {link} does not exist")
        elif not target.is_relative_to(ROOT):
            messages.append(f"{name_of(page)}:{line}: {link} is outside of the repository")
        elif anchor and target.suffix == ".md" and anchor not in anchors_of(target.read_text()):
            messages.append(f"{name_of(page)}:{line}: {name_of(target)} has no heading #{anchor}")
    return messages


@pytest.mark.parametrize("page", [*pages(), *_MORE], ids=name_of)
def test_links(page: Path) -> None:
    assert broken_links(page) == []


def test_the_index_leads_to_every_page() -> None:
    """From page to page: readers do not find a page without a link to it."""
    index = DOCS / "index.md"
    if not index.exists():
        pytest.skip("the docs have no index.md")
    reached, waiting = {index}, [index]
    while waiting:
        page = waiting.pop()
        for _, link in links_of(page.read_text()):
            target = (page.parent / link.partition("#")[0]).resolve()
            if (
                target.suffix == ".md"
                and target.is_relative_to(DOCS)
                and target.exists()
                and target not in reached
            ):
                reached.add(target)
                waiting.append(target)
    assert sorted(name_of(page) for page in DOCS.rglob("*.md") if page not in reached) == []
