"""argparse with our manners: a wrong word is a user's fault with a hint, and `-//pattern` is no option."""
from __future__ import annotations

import re
from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import Any, NoReturn

from ..errors import BuildError, did_you_mean

_TAKEN_AWAY = "\0"


class Parser(ArgumentParser):
    """Options and words of one verb, in any order; words after `--` are `options.rest`, as they stand."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=RawDescriptionHelpFormatter, **options)
        self.add_argument("--json", action="store_true", help="print JSON for programs")
        self.takes_rest = False
        self.words: tuple[str, ...] = ()   # what completion offers for the first word
        self.alone: dict[str, str] = {}   # options whose value may be left out, and what it is then

    def read(self, words: list[str]) -> Namespace | None:
        """The options given, None when only help was wanted; BuildError on words that are none."""
        own, rest = words, []
        if "--" in words:
            cut = words.index("--")
            own, rest = words[:cut], words[cut + 1:]
        if not {"-h", "--help"}.isdisjoint(own):
            self.print_help()
            return None
        # argparse takes whatever begins with a dash for an option: hide the patterns that do.
        own = [f"{word}={self.alone[word]}" if word in self.alone else word for word in own]
        hidden = [_TAKEN_AWAY + word if word.startswith(("-//", "-:")) else word for word in own]
        options, unknown = self.parse_known_intermixed_args(hidden)
        if unknown:
            self._refuse(unknown[0])
        for name, value in vars(options).items():
            if isinstance(value, list):
                setattr(options, name, [word.removeprefix(_TAKEN_AWAY) for word in value])
        if rest and not self.takes_rest:
            self.error(f"nothing is expected after --, but {rest[0]!r} stands there")
        options.rest = rest
        return options

    def option(self, word: str) -> Action | None:
        """The option that a word names."""
        return self._option_string_actions.get(word)

    def options(self) -> list[str]:
        """Every option in its long form, or the short one of those that have no other."""
        return [max(action.option_strings, key=len) for action in self._actions if action.option_strings]

    def first_words(self) -> tuple[str, ...]:
        """What the first word may be, when it is one of a few."""
        if self.words:
            return self.words
        first = next((action for action in self._actions if not action.option_strings), None)
        said = first.metavar if first and isinstance(first.metavar, str) and "|" in first.metavar else ""
        words = said.split("|") if said.islower() else ()
        return tuple(map(str, first.choices or words)) if first else ()

    def error(self, message: str) -> NoReturn:
        """A fault of the command line, as argparse words it; a value that is none of a few gets the nearest."""
        wrong = re.match(r".*invalid choice: '(.*)' \(choose from (.*)\)", message)
        near = did_you_mean(wrong[1], re.findall(r"[\w-]+", wrong[2])) if wrong else ""
        raise BuildError(f"{self.prog}: {message}", fix=near or f"`{self.prog} --help` tells what can be said", reason="usage")

    def _refuse(self, word: str) -> NoReturn:
        known = [name for name in self._option_string_actions if name.startswith("--")]
        kind = "option" if word.startswith("-") else "word"
        hint = did_you_mean(word.partition("=")[0], known)
        raise BuildError(f"{self.prog}: no {kind} {word!r}", reason="usage",
                         fix=hint or f"`{self.prog} --help` tells what can be said")
