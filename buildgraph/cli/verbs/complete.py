"""Complete the word at the cursor of a shell: verbs, options and labels.

Shells call this on every TAB, so each module is imported only when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module

from ...types.errors import OK, BuildError
from ..parser import Parser


def run(words: Sequence[str], verbs: Mapping[str, str]) -> int:
    """Print the completions of the last of `words`, one a line; none after an error."""
    before, word = list(words[:-1]), words[-1] if words else ""
    try:
        candidates = _labels(word) if "--" in before else _candidates(before, word, verbs)
    except (BuildError, OSError, ValueError):
        candidates = []
    matching = (candidate for candidate in sorted(candidates) if candidate.startswith(word))
    print("".join(f"{candidate}\n" for candidate in matching), end="")
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
    positionals = sum(not argument.startswith("-") for argument in before[1:])
    first = parser.first_words() if not positionals else ()
    return first or _labels(word)


def _labels(word: str) -> list[str]:
    """List the labels in the form that `word` begins: in full, or `:name` for the own package."""
    from ...types.label import Pattern
    from ...workspace.workspace import Workspace
    from ..invocation import Invocation

    sign = "-" if word.startswith("-") else ""
    invocation = Invocation.find()
    labels = Workspace(invocation.root).matching(Pattern("", None, True, False))
    if word.startswith((":", "-:")):
        return [f"{sign}:{label.name}" for label in labels if label.package == invocation.package]
    if word and not word.startswith(("/", "-/")):
        return []
    return [f"{sign}{label}" for label in labels] + [f"{sign}//..."]
