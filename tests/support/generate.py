"""Write the generated parts of the docs, or say which of them are out of date.

    python -m tests.support.generate [--write | --check]

`--check` is the default. It exits with 1 when something is out of date, and names it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support.features import features_table
from tests.support.house import house_svg, house_table
from tests.support.reference_environment import environment_page
from tests.support.reference_json import errors_page, events_page
from tests.support.reference_rules import rules_page
from tests.support.reference_verbs import verbs_page
from tests.support.starts import starts_svg

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "buildgraph" / "docs"
GENERATED: Mapping[str, Callable[[], str]] = {
    "reference/rules.md": rules_page,
    "reference/verbs.md": verbs_page,
    "reference/events.md": events_page,
    "reference/errors.md": errors_page,
    "reference/environment.md": environment_page,
    "images/house.svg": house_svg,
    "images/starts.svg": starts_svg,
}
# Parts of pages that people write: (page, name of the part). A page that does not exist is left
# out.
INSERTED: Mapping[tuple[str, str], Callable[[], str]] = {
    ("design/overview.md", "house picture"): house_table,
    ("design/agent-compiler.md", "features"): features_table,
}
_END = "<!-- end -->"


def list_outdated() -> list[str]:
    """The paths below the docs whose content is out of date."""
    return [
        name
        for name, text in contents().items()
        if not (DOCS / name).exists() or (DOCS / name).read_text() != text
    ]


def contents() -> dict[str, str]:
    """The content of each generated file and of each page with a generated part, by path."""
    texts = {name: make() for name, make in GENERATED.items()}
    for (name, part), make in INSERTED.items():
        if (DOCS / name).exists():
            texts[name] = insert_part(texts.get(name, (DOCS / name).read_text()), part, make())
    return texts


def insert_part(page: str, part: str, text: str) -> str:
    """Replace the text between the comments of a part; ValueError when there are none."""
    begin = f"<!-- generated: {part} -->"
    before, separator, rest = page.partition(begin)
    if not separator or _END not in rest:
        raise ValueError(f"the page lacks the lines {begin} and {_END}")
    return f"{before}{begin}\n{text.strip()}\n{rest[rest.index(_END) :]}"


def write() -> list[str]:
    """Write what is out of date; the paths written."""
    names = list_outdated()
    texts = contents()
    for name in names:
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(texts[name])
    return names


def main(argv: Sequence[str] | None = None) -> int:
    """Check or write; 1 when a check finds something out of date."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.generate", description="the generated parts of the docs"
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--write", action="store_true", help="write what is out of date")
    choice.add_argument(
        "--check", action="store_true", help="name what is out of date (the default)"
    )
    options = parser.parse_args(argv)
    names = write() if options.write else list_outdated()
    for name in names:
        print(f"{'wrote' if options.write else 'out of date:'} buildgraph/docs/{name}")
    if names and not options.write:
        print("run: python -m tests.support.generate --write", file=sys.stderr)
    return 1 if names and not options.write else 0


if __name__ == "__main__":
    sys.exit(main())
