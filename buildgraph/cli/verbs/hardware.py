"""`buildgraph hardware WHAT`: the catalogue of boards, all that is known of one, and which one this device is."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from importlib import import_module
from typing import Any

from ...types.errors import FAILED, OK, BuildError, did_you_mean
from ...ui.json_document import print_document

WHAT = {
    "list": "every profile",
    "show": "all that is known of one, with its sources",
    "detect": "what this device is",
}
_TABLE = ("profile", "compiled for", "cores", "memory", "accelerator", "board")


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    told = "; ".join(f"{name}: {what}" for name, what in WHAT.items())
    parser.add_argument("what", choices=tuple(WHAT), help=told)
    parser.add_argument(
        "profile", nargs="?", default="", metavar="PROFILE", help="show: a name that `list` prints"
    )
    parser.add_argument(
        "--root",
        default="/",
        metavar="DIR",
        help="detect: look at a copy of a device's file system",
    )
    parser.epilog = "detect ends with 1 when no profile fits"


def run(options: Namespace) -> int:
    """Do what the first word says."""
    catalogue = import_module(
        "buildgraph.rules.boards.catalogue"
    )  # by name, for the rules' place differs from ours
    if (options.what == "show") != bool(options.profile):
        what = (
            "no profile is named" if options.what == "show" else f"{options.what} takes no profile"
        )
        raise BuildError(
            f"hardware {options.what}: {what}",
            fix="`buildgraph hardware show PROFILE` shows one; "
            "`buildgraph hardware list` lists them",
            reason="usage",
        )
    match options.what:
        case "show":
            return _show(catalogue, options)
        case "detect":
            return _detect(catalogue, options)
    return _list(catalogue, options)


def _list(catalogue: Any, options: Namespace) -> int:
    if options.json:
        print_document(
            {
                "boards": {name: _plain(board) for name, board in catalogue.BOARDS.items()},
                "micros": {name: asdict(core) for name, core in _micros().items()},
            }
        )
        return OK
    rows = [_TABLE] + [
        (
            name,
            board.core.cpu,
            str(board.cores),
            _memory(board.memory_mib),
            _gpu(board),
            board.title,
        )
        for name, board in catalogue.BOARDS.items()
    ]
    wide = [max(len(row[column]) for row in rows) for column in range(len(_TABLE))]
    for row in rows:
        print("  ".join(f"{text:<{width}}" for text, width in zip(row, wide)).rstrip())
    print("\ncores of microcontrollers, for the rule `firmware` (experimental)")
    for name, core in _micros().items():
        print(
            f"{name:<{wide[0]}}  {core.cpu:<{wide[1]}}  floating point in hardware: {core.floats}"
        )
    return OK


def _micros() -> Mapping[str, Any]:
    """The cores that `firmware` knows."""
    cores: Mapping[str, Any] = import_module("buildgraph.rules.boards.microcontrollers").MICROS
    return cores


def _gpu(board: Any) -> str:
    found = board.accelerator
    return f"{found.kind.partition(' (')[0]} {found.cuda}".strip() if found else ""


def _memory(mib: int) -> str:
    return f"{mib >> 10} GiB" if mib >= 1024 else f"{mib} MiB"


def _show(catalogue: Any, options: Namespace) -> int:
    board = catalogue.BOARDS.get(options.profile)
    if board is None:
        hint = (
            did_you_mean(options.profile, catalogue.BOARDS)
            or "`buildgraph hardware list` lists them"
        )
        raise BuildError(f"no hardware profile {options.profile!r}", fix=hint, reason="usage")
    used = _documents(board, catalogue.SOURCES)
    if options.json:
        print_document(
            {
                "profile": options.profile,
                "board": _plain(board),
                "sources": {name: asdict(source) for name, source in used.items()},
            }
        )
        return OK
    print(options.profile)
    for name, source in board.sources.items():
        for number, line in enumerate(_told(getattr(board, name))):
            print(
                f"  {name if not number else '':<12} {line}"
                + (f"  [{source}]" if not number else "")
            )
    print("\nsources")
    for name, document in used.items():
        read = " ".join(
            f"{word} {day},"
            for word, day in (("of", document.dated), ("read", document.retrieved))
            if day
        )
        print(f"  {name:<17} {document.what}" + (f" ({read.rstrip(',')})" if read else ""))
    return OK


def _documents(board: Any, sources: Mapping[str, Any]) -> dict[str, Any]:
    """The documents that a board's facts name, in the order in which they do."""
    words = " ".join(board.sources.values()).replace(";", " ").split()
    return {word: sources[word] for word in dict.fromkeys(words) if word in sources}


def _told(value: Any) -> list[str]:
    """A fact as lines of text: a record a line, with those of its fields that say something."""
    if isinstance(value, Mapping):
        return [", ".join(f"{key} ({_memory(size)})" for key, size in value.items())]
    if is_dataclass(value):
        return [
            ", ".join(
                f"{item.name.replace('_', ' ')} {getattr(value, item.name)}"
                for item in fields(value)
                if getattr(value, item.name)
            )
        ]
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return [line for item in value for line in _told(item)]
    return [", ".join(map(str, value))] if isinstance(value, tuple) else [str(value)]


def _plain(board: Any) -> dict[str, Any]:
    """A board as JSON can hold it."""
    return {item.name: _json(getattr(board, item.name)) for item in fields(board)}


def _json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return [_json(item) for item in value] if isinstance(value, tuple) else value


def _detect(catalogue: Any, options: Namespace) -> int:
    detection = import_module("buildgraph.rules.boards.detect")
    if not os.path.isdir(options.root):
        raise BuildError(
            f"no folder {options.root!r}",
            fix="--root wants the top of a device's file system",
            reason="usage",
        )
    device = detection.facts(detection.read_files(options.root))
    found = detection.match(device, catalogue.BOARDS, catalogue.MIDR)
    jetpack = catalogue.RELEASES.get(device.l4t, "")
    if options.json:
        told = asdict(device) | {
            "modes": {str(number): name for number, name in device.modes.items()}
        }
        print_document({"device": told, "jetpack": jetpack, "match": asdict(found)})
    else:
        from ..format_device import format_device

        print("\n".join(format_device(device, found, catalogue.BOARDS.get(found.profile), jetpack)))
    return OK if found.profile else FAILED
