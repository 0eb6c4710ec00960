"""What could stand at the cursor: verbs, options and labels.

Shells ask on every TAB, so nothing dear is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

from ...types.errors import OK, BuildError
from ..parser import Parser


def run(words: Sequence[str], verbs: Mapping[str, str]) -> int:
    """Print the words that complete the last of `words`, one a line; whatever is wrong completes nothing."""
    before, word = list(words[:-1]), words[-1] if words else ""
    try:
        found = _labels(word) if "--" in before else _candidates(before, word, verbs)
    except (BuildError, OSError, ValueError):
        found = []
    print("".join(f"{one}\n" for one in sorted(found) if one.startswith(word)), end="")
    return OK


def _candidates(before: list[str], word: str, verbs: Mapping[str, str]) -> Iterable[str]:
    if not before:
        return verbs
    if before[0] not in verbs:
        return []
    parser = Parser(prog=before[0])
    import_module(f".{before[0]}", __package__).arguments(parser)
    option = parser.option(before[-1])
    if option is not None and option.nargs != 0:
        return map(str, option.choices or ())
    if word.startswith("-") and not word.startswith(("-/", "-:")):
        return parser.options()
    positionals = sum(not one.startswith("-") for one in before[1:])
    first = parser.first_words() if not positionals else ()
    return first or _labels(word)


def _labels(word: str) -> list[str]:
    """Labels as they would be typed here: in full, or from the colon on for those of this package."""
    from ...types.label import Pattern
    from ...workspace.workspace import Workspace
    from ..invocation import Invocation

    sign = "-" if word.startswith("-") else ""
    here = Invocation.find()
    labels = Workspace(here.root).matching(Pattern("", None, True, False))
    if word.startswith((":", "-:")):
        return [f"{sign}:{label.name}" for label in labels if label.package == here.package]
    if word and not word.startswith(("/", "-/")):
        return []
    return [f"{sign}{label}" for label in labels] + [f"{sign}//..."]
