"""The key of an action: the digest of its REAPI v2 `Action` message, and the messages that explain
it.

The messages contain everything that can influence the outputs of an action: argv, declared outputs,
environment, the Merkle tree of its inputs at their staged paths, and the identities of the host
tools that it runs. They contain no label, title, host path, user or time. The verb `why` decodes
the bytes that were hashed, so it cannot differ from the key.
"""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import Record
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

SALT = b"buildgraph 1"
"""A part of each key.

A new number makes all stored results misses; needed when the contract of a tool changes.
"""
SOURCE = "source "
"""The prefix of names under which small sources are recorded with a key; they are no messages of
it.
"""


class Key(Record):
    """The digest that identifies the result of an action, and the hashed messages by name."""

    digest: Digest
    messages: Mapping[str, bytes]


def key_of(
    action: Action, inputs: Iterable[tuple[str, Node]], identities: Mapping[str, str]
) -> Key:
    """The key of an action whose inputs are known.

    `inputs` are (staged path, node). `identities` maps `program:NAME` and `distribution:NAME` to
    the identity of that tool on this host.
    """
    messages: dict[str, bytes] = {}
    root = _merkle_root(inputs, messages)
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


def _merkle_root(inputs: Iterable[tuple[str, Node]], messages: dict[str, bytes]) -> Digest:
    """The digest of the folder of all inputs. Adds the messages of its folders to `messages`."""
    root: dict[str, Any] = {}
    for path, node in inputs:
        *parents, name = path.split("/")
        folder = root
        for part in parents:
            folder = folder.setdefault(part, {})
            assert isinstance(folder, dict), f"an input is below another one: {path}"
        assert name not in folder, f"two inputs at {path}"
        folder[name] = node
    return _hash_folders(root, messages)


def _hash_folders(root: dict[str, Any], messages: dict[str, bytes]) -> Digest:
    """The digest of a folder.

    Hashes the innermost folders first, and without recursion: trees may be deep.
    """
    order, at = [root], 0
    while at < len(order):
        order += [node for node in order[at].values() if isinstance(node, dict)]
        at += 1
    digests: dict[int, Digest] = {}
    for folder in reversed(order):
        files, directories = [], []
        for name, node in folder.items():
            if isinstance(node, dict):
                directories.append((name, digests[id(node)]))
            elif isinstance(node, File):
                files.append((name, node.digest, node.executable))
            else:
                directories.append((name, node.digest))
        data = encode_directory(Directory(tuple(files), tuple(directories)))
        digest = digests[id(folder)] = Digest.of(data)
        messages[f"directory {digest}"] = data
    return digests[id(root)]


def explain(messages: Mapping[str, bytes]) -> dict[str, str]:
    """The parts of a key as text, by name, such as "argv 0" or "input a/b"."""
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
    """The inputs of a key by staged path.

    A folder that is an output of another action is one Tree.
    """
    inputs: dict[str, Node] = {}
    waiting = [("", digest_of(decode("Action", messages["action"])["input_root_digest"]))]
    while waiting:
        prefix, digest = waiting.pop()
        data = messages.get(f"directory {digest}")
        if data is None:
            inputs[prefix.rstrip("/")] = Tree(digest)
            continue
        folder = decode_directory(data)
        for name, file, executable in folder.files:
            inputs[f"{prefix}{name}"] = File(file, executable)
        waiting += [(f"{prefix}{name}/", inner) for name, inner in reversed(folder.directories)]
    return inputs


def diff_parts(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The parts that differ, as (name, old value, new value), sorted by name.

    A missing part is empty.
    """
    names = sorted(old.keys() | new.keys())
    return [
        (name, old.get(name, ""), new.get(name, ""))
        for name in names
        if old.get(name) != new.get(name)
    ]
