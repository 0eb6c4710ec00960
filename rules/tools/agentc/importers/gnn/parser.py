"""Generalized Notation Notation (GNN), a markdown format of models: its sections read strictly, every fault with its line.

Read are StateSpaceBlock (`A[3,3,type=float]`), Connections (`s-A`, `(D_f0,D_f1)>(s_f0,s_f1)`), InitialParameterization
(`A={ (0.9,0.1), (0.1,0.9) }`), Time and ModelParameters (`key: value`); `#` begins a comment. The rest is for people.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from agentc.importers.parameters import DEFAULTS
from agentc.importers.text_input import AS_ARRAYS, MAX_CELLS, NUMBER, shown
from agentc.ir.types import F64, ModelFault

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
    """What a file says: sizes by variable (None where they are no number), pairs of connected variables, values."""

    variables: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    values: dict[str, F64] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    time: list[str] = field(default_factory=list)


def parse(text: str) -> Gnn:
    """Read a whole file; ModelFault with every line that cannot be read."""
    faults: list[str] = []
    sections = _sections(text, faults)
    faults += [
        f"no section '## {name}': this is no GNN model" for name in NEEDED if name not in sections
    ]
    found = Gnn()
    for line in sections.get("StateSpaceBlock", ()):
        _variable(line, found, faults)
    for line in sections.get("Connections", ()):
        _edges(line, found, faults)
    for statement in _statements(sections.get("InitialParameterization", ()), faults):
        _value(statement, found, faults)
    for line in sections.get("ModelParameters", ()):
        _parameter(line, found, faults)
    found.time.extend(words for _, words in sections.get("Time", ()))
    if faults:
        raise ModelFault(faults)
    return found


def _sections(text: str, faults: list[str]) -> dict[str, list[Line]]:
    """The lines of the sections that are read, comments, blank lines and fences left out."""
    found: dict[str, list[Line]] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), 1):
        heading = HEADING.fullmatch(line.rstrip())
        if heading:
            name = "".join(heading[1].split())
            if name in found:
                faults.append(f"line {number}: a second section '## {name}'")
            if name in READ:
                found.setdefault(name, [])
        elif name in READ:
            words = line.partition("#")[0].strip()
            if words and not words.startswith("```"):
                found[name].append((number, words))
    return found


def _variable(line: Line, found: Gnn, faults: list[str]) -> None:
    number, words = line
    match = VARIABLE.fullmatch(words)
    if match is None:
        faults.append(f"line {number}: {shown(words)} is no variable, such as A[3,2,type=float]")
    elif match[1] in found.variables:
        faults.append(f"line {number}: {match[1]} is declared a second time")
    else:
        sizes = [size.strip() for size in (match[2] or "").split(",")]
        found.variables[match[1]] = tuple(
            int(size) if re.fullmatch(r"[0-9]{1,9}", size) else None
            for size in sizes
            if size and not size.startswith("type")
        )


def _edges(line: Line, found: Gnn, faults: list[str]) -> None:
    """`a>b`, `a-b`, groups in parentheses, chains; a label after a colon is dropped."""
    number, words = line
    ends = EDGE.split(words.partition(":")[0])
    groups = [[name.strip() for name in end.strip().strip("()").split(",")] for end in ends]
    odd = [name for group in groups for name in group if not re.fullmatch(NAME, name)]
    if len(groups) < 2 or odd:
        faults.append(
            f"line {number}: {shown(words)} is no connection, such as s-A or (D0,D1)>(s0,s1)"
        )
        return
    found.edges.extend(
        (a, b) for left, right in itertools.pairwise(groups) for a in left for b in right
    )


def _statements(lines: list[Line] | tuple[()], faults: list[str]) -> Iterator[Line]:
    """Lines joined until their brackets close."""
    held: list[str] = []
    begin = depth = 0
    for number, words in lines:
        begin = begin if held else number
        held.append(words)
        depth += sum(words.count(mark) for mark in "{([") - sum(words.count(mark) for mark in "})]")
        if depth <= 0:
            yield begin, " ".join(held)
            held, depth = [], 0
    if held:
        faults.append(f"line {begin}: {shown(held[0])} has a bracket that is never closed")


def _value(statement: Line, found: Gnn, faults: list[str]) -> None:
    number, words = statement
    match = ASSIGNMENT.fullmatch(words)
    if match is None:
        faults.append(f"line {number}: {shown(words)} is no value, such as D={{(0.5, 0.5)}}")
    elif match[1] in found.values or match[1] in found.parameters:
        faults.append(f"line {number}: {match[1]} has a value already")
    elif match[2][:1] not in ("{", "(", "["):
        found.parameters[match[1]] = match[2]
    else:
        try:
            found.values[match[1]] = _tensor(WORD.findall(match[2]))
        except ValueError as error:
            faults.append(f"line {number}: {match[1]}: {error}")


def _tensor(words: list[str]) -> F64:
    """Nested brackets of numbers as an array; ValueError when they are ragged or hold something else."""
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
                    f"brackets are nested more than {MAX_DEPTH} deep: a matrix with more axes is for an .npz"
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
        raise ValueError(f"a number is expected, {shown(word)} stands there")
    numbers.append(float(word))
    _count(stack)


def _count(stack: list[tuple[str, int]]) -> None:
    """One more entry in the innermost bracket that is open."""
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


def _parameter(line: Line, found: Gnn, faults: list[str]) -> None:
    number, words = line
    match = PARAMETER.fullmatch(words.lstrip("-* "))
    if match is None:
        faults.append(f"line {number}: {shown(words)} is no parameter, such as policy_len: 2")
    elif found.parameters.setdefault(match[1], match[2]) != match[2] and match[1] in DEFAULTS:
        faults.append(
            f"line {number}: {match[1]} has the value {shown(found.parameters[match[1]])} already"
        )
