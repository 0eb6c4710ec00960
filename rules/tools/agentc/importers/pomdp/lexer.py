"""Lexer of a POMDP file. Every error names the line."""

from __future__ import annotations

import math
import re
from typing import NoReturn

import numpy as np
from agentc.importers.text_input import NUMBER, quote
from agentc.ir.types import F64, ModelError

TOKEN = re.compile(r":|[^\s:#]+|#[^\n]*|\n")


class Tokens:
    """Words, numbers and colons of a text without comments; `at` is the index of the next one."""

    def __init__(self, text: str) -> None:
        self.words: list[tuple[str, int]] = []
        self.at, self.last_line = 0, 1
        for word in TOKEN.findall(text):
            if word == "\n":
                self.last_line += 1
            elif word[0] != "#":
                self.words.append((word, self.last_line))

    def numbers(self, *shape: int) -> F64:
        """Read as many numbers as the shape requires."""
        count = math.prod(shape)
        words = self.words[self.at : self.at + count]
        odd = next(
            (i for i, (word, _) in enumerate(words) if not NUMBER.fullmatch(word)), len(words)
        )
        if odd < count:
            self.at += odd
            self.fail(f"number {odd + 1} of {count} is expected")
        self.at += count
        array = np.array([float(word) for word, _ in words], dtype=np.float64).reshape(shape)
        if not np.all(np.isfinite(array)):
            self.fail("a number is too large", back=1)
        return array

    def number(self, wanted: str, low: float, high: float) -> float:
        """Read one number within bounds."""
        value = float(self.numbers())
        if not low <= value <= high:
            self.fail(f"{wanted} is expected", back=1)
        return value

    def peek(self, ahead: int = 0) -> str:
        """Return a later word, empty at the end of the file."""
        return self.words[self.at + ahead][0] if self.at + ahead < len(self.words) else ""

    def take(self, wanted: str) -> str:
        """Read the next word."""
        if self.at >= len(self.words):
            self.fail(f"{wanted} is expected")
        self.at += 1
        return self.words[self.at - 1][0]

    def colon(self) -> None:
        """Read a colon."""
        if self.peek() != ":":
            self.fail("a colon is expected")
        self.at += 1

    def fail(self, what: str, back: int = 0) -> NoReturn:
        """Raise an error at the next word, or at one before it."""
        place = max(self.at - back, 0)
        if place >= len(self.words):
            raise ModelError([f"line {self.last_line}: {what}, the file ends there"])
        word, line = self.words[place]
        raise ModelError([f"line {line}: {what}" + ("" if back else f", not {quote(word)}")])
