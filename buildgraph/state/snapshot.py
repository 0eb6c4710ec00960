"""A finished build written down, so that the next one can go on from it without parsing or analysing anything.

Three files for each request. The head is flat: sections of bytes, most of them arrays, of which nothing is decoded that
is not asked for. `<name>.steps` holds a line for each step, how it stood and its action, and is read only where a change
reaches. A build that goes on from them writes neither anew but `<name>.since`: what stands otherwise now (`stood.py`).
Nothing in them is believed that a stamp or a digest did not confirm: a file that is damaged, or of another version, is
no snapshot.

    buildgraph snapshot 5 <crc32 of the rest, 8 hex>\\n<name>:<length> ...\\n<the sections, one after the other>
"""

from __future__ import annotations

import os
import zlib

from ..files.regular_file import open_regular, read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..lite.pack import (
    decode,
    encode,
    pack_ints,
    pack_strings,
    unpack_ints,
    unpack_strings,
)
from ..lite.record import record
from ..types.action import Action, Artifact, Content, Out, Output, Shipped, Source
from ..types.label import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MAGIC = b"buildgraph snapshot 5 "
STEPS = ".steps"


@record
class Snapshot:
    """The sections of a head by name; `mark` ties a receipt and the file of the steps to it."""

    parts: dict[str, bytes]
    mark: int = 0

    def words(self, name: str) -> list[str]:
        """A section of words."""
        return unpack_strings(self.parts[name])

    def numbers(self, name: str) -> memoryview[int]:
        """A section of numbers."""
        return unpack_ints(self.parts[name])


def read(path: str) -> Snapshot | None:
    """A snapshot from its head, or None when there is none that is whole."""
    try:
        return parse(read_regular(path))
    except OSError:
        return None


def parse(data: bytes) -> Snapshot | None:
    """A snapshot from the bytes of its head, or None when they are not whole."""
    decoded = decode(MAGIC, data)
    return Snapshot(*decoded) if decoded else None


def write(path: str, parts: Mapping[str, bytes]) -> int:
    """Write a head by temp and rename and return its mark; a disk that refuses keeps none, and the mark is 0."""
    data, mark = encoded(parts)
    return mark if replace_file(path, data) else 0


def encoded(parts: Mapping[str, bytes]) -> tuple[tuple[bytes, ...], int]:
    """The bytes of a head, in pieces, and its mark."""
    return encode(MAGIC, parts)


def write_steps(path: str, lines: Iterable[bytes]) -> dict[str, bytes]:
    """Write the file of the steps, line by line; sections that tell where each stands in it, and its checksum."""
    places, sums = [0], list[int]()

    def told() -> Iterator[bytes]:
        for line in lines:
            places.append(places[-1] + len(line))
            sums.append(zlib.crc32(line))
            yield line

    if not replace_file(path + STEPS, told()):
        return {}
    return {"places": pack_ints(places), "sums": pack_ints(sums)}


def read_steps(path: str, snapshot: Snapshot, wanted: Sequence[int]) -> list[bytes] | None:
    """The lines of steps, or None when the file is not the one that the snapshot was made with."""
    places, sums = snapshot.numbers("places"), snapshot.numbers("sums")
    try:
        with open(open_regular(path + STEPS), "rb", buffering=0) as file:
            if 4 * len(wanted) > len(sums):
                data = file.readall()
                found = [data[places[number] : places[number + 1]] for number in wanted]
            else:
                fd = file.fileno()
                found = [
                    os.pread(fd, places[number + 1] - places[number], places[number])
                    for number in wanted
                ]
    except OSError:
        return None
    return (
        found
        if all(zlib.crc32(line) == sums[number] for number, line in zip(wanted, found))
        else None
    )


def step_line(action: Action, place: int, number: Mapping[Action, int]) -> bytes:
    """All of an action, and its place among those of its label and title."""
    owner = action.owner
    said = [
        str(place),
        *((owner.package, owner.name) if owner else ("", "")),
        action.title,
        str(action.timeout),
        "n" if action.network else "",
        str(len(action.inputs)),
    ]
    for path, artifact in action.inputs:
        said += (path, *_given(artifact, number))
    said += _counted(action.argv) + _counted(
        w for out in action.outputs for w in (out.path, "t" if out.tree else "")
    )
    for pairs in (action.env, action.platform):
        said += _counted(word for pair in pairs for word in pair)
    said += _counted(action.programs) + _counted(action.distributions)
    return pack_strings(said)


def producers_of(step: Sequence[str]) -> list[int]:
    """The numbers of the steps whose outputs a step takes."""
    return sorted(
        {int(step[at + 3]) for at in range(7, 7 + 5 * int(step[6]), 5) if step[at + 1] == "output"}
    )


def position_of(step: Sequence[str]) -> int:
    """The place of a step's action among those of its label and title."""
    return int(step[0])


def action_of(step: Sequence[str], makers: Mapping[int, Action]) -> Action:
    """The action of a step; `makers` are the actions whose outputs it takes, by number."""
    after = 7 + 5 * int(step[6])
    inputs = tuple(
        (step[at], _artifact(step[at + 1 : at + 5], makers)) for at in range(7, after, 5)
    )
    rest = iter(step[after:])
    argv, outputs, env, platform, programs, distributions = (_uncounted(rest) for _ in range(6))
    outs = tuple(Out(path, tree == "t") for path, tree in _pairs(outputs))
    owner = Label(step[1], step[2]) if step[2] else None
    return Action(
        tuple(argv),
        inputs,
        outs,
        tuple(_pairs(env)),
        tuple(programs),
        tuple(distributions),
        tuple(_pairs(platform)),
        int(step[4]),
        step[5] == "n",
        owner,
        step[3],
    )


def _counted(of: Iterable[str]) -> list[str]:
    found = list(of)
    return [str(len(found)), *found]


def _uncounted(said: Iterator[str]) -> list[str]:
    return [next(said) for _ in range(int(next(said)))]


def _pairs(of: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(of[::2], of[1::2])


def _given(artifact: Artifact, number: Mapping[Action, int]) -> tuple[str, str, str, str]:
    match artifact:
        case Output(name, action, tree):
            return "output", name, str(number[action]), "t" if tree else ""
        case Content(name, data):
            return "content", name, data.hex(), ""
        case Shipped(name):
            return "shipped", name, "", ""
    return "source", artifact.name, "", ""


def _artifact(said: Sequence[str], makers: Mapping[int, Action]) -> Artifact:
    kind, name, held, tree = said
    if kind == "output":
        return Output(name, makers[int(held)], tree == "t")
    if kind == "content":
        return Content(name, bytes.fromhex(held))
    return Shipped(name) if kind == "shipped" else Source(name)
