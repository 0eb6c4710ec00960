"""Parser of Generalized Notation Notation (GNN), a Markdown format. Every error has its line.

It reads StateSpaceBlock (`A[3,3,type=float]`), Connections (`s-A`, `(D_f0,D_f1)>(s_f0,s_f1)`),
InitialParameterization (`A={ (0.9,0.1), (0.1,0.9) }`), Time and ModelParameters (`key: value`). `#`
begins a comment. Other sections are ignored.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from agentc.importers.parameters import DEFAULTS
from agentc.importers.text_input import AS_ARRAYS, MAX_CELLS, NUMBER, quote
from agentc.ir.types import F64, ModelError

HEADING = re.compile(r"##[ \t]*([^#].*)")
NAME = r"[^\W\d][\w+^']*"
VARIABLE = re.compile(rf"({NAME})(?:\[([^\]]*)\])?")
ASSIGNMENT = re.compile(rf"({NAME})\s*=\s*(.*)", re.DOTALL)
PARAMETER = re.compile(rf"({NAME})\s*[:=]\s*(.*)")
EDGE = re.compile(r"<?->|<-|[<>→←-]")
WORD = re.compile(r"[{}()\[\],]|[^\s{}()\[\],]+")
READ = ("StateSpaceBlock", "Connections", "InitialParameterization", "Time", "ModelParameters")
NEEDED = ("StateSpaceBlock", "InitialParameterization")
CLOSES = {"}": "{", ")": "(", "]": "["}
MAX_DEPTH = 8

Line = tuple[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class Gnn:
    """Contents of a file: sizes by variable (None if not numeric), connected pairs, values."""

    variables: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    values: dict[str, F64] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    time: list[str] = field(default_factory=list)


def parse(text: str) -> Gnn:
    """Parse a file; ModelError lists every invalid line."""
    errors: list[str] = []
    sections = _sections(text, errors)
    errors += [
        f"no section '## {name}': this is not a GNN model"
        for name in NEEDED
        if name not in sections
    ]
    document = Gnn()
    for line in sections.get("StateSpaceBlock", ()):
        _variable(line, document, errors)
    for line in sections.get("Connections", ()):
        _edges(line, document, errors)
    for statement in _statements(sections.get("InitialParameterization", ()), errors):
        _value(statement, document, errors)
    for line in sections.get("ModelParameters", ()):
        _parameter(line, document, errors)
    document.time.extend(words for _, words in sections.get("Time", ()))
    if errors:
        raise ModelError(errors)
    return document


def _sections(text: str, errors: list[str]) -> dict[str, list[Line]]:
    """Yield the lines of the known sections without comments, blank lines and fences."""
    sections: dict[str, list[Line]] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), 1):
        heading = HEADING.fullmatch(line.rstrip())
        if heading:
            name = "".join(heading[1].split())
            if name in sections:
                errors.append(f"line {number}: a second section '## {name}'")
            if name in READ:
                sections.setdefault(name, [])
        elif name in READ:
            words = line.partition("#")[0].strip()
            if words and not words.startswith("```"):
                sections[name].append((number, words))
    return sections


def _variable(line: Line, document: Gnn, errors: list[str]) -> None:
    number, words = line
    match = VARIABLE.fullmatch(words)
    if match is None:
        errors.append(f"line {number}: {quote(words)} is not a variable such as A[3,2,type=float]")
    elif match[1] in document.variables:
        errors.append(f"line {number}: {match[1]} is declared a second time")
    else:
        sizes = [size.strip() for size in (match[2] or "").split(",")]
        document.variables[match[1]] = tuple(
            int(size) if re.fullmatch(r"[0-9]{1,9}", size) else None
            for size in sizes
            if size and not size.startswith("type")
        )


def _edges(line: Line, document: Gnn, errors: list[str]) -> None:
    """Parse `a>b`, `a-b`, groups in parentheses and chains. A label after a colon is dropped."""
    number, words = line
    ends = EDGE.split(words.partition(":")[0])
    groups = [[name.strip() for name in end.strip().strip("()").split(",")] for end in ends]
    odd = [name for group in groups for name in group if not re.fullmatch(NAME, name)]
    if len(groups) < 2 or odd:
        errors.append(
            f"line {number}: {quote(words)} is not a connection such as s-A or (D0,D1)>(s0,s1)"
        )
        return
    document.edges.extend(
        (a, b) for left, right in itertools.pairwise(groups) for a in left for b in right
    )


def _statements(lines: list[Line] | tuple[()], errors: list[str]) -> Iterator[Line]:
    """Join lines until their brackets close."""
    pending: list[str] = []
    begin = depth = 0
    for number, words in lines:
        begin = begin if pending else number
        pending.append(words)
        depth += sum(words.count(mark) for mark in "{([") - sum(words.count(mark) for mark in "})]")
        if depth <= 0:
            yield begin, " ".join(pending)
            pending, depth = [], 0
    if pending:
        errors.append(f"line {begin}: {quote(pending[0])} has a bracket that is never closed")


def _value(statement: Line, document: Gnn, errors: list[str]) -> None:
    number, words = statement
    match = ASSIGNMENT.fullmatch(words)
    if match is None:
        errors.append(f"line {number}: {quote(words)} is not a value such as D={{(0.5, 0.5)}}")
    elif match[1] in document.values or match[1] in document.parameters:
        errors.append(f"line {number}: {match[1]} has a value already")
    elif match[2][:1] not in ("{", "(", "["):
        document.parameters[match[1]] = match[2]
    else:
        try:
            document.values[match[1]] = _tensor(WORD.findall(match[2]))
        except ValueError as error:
            errors.append(f"line {number}: {match[1]}: {error}")


def _tensor(words: list[str]) -> F64:
    """Parse nested brackets of numbers to an array; ValueError if ragged or not numeric."""
    numbers: list[float] = []
    counts: list[
        tuple[int, int]
    ] = []  # (depth, entries) of each bracket in the order in which they close
    stack: list[tuple[str, int]] = []
    depths: set[int] = set()
    for i, word in enumerate(words):
        if word in ("{", "(", "["):
            if len(stack) == MAX_DEPTH:
                raise ValueError(
                    f"brackets are nested more than {MAX_DEPTH} deep: a matrix with more axes is "
                    "for an .npz"
                )
            if not stack and i:
                raise ValueError("a second value follows: put all of it into one pair of brackets")
            stack.append((word, 0))
        elif word in CLOSES:
            if not stack or stack[-1][0] != CLOSES[word]:
                raise ValueError(f"{word} closes nothing")
            counts.append((len(stack), stack.pop()[1]))
            _count(stack)
        elif word != ",":
            _number(word, numbers, stack)
            depths.add(len(stack))
    shape = _shape(counts, len(numbers))
    if depths != {len(shape)}:
        raise ValueError("its brackets do not make a matrix of numbers")
    return np.array(numbers, dtype=np.float64).reshape(shape)


def _number(word: str, numbers: list[float], stack: list[tuple[str, int]]) -> None:
    if len(numbers) >= MAX_CELLS:
        raise ValueError(f"it holds more than {MAX_CELLS} entries: {AS_ARRAYS}")
    if not NUMBER.fullmatch(word) or not math.isfinite(float(word)) or not stack:
        raise ValueError(f"a number is expected, not {quote(word)}")
    numbers.append(float(word))
    _count(stack)


def _count(stack: list[tuple[str, int]]) -> None:
    """Count one more entry in the innermost open bracket."""
    if stack:
        mark, count = stack.pop()
        stack.append((mark, count + 1))


def _shape(counts: list[tuple[int, int]], numbers: int) -> tuple[int, ...]:
    by_depth: dict[int, set[int]] = {}
    for depth, count in counts:
        by_depth.setdefault(depth, set()).add(count)
    shape = tuple(min(by_depth[depth]) for depth in sorted(by_depth))
    ragged = [depth for depth, sizes in by_depth.items() if len(sizes) > 1]
    if ragged:
        lengths = " and ".join(map(str, sorted(by_depth[ragged[0]])[:3]))
        raise ValueError(
            f"its rows are of different lengths: {lengths} entries at depth {ragged[0]}"
        )
    if math.prod(shape) != numbers or not numbers:
        raise ValueError("its brackets do not make a matrix of numbers")
    return shape


def _parameter(line: Line, document: Gnn, errors: list[str]) -> None:
    number, words = line
    match = PARAMETER.fullmatch(words.lstrip("-* "))
    if match is None:
        errors.append(f"line {number}: {quote(words)} is not a parameter such as policy_len: 2")
    elif document.parameters.setdefault(match[1], match[2]) != match[2] and match[1] in DEFAULTS:
        errors.append(
            f"line {number}: {match[1]} has the value {quote(document.parameters[match[1]])} "
            "already"
        )
