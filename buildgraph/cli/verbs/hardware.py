"""`buildgraph hardware list|show|detect`: the catalogue of boards, and the board of this device."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from importlib import import_module
from typing import Any

from ...types.errors import FAILED, OK, BuildError, did_you_mean
from ...ui.json_document import print_document

COMMANDS = {
    "list": "list all profiles",
    "show": "show the facts about a profile with their sources, or those of a target",
    "detect": "find the profile of this device; the exit code is 1 if none fits",
}
_COLUMNS = ("profile", "compiled for", "cores", "memory", "accelerator", "board")


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument("what", choices=tuple(COMMANDS), help="command to run (see below)")
    parser.add_argument(
        "profile", nargs="?", default="", metavar="PROFILE", help="show: profile or target to show"
    )
    parser.add_argument(
        "--root",
        default="/",
        metavar="DIR",
        help="detect: root folder of the device's file system, or of a copy (default: /)",
    )
    commands = (f"  {name:<8}{summary}" for name, summary in COMMANDS.items())
    parser.epilog = "\n".join(["commands:", *commands])


def run(options: Namespace) -> int:
    """Run the command that the first argument names."""
    # Imported by name: in a source tree, the package `rules` is not below `buildgraph`.
    catalogue = import_module("buildgraph.rules.boards.catalogue")
    if (options.what == "show") != bool(options.profile):
        problem = (
            "no profile is named" if options.what == "show" else f"{options.what} takes no profile"
        )
        raise BuildError(
            f"hardware {options.what}: {problem}",
            fix="`buildgraph hardware show PROFILE` shows a profile; "
            "`buildgraph hardware list` lists all",
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
                "boards": {name: _to_json(board) for name, board in catalogue.BOARDS.items()},
                "micros": {name: asdict(core) for name, core in _mcu_cores().items()},
            }
        )
        return OK
    rows = [_COLUMNS] + [
        (
            name,
            board.core.cpu,
            str(board.cores),
            _format_memory(board.memory_mib),
            _format_accelerator(board.accelerator),
            board.title,
        )
        for name, board in catalogue.BOARDS.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{text:<{width}}" for text, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    print("\nmicrocontroller cores for the rule `firmware` (experimental)")
    cores = _mcu_cores()
    cpu_width = max(len(core.cpu) for core in cores.values())
    for name, core in cores.items():
        print(
            f"{name:<{widths[0]}}  {core.cpu:<{cpu_width}}  hardware floating point: {core.floats}"
        )
    return OK


def _mcu_cores() -> Mapping[str, Any]:
    """Return the microcontroller cores of the rule `firmware`."""
    cores: Mapping[str, Any] = import_module("buildgraph.rules.boards.microcontrollers").MICROS
    return cores


def _format_accelerator(accelerator: Any) -> str:
    if not accelerator:
        return ""
    return f"{accelerator.kind.partition(' (')[0]} {accelerator.cuda}".strip()


def _format_memory(mib: int) -> str:
    return f"{mib >> 10} GiB" if mib >= 1024 else f"{mib} MiB"


def _show(catalogue: Any, options: Namespace) -> int:
    if ":" in options.profile:
        from ..show_board import show_board

        show_board(options.profile, json=options.json)
        return OK
    board = catalogue.BOARDS.get(options.profile)
    if board is None:
        raise BuildError(
            f"no hardware profile {options.profile!r}",
            fix=did_you_mean(options.profile, catalogue.BOARDS)
            or "`buildgraph hardware list` lists all profiles",
            reason="usage",
        )
    sources = _cited_sources(board, catalogue.SOURCES)
    facts = import_module("buildgraph.rules.boards.facts")
    rows = [*(row for name in board.sources for row in facts.facts_of(name)), *facts.facts_of("")]
    if options.json:
        print_document(
            {
                "profile": options.profile,
                "board": _to_json(board),
                "facts": [asdict(row) for row in rows],
                "sources": {name: asdict(source) for name, source in sources.items()},
            }
        )
        return OK
    print(options.profile)
    for name, source in board.sources.items():
        first, *more = _format_fact(getattr(board, name))
        print(f"  {name:<13} {first}  [{source}]")
        for line in more:
            print(f"  {'':<13} {line}")
    print("\nread as")
    for row in rows:
        key = f"  (key `{row.key}`)" if row.key else ""
        print(f"  {row.board or row.hardware:<24} {row.use:<12} {row.what}{key}")
    print("\nsources")
    for name, source in sources.items():
        dates = [f"of {source.dated}"] if source.dated else []
        dates += [f"read {source.retrieved}"] if source.retrieved else []
        print(f"  {name:<17} {source.what}" + (f" ({', '.join(dates)})" if dates else ""))
    return OK


def _cited_sources(board: Any, sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sources that the board's facts cite, in the order of the citations."""
    names = " ".join(board.sources.values()).replace(";", " ").split()
    return {name: sources[name] for name in dict.fromkeys(names) if name in sources}


def _format_fact(value: Any) -> list[str]:
    """Format a fact as lines; a record is one line with those of its fields that are not empty."""
    if isinstance(value, Mapping):
        return [", ".join(f"{key} ({_format_memory(size)})" for key, size in value.items())]
    if is_dataclass(value):
        return [
            ", ".join(
                f"{item.name.replace('_', ' ')} {getattr(value, item.name)}"
                for item in fields(value)
                if getattr(value, item.name)
            )
        ]
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return [line for item in value for line in _format_fact(item)]
    return [", ".join(map(str, value))] if isinstance(value, tuple) else [str(value)]


def _to_json(board: Any) -> dict[str, Any]:
    return {item.name: _value_to_json(getattr(board, item.name)) for item in fields(board)}


def _value_to_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return [_value_to_json(item) for item in value] if isinstance(value, tuple) else value


def _detect(catalogue: Any, options: Namespace) -> int:
    detection = import_module("buildgraph.rules.boards.detect")
    if not os.path.isdir(options.root):
        raise BuildError(
            f"no folder {options.root!r}",
            fix="--root requires the root folder of a device's file system",
            reason="usage",
        )
    device = detection.facts(detection.read_files(options.root))
    matching = import_module("buildgraph.rules.boards.match")
    match = matching.match(device, catalogue.BOARDS, catalogue.MIDR)
    jetpack = catalogue.RELEASES.get(device.l4t, "")
    if options.json:
        modes = {str(number): name for number, name in device.modes.items()}
        facts = asdict(device) | {"modes": modes}
        print_document({"device": facts, "jetpack": jetpack, "match": asdict(match)})
    else:
        from ..format_device import format_device

        print("\n".join(format_device(device, match, catalogue.BOARDS.get(match.profile), jetpack)))
    return OK if match.profile else FAILED
