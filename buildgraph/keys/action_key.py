"""The key of an action: the digest of its REAPI v2 `Action` message, and the messages that explain it.

Everything that can influence an action's outputs stands in the messages: argv, declared outputs, environment, the
Merkle tree of its inputs at their staged paths, and the identities of the host tools it runs. Nothing else does: no
label, description, host path, user or time. `why` reads the same bytes that were hashed, so it cannot lie.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record
from ..types.action import Action
from ..types.digest import Digest
from ..types.result import File, Node, Tree
from .reapi import (
    Directory,
    decode,
    decode_directory,
    digest_fields,
    digest_of,
    encode,
    encode_directory,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

SALT = b"buildgraph 1"  # a new number makes every remembered result a miss: raise it when a tool's contract changes
SOURCE = "source "  # what begins the names of parts of a record that hold small sources: no message of a key


@record
class Key:
    """The digest that names an action's result, and the messages (by name) that it is the digest of."""

    digest: Digest
    messages: Mapping[str, bytes]


def key_of(
    action: Action, inputs: Iterable[tuple[str, Node]], identities: Mapping[str, str]
) -> Key:
    """The key of an action whose inputs are known.

    `inputs` are (staged path, what stands there); `identities` maps `program:NAME` and `distribution:NAME` to what
    they are on this host.
    """
    messages: dict[str, bytes] = {}
    root = _merkle(inputs, messages)
    command = encode(
        "Command",
        {
            "arguments": action.argv,
            "environment_variables": [
                {"name": name, "value": value} for name, value in sorted(action.env)
            ],
            "output_paths": sorted(f"out/{out.path}" for out in action.outputs),
        },
    )
    properties = sorted(
        [*action.platform, *identities.items(), *([("network", "on")] if action.network else [])]
    )
    body = encode(
        "Action",
        {
            "command_digest": digest_fields(Digest.of(command)),
            "input_root_digest": digest_fields(root),
            "timeout": {"seconds": action.timeout},
            "salt": SALT,
            "platform": {
                "properties": [{"name": name, "value": value} for name, value in properties]
            },
        },
    )
    messages |= {"action": body, "command": command}
    return Key(Digest.of(body), messages)


def _merkle(inputs: Iterable[tuple[str, Node]], messages: dict[str, bytes]) -> Digest:
    root: dict[str, Any] = {}
    for path, node in inputs:
        *parents, name = path.split("/")
        folder = root
        for part in parents:
            folder = folder.setdefault(part, {})
            assert isinstance(folder, dict), f"an input stands beneath another: {path}"
        assert name not in folder, f"two inputs at {path}"
        folder[name] = node
    return _seal(root, messages)


def _seal(root: dict[str, Any], messages: dict[str, bytes]) -> Digest:
    """The digest of a folder, the innermost first; no recursion, for sources may lie deep."""
    order, at = [root], 0
    while at < len(order):
        order += [node for node in order[at].values() if isinstance(node, dict)]
        at += 1
    sealed: dict[int, Digest] = {}
    for folder in reversed(order):
        files, directories = [], []
        for name, node in folder.items():
            if isinstance(node, dict):
                directories.append((name, sealed[id(node)]))
            elif isinstance(node, File):
                files.append((name, node.digest, node.executable))
            else:
                directories.append((name, node.digest))
        data = encode_directory(Directory(tuple(files), tuple(directories)))
        digest = sealed[id(folder)] = Digest.of(data)
        messages[f"directory {digest}"] = data
    return sealed[id(root)]


def explain(messages: Mapping[str, bytes]) -> dict[str, str]:
    """The parts of a key as words: name of the part -> its value; what `why` compares."""
    action, command = decode("Action", messages["action"]), decode("Command", messages["command"])
    parts = {f"argv {number}": word for number, word in enumerate(command["arguments"])}
    parts |= {
        f"env {pair['name']}": pair.get("value", "") for pair in command["environment_variables"]
    }
    parts |= {f"output {path}": "declared" for path in command["output_paths"]}
    parts |= {pair["name"]: pair.get("value", "") for pair in action["platform"]["properties"]}
    parts["timeout"] = f"{action.get('timeout', {}).get('seconds', 0)} s"
    parts["engine"] = action["salt"].decode()
    for path, node in inputs_of(messages).items():
        if isinstance(node, Tree):
            parts[f"input {path}/"] = node.digest.oci
        else:
            parts[f"input {path}"] = node.digest.oci + (" executable" if node.executable else "")
    return parts


def inputs_of(messages: Mapping[str, bytes]) -> dict[str, Node]:
    """What stood at each staged path, as the messages of a key tell; an output that is a folder is one Tree."""
    found: dict[str, Node] = {}
    waiting = [("", digest_of(decode("Action", messages["action"])["input_root_digest"]))]
    while waiting:
        prefix, digest = waiting.pop()
        data = messages.get(f"directory {digest}")
        if data is None:
            found[prefix.rstrip("/")] = Tree(digest)
            continue
        folder = decode_directory(data)
        for name, file, executable in folder.files:
            found[f"{prefix}{name}"] = File(file, executable)
        waiting += [(f"{prefix}{name}/", inner) for name, inner in reversed(folder.directories)]
    return found


def diff_parts(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The parts that differ as (part, before, after), sorted; an absent part is an empty string."""
    names = sorted(old.keys() | new.keys())
    return [
        (name, old.get(name, ""), new.get(name, ""))
        for name in names
        if old.get(name) != new.get(name)
    ]
