"""Parser of the POMDP text format of Cassandra's pomdp-solve. Every error has its line.

Statements: discount, values, states, actions, observations, start (a distribution, uniform, one
state, include or exclude), T, O and R with names, indices, wildcards, rows, matrices, uniform,
identity and reset. Later statements overwrite earlier ones, as in the original.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.importers.pomdp.lexer import Tokens
from agentc.importers.text_input import AS_ARRAYS, MAX_CELLS, NUMBER, quote
from agentc.ir.types import F64, ModelError

INDEX = re.compile(r"[0-9]{1,9}")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
LISTS = ("states", "actions", "observations")
HEADS = ("discount", "values", *LISTS, "start", "T", "O", "R")
MAX_NAMES = 1 << 20

Pick = int | slice
ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Names:
    """States, actions or observations: their number, and their names if any."""

    size: int
    elements: tuple[str, ...] | None

    def name(self, index: int) -> str:
        """Return the name of an index, or the index itself."""
        return self.elements[index] if self.elements else str(index)


@dataclass(frozen=True, slots=True, eq=False)
class Reward:
    """An R statement: values (a number, a row, or end states x observations) at four selectors."""

    action: Pick
    start: Pick
    end: Pick
    seen: Pick
    values: F64


@dataclass(frozen=True, slots=True, eq=False)
class Pomdp:
    """Contents of a file: T[action, start, end], seen[action, end, observation] (O),
    start[state].
    """

    discount: float
    cost: bool
    states: Names
    actions: Names
    observations: Names
    start: F64
    T: F64
    seen: F64
    rewards: tuple[Reward, ...]


def parse(text: str) -> Pomdp:
    """Parse a file; ModelError with the line of the first invalid statement."""
    return _Reader(text).whole()


class _Reader(Tokens):
    """Recursive-descent parser of one file."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.names: dict[str, Names] = {}
        self.index: dict[str, dict[str, int]] = {}
        self.discount: float | None = None
        self.cost: bool | None = None
        self.start: F64 | None = None
        self.rewards: list[Reward] = []
        self.T = self.seen = np.zeros((0, 0, 0))

    def whole(self) -> Pomdp:
        """Parse all statements."""
        while self.at < len(self.words):
            self.statement()
        if self.discount is None or not self.ready():
            missing = [word for word in LISTS if word not in self.names] + ["discount"] * (
                self.discount is None
            )
            raise ModelError([f"{', '.join(missing)} missing: the file must say what they are"])
        size = self.names["states"].size
        start = np.full(size, 1.0) / size if self.start is None else self.start
        return Pomdp(
            self.discount,
            bool(self.cost),
            self.names["states"],
            self.names["actions"],
            self.names["observations"],
            start,
            self.T,
            self.seen,
            tuple(self.rewards),
        )

    def statement(self) -> None:
        """Parse one statement by its first word."""
        head = self.take("a statement")
        if head not in HEADS or not (self.peek() == ":" or head == "start"):
            self.at -= 1
            self.fail(f"a statement ({', '.join(HEADS)}, each followed by a colon) is expected")
        if head in (*LISTS, "discount", "values"):
            self.preamble(head)
        elif not self.ready():
            missing = next(word for word in LISTS if word not in self.names)
            self.at -= 1
            self.fail(f"{head} comes before {missing}: declare the {missing} first")
        elif head == "start":
            self.begin()
        else:
            {"T": self.transition, "O": self.observation, "R": self.reward}[head]()

    def ready(self) -> bool:
        """Return whether states, actions and observations are known."""
        return len(self.names) == len(LISTS)

    def preamble(self, head: str) -> None:
        """Parse discount, values and the three lists."""
        self.colon()
        if (
            head in self.names
            or (head == "discount" and self.discount is not None)
            or (head == "values" and self.cost is not None)
        ):
            self.at -= 2
            self.fail(f"{head} is declared a second time")
        if head == "discount":
            self.discount = self.number("a discount from 0 to 1", 0.0, 1.0)
        elif head == "values":
            word = self.take("reward or cost")
            if word not in ("reward", "cost"):
                self.at -= 1
                self.fail("reward or cost is expected")
            self.cost = word == "cost"
        else:
            self.listed(head)

    def listed(self, head: str) -> None:
        """Parse a number or names; allocate the tables once all three lists are known."""
        words = self.until_head()
        if len(words) == 1 and INDEX.fullmatch(words[0]):
            size, elements = int(words[0]), None
        else:
            odd = [word for word in words if not NAME.fullmatch(word)]
            if odd:
                self.fail(
                    f"{quote(odd[0])} cannot be a name of {head}: a letter, then letters, "
                    "digits, - and _",
                    back=1,
                )
            size, elements = len(words), tuple(words)
        if not 1 <= size <= MAX_NAMES or len(set(words)) != len(words):
            self.fail(
                f"{head} requires a number from 1 to {MAX_NAMES}, or names that differ", back=1
            )
        self.names[head] = Names(size, elements)
        self.index[head] = {name: i for i, name in enumerate(elements or ())}
        if self.ready():
            actions, states, seen = (
                self.names[word].size for word in ("actions", "states", "observations")
            )
            if actions * states * max(states, seen) > MAX_CELLS:
                wide = f"{states} states" if states >= seen else f"{seen} observations"
                self.fail(
                    f"{actions} actions x {states} states x {wide} are "
                    f"{actions * states * max(states, seen)}, more than "
                    f"{MAX_CELLS} entries: {AS_ARRAYS}",
                    back=1,
                )
            self.T, self.seen = (
                np.zeros((actions, states, states)),
                np.zeros((actions, states, seen)),
            )

    def begin(self) -> None:
        """Parse the distribution of the first state."""
        kind = "" if self.peek() == ":" else self.take("a colon")
        if kind not in ("", "include", "exclude"):
            self.at -= 1
            self.fail("start: , start include: or start exclude: is expected")
        self.colon()
        size = self.names["states"].size
        words = self.until_head()
        begin = self.at - len(words)
        if not kind and (words == ["uniform"] and "uniform" not in self.index["states"]):
            self.start = np.full(size, 1.0) / size
        elif not kind and len(words) == size and all(NUMBER.fullmatch(word) for word in words):
            self.at = begin
            self.start = self.numbers(size)
        elif kind or len(words) == 1:
            self.at = begin
            chosen = np.zeros(size, dtype=bool)
            for _ in words:
                chosen[self.pick("states", wild=False)] = True
            self.start = self.evenly(chosen if kind != "exclude" else ~chosen)
        else:
            self.fail(
                f"start requires {size} probabilities, uniform, or one state, not {len(words)} "
                "words",
                back=1,
            )

    def evenly(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> F64:
        """Return equal probabilities for the selected states."""
        if not chosen.any():
            self.fail("start leaves no state", back=1)
        return np.where(chosen, 1.0 / int(chosen.sum()), 0.0)

    def transition(self) -> None:
        """Parse T: action [: start [: end]] and its values."""
        self.table(self.T, ("states", "states"), ("identity", "uniform", "reset"))

    def observation(self) -> None:
        """Parse O: action [: end [: observation]] and its values."""
        self.table(self.seen, ("states", "observations"), ("identity", "uniform"))

    def table(self, table: F64, kinds: Sequence[str], words: Sequence[str]) -> None:
        """Fill a probability, a row or a matrix for the selected actions."""
        picks = self.picks(("actions", *kinds))
        rows, columns = (self.names[kind].size for kind in kinds)
        word = self.peek() if len(picks) < 3 else ""
        if word == "identity" and len(picks) == 1 and rows == columns:
            values = np.eye(rows)
        elif word == "uniform":
            values = np.full(columns, 1.0) / columns
        elif word == "reset" and word in words and len(picks) == 2:
            values = np.full(columns, 1.0) / columns if self.start is None else self.start
        else:
            shape = ((rows, columns), (columns,), ())[len(picks) - 1]
            values, word = self.numbers(*shape), ""
        self.at += bool(word)
        table[tuple(picks)] = values

    def reward(self) -> None:
        """Parse R: action : start [: end [: observation]] and a matrix, a row or a number."""
        line = self.at
        picks = self.picks(("actions", "states", "states", "observations"))
        if len(picks) < 2:
            self.at = line
            self.fail("R requires at least an action and a start state")
        states, count = self.names["states"].size, self.names["observations"].size
        values = self.numbers(*((states, count), (count,), ())[len(picks) - 2])
        action, start, end, seen = (*picks, ALL, ALL)[:4]
        self.rewards.append(Reward(action, start, end, seen, values))

    def picks(self, kinds: Sequence[str]) -> list[Pick]:
        """Parse selectors after colons: at least one, at most one of each kind."""
        selectors: list[Pick] = []
        while self.peek() == ":" and len(selectors) < len(kinds):
            self.colon()
            selectors.append(self.pick(kinds[len(selectors)]))
        return selectors

    def pick(self, kind: str, wild: bool = True) -> Pick:
        """Parse a name, an index or `*`."""
        word = self.take(f"one of the {kind}")
        if word == "*" and wild:
            return ALL
        names = self.names[kind]
        index = self.index[kind].get(word)
        if index is None and INDEX.fullmatch(word) and int(word) < names.size:
            index = int(word)
        if index is None:
            self.at -= 1
            known = (
                f"0 to {names.size - 1}"
                if names.elements is None
                else ", ".join(names.elements[:8])
            )
            self.fail(
                f"one of the {kind} ({known}{', ..' if len(names.elements or ()) > 8 else ''}) "
                "is expected"
            )
        return index

    def until_head(self) -> list[str]:
        """Read words up to the next statement or the end of the file."""
        begin = self.at
        while self.at < len(self.words) and not self.at_head():
            self.at += 1
        return [word for word, _ in self.words[begin : self.at]]

    def at_head(self) -> bool:
        """Return whether a statement begins here: keyword and colon.

        `include` or `exclude` may follow the keyword `start`.
        """
        word, following = self.peek(), self.peek(1)
        return word in HEADS and (
            following == ":"
            or (word == "start" and following in ("include", "exclude") and self.peek(2) == ":")
        )
