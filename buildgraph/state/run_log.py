"""The log of runs: for each build the fields of its actions' keys, as short hashes.

    .buildgraph/runs.log    "buildgraph runs 1\\n", then an entry for each build that had to look
                            further than the manifest:
                            "<kind> <request> <exit code> <bytes>\\n" and these bytes

An entry of kind `F` has all actions of its request. One of kind `D` has those that the build did
not take over from the build of the request before it. One of kind `B` has those that the next entry
took over from the cache.

The bytes are a compressed text, and a hash of two bytes for each value (`_encode`), so that a log
stays small: most of it are hashes, which do not compress. Logs are compared field by field: a hash
is compared with one other, so one difference in 65536 is missed.
"""

from __future__ import annotations

import os
import zlib

from ..fastpath.manifest import request_name
from ..files.regular_file import open_own, read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..lite.sha256 import sha256
from ..types.action import Output, Shipped, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from ..execution.executor import Executor
    from ..types.action import Action
    from ..types.request import Request
    from ..types.result import Node

    Row: TypeAlias = "tuple[str, str, bytes, list[Field]]"

MAGIC = b"buildgraph runs 1\n"
FILE = ".buildgraph/runs.log"
HASH, OUTPUTS = 2, 1
"""The bytes of the hash of a value, and of all outputs of an action."""
_MOST = 1 << 20  # bytes of the file, beyond which its older half is dropped
Field: TypeAlias = "tuple[str, bytes]"
"""The name of a field, and the hash of its value.

`\3` in a name is followed by a value for people, and there is no hash.
"""


def encode_run(executor: Executor) -> bytes:
    """The actions of a build whose keys are known, each with its key, its outputs and fields."""
    rows: list[Row] = []
    tools: dict[tuple[tuple[str, ...], ...], list[Field]] = {}
    steps = executor.steps
    for action, position in zip(steps.actions, steps.ordinals):
        if action in executor.keys:
            names = action.programs, action.distributions
            if names not in tools:
                tools[names] = [*_tools(executor, action)]
            result = executor.results.get(action)
            nodes = result.outputs if result else ()
            outputs = "".join(f"{name} {_identity(node)} " for name, node in nodes)
            fields = [*_inputs(executor, action), *_command(action), *tools[names]]
            title = action.title.replace("\n", " ").replace("\t", " ")
            name = f"{title}\t{position}" if position > 1 else title
            key = hash_of(executor.keys[action].hash)
            rows.append((str(action.owner), name, key + hash_of(outputs)[:OUTPUTS], fields))
    return _encode(executor.request.words, rows)


def _inputs(executor: Executor, action: Action) -> Iterator[Field]:
    """Sources and other inputs that no action makes. The files of a shipped tool are one field."""
    shipped = list[str]()
    for path, artifact in action.inputs:
        if isinstance(artifact, Output):
            continue
        identity = _identity(executor.node(artifact))
        if isinstance(artifact, Source):
            yield f"source {artifact.name}", hash_of(f"{path} {identity}")
        elif isinstance(artifact, Shipped):
            shipped.append(f"{path} {identity}")
        else:
            yield f"input {path}", hash_of(identity)
    if shipped:
        programs = [entry.split(" ")[0][6:] for entry in shipped if entry.count("/") == 1]
        yield f"tool {' '.join(programs)}", hash_of("\n".join(shipped))


def _identity(node: Node) -> str:
    return f"{node.digest.hash}{' x' if getattr(node, 'executable', False) else ''}"


def _command(action: Action) -> Iterator[Field]:
    """The other fields. Names of targets are left out of texts, so that actions of a kind share."""
    argv = "\0".join(action.argv)
    linked = list[str]()
    for number, (path, artifact) in enumerate(action.inputs):
        argv = argv.replace(path, f"\1{number}\1")
        if isinstance(artifact, Output):
            linked.append(_without_target(f"{path} {artifact.name}", artifact.action))
    yield "argv", hash_of(_without_target(argv, action))
    for variable, text in action.env:
        yield f"env {variable}", hash_of(text)
    for fact, text in action.platform:
        yield f"{fact}\3{text}", b""
    outputs = [_without_target(f"{out.path} {out.tree}", action) for out in action.outputs]
    rest = *linked, *outputs, action.timeout, action.network
    yield "paths and limits", hash_of(str(rest))


def _without_target(text: str, action: Action) -> str:
    return text.replace(action.owner.name, "\2") if action.owner else text


def _tools(executor: Executor, action: Action) -> Iterator[Field]:
    """Programs and distributions, with the versions of the latter."""
    tools = executor.host.tools
    for name in action.programs:
        yield f"program {name}", hash_of(tools.program(name).identity)
    identities = list[str]()
    for name, distribution in tools.distributions(action.distributions).items():
        identities.append(distribution.identity)
        yield f"distribution {name}\3{distribution.identity.partition(' ')[0]}", b""
    if identities:
        yield "distributions", hash_of("\n".join(identities))


def hash_of(text: str) -> bytes:
    """The hash of a value."""
    return sha256(text.encode("utf-8", "surrogateescape")).digest()[:HASH]


def _encode(words: tuple[str, ...], rows: Sequence[Row]) -> bytes:
    """Encode rows.

    Fields that several rows have with one value form sets, because the actions of a kind share
    them. The text has the request, a line for each shared field, one that begins with `=` for each
    set, an empty line, and then three lines for each row, all first lines first: its label, its
    title with the number of its set, and its own fields, in which `\1` is the name of the target.
    The hashes of shared fields come first, and then those of each row.
    """
    count: dict[Field, int] = {}
    for *_, fields in rows:
        for field in fields:
            count[field] = count.get(field, 0) + 1
    shared = {field: at for at, field in enumerate(f for f in count if count[f] > 1)}
    sets: dict[tuple[int, ...], int] = {}
    labels, titles, texts = [], [], []
    hashes = [value for _, value in shared]
    for label, title, value, fields in rows:
        members = tuple(sorted(shared[field] for field in fields if field in shared))
        own = [field for field in fields if field not in shared]
        hashes += [value, *(hashed for _, hashed in own)]
        target = label.rpartition(":")[2]
        labels.append(label)
        titles.append(f"{sets.setdefault(members, len(sets))} {title}")
        texts.append("\t".join(field.replace(target, "\1") for field, _ in own))
    lines = "\t".join(words), *(name for name, _ in shared), *map(_ranges, sets), ""
    text = "\n".join((*lines, *labels, *titles, *texts))
    packed = zlib.compress(text.encode("utf-8", "surrogateescape"), 9)
    return b"%d\n" % len(packed) + packed + b"".join(hashes)


def _ranges(numbers: tuple[int, ...]) -> str:
    """Sorted numbers as text; `2+3` stands for 2 3 4 5."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == sum(ranges[-1]) + 1:
            ranges[-1][1] += 1
        else:
            ranges.append([number, 0])
    return "=" + " ".join(f"{first}+{more}" if more else str(first) for first, more in ranges)


def append_run(
    root: str, request: Request, code: int, entries: Sequence[tuple[str, bytes]]
) -> None:
    """Append the entries of a build, as (kind, bytes).

    A workspace that cannot be written has no log.
    """
    path = os.path.join(root, FILE)
    name = request_name(request.words, request.package)
    data = b"".join(
        f"{kind} {name} {code} {len(block)}\n".encode() + block for kind, block in entries
    )
    try:
        with open(open_own(path, os.O_RDWR | os.O_APPEND), "ab", buffering=0) as file:
            size = file.tell()
            file.write(data if size else MAGIC + data)
        if size > _MOST:
            _shorten(path)
    except OSError:
        return


def split_entries(data: bytes) -> Iterator[tuple[str, str, int, bytes]]:
    """Yield (kind, request, exit code, bytes) of each entry; an incomplete entry ends the file."""
    at = len(MAGIC) if data.startswith(MAGIC) else len(data)
    while 0 < (end := data.find(b"\n", at) + 1):
        try:
            kind, request, code, size = data[at : end - 1].decode("ascii").split(" ")
            at = end + int(size)
            if at > len(data) or int(size) < 0 or kind not in "FDB":
                return
        except ValueError:
            return
        yield kind, request, int(code), data[end:at]


def _shorten(path: str) -> None:
    """Drop the older half of a file, from an entry with all actions of its request on."""
    data = read_regular(path)
    parts: list[bytes] = []
    size = len(data)
    for kind, request, code, block in split_entries(data):
        size -= len(block)
        if parts or (kind != "D" and size < _MOST // 2):
            parts.append(f"{kind} {request} {code} {len(block)}\n".encode() + block)
    replace_file(path, (MAGIC, *parts))
