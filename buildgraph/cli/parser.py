"""argparse for buildgraph: unknown options get a suggestion, and `-//pattern` is a pattern."""

from __future__ import annotations

import re
from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import Any, NoReturn

from ..types.errors import BuildError, did_you_mean

_HIDDEN = "\0"


class Parser(ArgumentParser):
    """Options and arguments of one verb, in any order; arguments after `--` are `options.rest`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=RawDescriptionHelpFormatter, **options)
        self.add_argument("--json", action="store_true", help="print JSON for programs")
        self.takes_rest = False
        self.words: tuple[str, ...] = ()  # what completion offers for the first argument
        self.optional_values: dict[str, str] = {}  # option -> its value when none is written

    def read(self, words: list[str]) -> Namespace | None:
        """Parse arguments; None after `--help` was printed. BuildError if they are not valid."""
        own, rest = words, []
        if "--" in words:
            cut = words.index("--")
            own, rest = words[:cut], words[cut + 1 :]
        if not {"-h", "--help"}.isdisjoint(own):
            self.print_help()
            return None
        # argparse treats every argument that begins with a dash as an option: mark patterns.
        own = [
            f"{word}={self.optional_values[word]}" if word in self.optional_values else word
            for word in own
        ]
        hidden = [_HIDDEN + word if word.startswith(("-//", "-:")) else word for word in own]
        options, unknown = self.parse_known_intermixed_args(hidden)
        if unknown:
            self._refuse(unknown[0])
        for name, value in vars(options).items():
            if isinstance(value, list):
                setattr(options, name, [word.removeprefix(_HIDDEN) for word in value])
        if rest and not self.takes_rest:
            self.error(f"unexpected argument after --: {rest[0]!r}")
        options.rest = rest
        return options

    def option(self, word: str) -> Action | None:
        """Return the option of this name, if there is one."""
        return self._option_string_actions.get(word)

    def options(self) -> list[str]:
        """List the options, each by its longest name."""
        return [
            max(action.option_strings, key=len) for action in self._actions if action.option_strings
        ]

    def first_words(self) -> tuple[str, ...]:
        """List the values of the first argument, where it has a fixed set."""
        if self.words:
            return self.words
        first = next((action for action in self._actions if not action.option_strings), None)
        metavar = first.metavar if first and isinstance(first.metavar, str) else ""
        words = metavar.split("|") if "|" in metavar and metavar.islower() else ()
        return tuple(map(str, first.choices or words)) if first else ()

    def error(self, message: str) -> NoReturn:
        """Raise BuildError with the message of argparse, and the nearest valid value, if any."""
        wrong = re.match(r".*invalid choice: '(.*)' \(choose from (.*)\)", message)
        near = did_you_mean(wrong[1], re.findall(r"[\w-]+", wrong[2])) if wrong else ""
        raise BuildError(
            f"{self.prog}: {message}",
            fix=near or f"`{self.prog} --help` lists the options",
            reason="usage",
        )

    def _refuse(self, word: str) -> NoReturn:
        known = [name for name in self._option_string_actions if name.startswith("--")]
        kind = "option" if word.startswith("-") else "word"
        hint = did_you_mean(word.partition("=")[0], known)
        raise BuildError(
            f"{self.prog}: no {kind} {word!r}",
            reason="usage",
            fix=hint or f"`{self.prog} --help` lists the options",
        )
