"""The arguments of `build` with its common options, read without a parser.

Importing `argparse` takes 9 ms, as much as a build without changes. Arguments that this module does
not know, or that are not valid, are left to the parser of the verb.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LEVELS = frozenset({"namespaces", "landlock", "none"})


class BuildWords:
    """Patterns and common options of a build, with the names and defaults of `types.request`.

    `quiet` prints only errors and outputs. `strict` is None without an option that says so.
    """

    def __init__(self) -> None:
        self.patterns: list[str] = []
        self.jobs = 0
        self.keep_going = self.quiet = False
        self.gates = True
        self.sandbox = ""
        self.strict: bool | None = None

    def request_words(self) -> list[str]:
        """The words that name the manifest, equal to `Request.words`."""
        sandbox = [f"--sandbox={self.sandbox}"] if self.sandbox else []
        return [*sandbox, *([] if self.gates else ["--no-gates"]), *self.patterns]


def parse_build_words(words: Sequence[str]) -> BuildWords | None:
    """The meaning of arguments, or None if they have no pattern, another option or an error."""
    parsed, rest = BuildWords(), iter(words)
    for word in rest:
        if not word.startswith("-") or word.startswith(("-//", "-:")):
            parsed.patterns.append(word)
        elif word in ("-k", "--keep-going"):
            parsed.keep_going = True
        elif word in ("-q", "--quiet"):
            parsed.quiet = True
        elif word == "--no-gates":
            parsed.gates = False
        elif word in ("--strict", "--no-strict"):
            parsed.strict = word == "--strict"
        elif not _take_value(parsed, word, rest):
            return None
    return parsed if parsed.patterns else None


def _take_value(parsed: BuildWords, word: str, rest: Iterator[str]) -> bool:
    """Take an option with a value; False if it is another option, or the value is not valid."""
    name, separator, value = word.partition("=")
    if word.startswith("-j"):
        name, value = "--jobs", word[2:] or next(rest, "")
    elif not separator:
        value = next(rest, "")
    if name == "--jobs" and value.isdecimal() and value.isascii():
        parsed.jobs = int(value)
        return True
    if name == "--sandbox" and value in _LEVELS:
        parsed.sandbox = value
        return True
    return False
