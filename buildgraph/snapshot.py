"""A finished build written down, so that the next one can go on from it without parsing or analysing anything.

One text file for each request: a checked first line, a header in JSON, then one line of JSON for each step. Only the
lines of steps that something changed for are decoded. Nothing in it is believed that a stamp or a digest did not
confirm: a file that is damaged, or of another version, is no snapshot, and the build starts from BUILD.toml.
"""
from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .digest import Digest
from .label import Label
from .model import Action, Artifact, Content, File, Node, Out, Output, Result, Shipped, Source, Tree

MAGIC = b"buildgraph snapshot 1 "


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`head` is the header as the session made it, `lines` the steps, undecoded; `mark` ties a receipt to a file."""

    head: dict[str, Any]
    lines: list[bytes]
    mark: int = 0


def read(path: str) -> Snapshot | None:
    """A snapshot from its file, or None when there is none that is whole."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    start = len(MAGIC) + 9
    mark = zlib.crc32(data[start:])
    if data[:len(MAGIC)] != MAGIC or data[len(MAGIC):start] != b"%08x\n" % mark:
        return None
    head, *lines = data[start:].split(b"\n")
    return Snapshot(json.loads(head), lines, mark)


def write(path: str, snapshot: Snapshot) -> int:
    """Write by temp and rename and return the mark; a disk that refuses keeps none, and the mark is 0."""
    body = b"\n".join([json.dumps(snapshot.head, separators=(",", ":")).encode(), *snapshot.lines])
    mark = zlib.crc32(body)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(f"{path}.{os.getpid()}", "wb") as file:
            file.write(MAGIC + b"%08x\n" % mark + body)
        os.replace(f"{path}.{os.getpid()}", path)
    except OSError:
        return 0
    return mark


def step_line(action: Action, result: Result, number: Mapping[Action, int]) -> bytes:
    """One step: all of its action, and what it gave."""
    row = {
        "argv": action.argv, "env": action.env, "programs": action.programs, "distributions": action.distributions,
        "platform": action.platform, "timeout": action.timeout, "network": action.network, "title": action.title,
        "owner": str(action.owner) if action.owner else "",
        "inputs": [[path, *_given(artifact, number)] for path, artifact in action.inputs],
        "outputs": [[out.path, out.tree] for out in action.outputs],
        "result": {"outputs": [[path, *_node(node)] for path, node in result.outputs], "log": str(result.log),
                   "sandbox": result.sandbox, "milliseconds": result.milliseconds},
    }
    return json.dumps(row, separators=(",", ":")).encode()


def result_of(line: bytes) -> Result:
    """What a step gave."""
    row = json.loads(line)["result"]
    outputs = tuple((path, node_of(kind, digest)) for path, kind, digest in row["outputs"])
    return Result(outputs, Digest.parse(row["log"]), row["sandbox"], row["milliseconds"])


def action_of(line: bytes, makers: Mapping[int, Action]) -> Action:
    """The action of a step; `makers` are the actions whose outputs it takes, by number."""
    row = json.loads(line)
    pairs = {name: tuple((a, b) for a, b in row[name]) for name in ("env", "platform")}
    return Action(tuple(row["argv"]), tuple((path, _artifact(kind, rest, makers)) for path, kind, *rest in row["inputs"]),
                  tuple(Out(path, tree) for path, tree in row["outputs"]), pairs["env"], tuple(row["programs"]),
                  tuple(row["distributions"]), pairs["platform"], row["timeout"], row["network"],
                  Label.parse(row["owner"]) if row["owner"] else None, row["title"])


def makers_of(line: bytes) -> list[int]:
    """The numbers of the steps whose outputs a step takes."""
    return sorted({rest[0] for _, kind, *rest in json.loads(line)["inputs"] if kind == "output"})


def node_of(kind: str, digest: str) -> Node:
    """A node as `_node` wrote it."""
    found = Digest.parse(digest)
    return Tree(found) if kind == "tree" else File(found, kind == "program")


def _node(node: Node) -> tuple[str, str]:
    kind = "tree" if isinstance(node, Tree) else "program" if node.executable else "file"
    return kind, str(node.digest)


def _given(artifact: Artifact, number: Mapping[Action, int]) -> Sequence[Any]:
    match artifact:
        case Output(name, action, tree):
            return "output", number[action], name, tree
        case Content(name, data):
            return "content", name, data.decode("latin-1")
        case Shipped(name):
            return "shipped", name
    return "source", artifact.name


def _artifact(kind: str, rest: Sequence[Any], makers: Mapping[int, Action]) -> Artifact:
    if kind == "output":
        number, name, tree = rest
        return Output(name, makers[number], tree)
    if kind == "content":
        return Content(rest[0], rest[1].encode("latin-1"))
    return Shipped(rest[0]) if kind == "shipped" else Source(rest[0])


def readers(actions: Iterable[Action]) -> dict[str, list[int]]:
    """The numbers of the steps that read each file of the workspace."""
    found: dict[str, list[int]] = {}
    for number, action in enumerate(actions):
        for name in {given.name for _, given in action.inputs if isinstance(given, Source)}:
            found.setdefault(name, []).append(number)
    return found
