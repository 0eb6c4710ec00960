"""`buildgraph docs [TOPIC]`: the documentation that ships with buildgraph, page by page."""

from __future__ import annotations

import os
import posixpath
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import buildgraph

from ...types.errors import OK, BuildError, did_you_mean
from ...ui.json_document import print_document

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from ..parser import Parser

FOLDER = os.path.join(os.path.dirname(os.path.realpath(buildgraph.__file__)), "docs")
_INDEX = "index"
_COLUMNS = 100  # longer lines are hard to read
_HEADING = re.compile(r"^# +(.+?)[ #]*$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]+)\.md(?:#[^)\s]*)?\)")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the documentation.

    `topic` is its path below the folder of pages without `.md`, `title` its first heading.
    """

    topic: str
    title: str
    text: str


def arguments(parser: Parser) -> None:
    """The words and options of the verb."""
    topics = list_topics()
    parser.add_argument(
        "topic",
        nargs="?",
        default="",
        metavar="TOPIC",
        help="the page to show, such as tutorial, howto/ci or ci (default: list all pages)",
    )
    parser.words = (*topics, *short_names(topics))
    parser.epilog = "a page that is longer than the screen is shown by $PAGER (default: less)"


def run(options: Namespace) -> int:
    """Print the list of pages, or one page."""
    if not options.topic:
        pages = [read_page(topic) for topic in list_topics()]
        if options.json:
            print_document(
                {"topics": [{"topic": page.topic, "title": page.title} for page in pages]}
            )
        else:
            print(format_list(pages))
        return OK
    page = read_page(find_topic(options.topic, list_topics()))
    if options.json:
        print_document({"topic": page.topic, "title": page.title, "text": page.text})
    else:
        _show(page)
    return OK


def list_topics() -> list[str]:
    """The topics of all pages: those that the index links to in its order, then others by name."""
    known = sorted(
        os.path.relpath(os.path.join(top, name), FOLDER).replace(os.sep, "/").removesuffix(".md")
        for top, _, names in os.walk(FOLDER)
        for name in names
        if name.endswith(".md")
    )
    linked: list[str] = []
    if _INDEX in known:
        linked = [posixpath.normpath(link) for link in _LINK.findall(_read(_INDEX))]
    first = [topic for topic in dict.fromkeys([_INDEX, *linked]) if topic in known]
    return [*first, *(topic for topic in known if topic not in first)]


def short_names(topics: Sequence[str]) -> list[str]:
    """The last parts of topics that name one page only."""
    ends = [topic.rpartition("/")[2] for topic in topics if "/" in topic]
    return [end for end in ends if end not in topics and ends.count(end) == 1]


def find_topic(word: str, topics: Sequence[str]) -> str:
    """The topic of a full name, or of its last part when only one topic ends with it."""
    name = word.strip("/").removesuffix(".md").lower()
    if name in topics:
        return name
    ends = [topic for topic in topics if topic.endswith(f"/{name}")]
    if len(ends) > 1:
        raise BuildError(
            f"the topic {word!r} names {len(ends)} pages",
            reason="usage",
            fix=f"write {' or '.join(ends)}",
        )
    if not ends:
        hint = (
            did_you_mean(name, [*topics, *short_names(topics)])
            or "`buildgraph docs` lists the topics"
        )
        raise BuildError(f"no topic {word!r}", reason="usage", fix=hint)
    return ends[0]


def read_page(topic: str) -> Page:
    """Read the page of a topic."""
    text = _read(topic)
    heading = _HEADING.search(text)
    return Page(topic, heading[1].replace("`", "") if heading else topic, text)


def format_list(pages: Sequence[Page]) -> str:
    """Format the list of pages, with an empty line between pages of different folders."""
    width = max((len(page.topic) for page in pages), default=0)
    lines: list[str] = []
    folder = ""
    for page in pages:
        if page.topic.rpartition("/")[0] != folder and lines:
            lines.append("")
        folder = page.topic.rpartition("/")[0]
        lines.append(f"{page.topic:<{width}}  {page.title}")
    return "\n".join([*lines, "", "`buildgraph docs TOPIC` shows a page"])


def format_target(page: Page, address: str) -> str:
    """Convert an address in a page to a topic, the path of a file, or the address itself."""
    if "://" in address or address.startswith("mailto:"):
        return address
    path, _, _anchor = address.partition("#")
    if not path:
        return ""  # a heading of the same page
    inner = posixpath.normpath(posixpath.join(posixpath.dirname(page.topic), path))
    if inner.endswith(".md") and not inner.startswith("../"):
        return inner.removesuffix(".md")
    full = os.path.normpath(os.path.join(FOLDER, inner))
    return full if os.path.exists(full) else posixpath.basename(path)


def _read(topic: str) -> str:
    with open(os.path.join(FOLDER, f"{topic}.md"), encoding="utf-8") as file:
        return file.read()


def _show(page: Page) -> None:
    """Print a page: Markdown to a pipe or a plain terminal, else rendered and through a pager."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        print(page.text, end="")
        return
    from ...ui.console import render_markdown
    from ...ui.markdown import prepare_markdown
    from ...ui.pager import page_text

    columns = min(os.get_terminal_size(sys.stdout.fileno()).columns or _COLUMNS, _COLUMNS)
    text = prepare_markdown(page.text, lambda address: format_target(page, address))
    page_text(render_markdown(text, columns), os.environ)
