"""The catalogue of boards: complete, with sources, in words that the tools know."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest

from buildgraph import BuildError, Size, Source
from rules.boards.catalogue import BOARDS, MIDR, RELEASES, SOURCES, Board, Core
from rules.boards.choose_core import choose_core
from rules.coalition import Agent, coalition
from rules.export import Export, export
from rules.hardware import hardware
from rules.model import model
from tests.support.requirements import need_module
from tests.support.rule_context import chain, ctx, maker, written

THIRTEEN = {
    "jetson-nano",
    "jetson-xavier-nx",
    "jetson-orin-nano-8g",
    "jetson-orin-nx-16g",
    "jetson-agx-orin-64g",
    "jetson-agx-thor-t5000",
    "raspberry-pi-zero-2w",
    "raspberry-pi-4b",
    "raspberry-pi-5",
    "mac-mini-m2",
    "mac-mini-m4",
    "intel-nuc",
    "coral-dev",
}
# Features of the compiler that say how code is arranged or observed, not which instructions exist.


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_fact_has_a_source(board: Board) -> None:
    known = {item.name: getattr(board, item.name) for item in fields(board)}
    assert set(board.sources) == {
        name for name, value in known.items() if value or value is False
    } - {"sources"}
    for source in board.sources.values():
        assert all(part.split()[0] in SOURCES for part in source.split("; ")), source


def test_every_source_is_used_and_dated() -> None:
    words = {
        part.split()[0]
        for board in BOARDS.values()
        for source in board.sources.values()
        for part in source.split("; ")
    }
    # The others are of tables: part numbers, containers, system calls, reserved memory.
    assert set(SOURCES) == words | {"midr", "l4t-containers", "syscalls", "reserve"}
    undated = {
        name
        for name, source in SOURCES.items()
        if not re.fullmatch(r"2026-11-\d\d", source.retrieved)
    }
    assert undated == {"placeholder", "reserve"}


def test_the_boards_of_the_catalogue() -> None:
    assert THIRTEEN <= set(BOARDS)
    assert {name for name, board in BOARDS.items() if board.software} == {
        n for n in BOARDS if n.startswith("jetson-")
    }
    lines = {line.l4t for board in BOARDS.values() for line in board.software}
    assert all(any(f"{release}.".startswith(f"{line}.") for release in RELEASES) for line in lines)


def test_no_name_means_two_boards() -> None:
    names = [
        (board.core.arch, name)
        for board in BOARDS.values()
        for name in (*board.modules, *board.compatible)
    ]
    assert len(names) == len(set(names))
    for board in BOARDS.values():
        modes = [mode.name for mode in board.power_modes]
        assert len(modes) == len(set(modes))


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_facts_are_possible(board: Board) -> None:
    assert 1 <= board.cores <= 64 and 256 <= board.memory_mib <= 1 << 20
    assert all(
        0 <= mode.watts <= 200 and 0 <= mode.cores <= board.cores for mode in board.power_modes
    )
    assert not board.memory_sold or board.memory_mib in board.memory_sold
    assert not board.modules or board.memory_mib in board.modules.values()
    assert board.core.triple.split("-")[0] == {"arm64": "aarch64", "amd64": "x86_64"}.get(
        board.core.arch, board.core.arch
    )


def test_boards_with_equal_code_share_their_core() -> None:
    by_code: dict[tuple[str, str], set[Core]] = {}
    for board in BOARDS.values():
        by_code.setdefault((board.core.triple, board.core.cpu), set()).add(board.core)
    assert all(len(cores) == 1 for cores in by_code.values())
    assert (
        BOARDS["jetson-orin-nano-8g"].core
        == BOARDS["jetson-agx-orin-64g"].core
        == BOARDS["jetson-orin-nx-8g"].core
    )
    assert (
        BOARDS["raspberry-pi-5"].core
        == BOARDS["jetson-agx-thor-t5000"].core
        == BOARDS["mac-mini-m4"].core
    )
    assert BOARDS["raspberry-pi-5"].core != BOARDS["jetson-orin-nano-8g"].core


def test_boards_with_equal_cores_share_all_but_the_limits() -> None:
    def built(profile: str) -> Export:
        agents = {"heater": Agent(model(ctx("//m:heater"), Source("package/heater.npz")))}
        return export(ctx(), coalition(ctx(), agents), hardware(ctx(), profile))

    def actions(profile: str) -> list[tuple[object, ...]]:
        result = built(profile)
        return written(chain(result.image, result.gates[0].verdict))

    def limits(profile: str) -> list[tuple[object, ...]]:
        return written([maker(built(profile).gates[1].verdict)])

    orin = "jetson-orin-nano-8g"
    orins = [profile for profile in BOARDS if BOARDS[profile].core == BOARDS[orin].core]
    assert len(orins) == 5 and all(actions(other) == actions(orin) for other in orins)
    assert actions("raspberry-pi-5") != actions(orin) != actions("jetson-xavier-nx")
    assert limits("jetson-orin-nx-16g") != limits(orin)  # other memory


def test_every_core_is_the_one_that_the_compilers_table_chooses() -> None:
    for board in BOARDS.values():
        assert choose_core(board.core.cpu, board.core.arch) == board.core


def test_part_numbers_are_those_that_the_compiler_knows() -> None:
    need_module("ziglang")
    spec = find_spec("ziglang")
    assert spec is not None and spec.origin
    text = (Path(spec.origin).parent / "lib/std/zig/system/arm.zig").read_text()
    for name, (implementer, part) in MIDR.items():
        table = text[text.index({0x41: "const Arm = ", 0x4E: "const Nvidia = "}[implementer]) :]
        match = re.search(rf"\.part = 0x{part:03x}, .*?A(?:64|32)\.(\w+)", table)
        known = name.replace("-", "_")
        assert match and match[1] in (known, known.replace("jzf", "jz"))
    arms = {board.uarch for board in BOARDS.values() if board.core.arch in ("arm", "arm64")}
    assert arms == {*MIDR, "apple-m2", "apple-m4", "armv7-a"}


def test_hardware_overrides_what_differs() -> None:
    plain, changed = (
        hardware(ctx(), "raspberry-pi-5"),
        hardware(ctx(), "raspberry-pi-5", cores=2, memory=Size(1 << 30)),
    )
    assert (plain.cores, plain.memory) == (4, 8 << 30) and (changed.cores, changed.memory) == (
        2,
        1 << 30,
    )
    assert plain.cpu == changed.cpu == "cortex_a76"


def test_a_microcontroller_is_no_board() -> None:
    with pytest.raises(BuildError, match="no hardware profile 'cortex-m4f'") as core:
        hardware(ctx(), "cortex-m4f")
    assert "`firmware`" in core.value.fix


def test_hardware_refuses_with_what_there_is() -> None:
    with pytest.raises(BuildError, match="no hardware profile 'orin'") as unknown:
        hardware(ctx(), "orin")
    assert "jetson-orin-nano-8g" in unknown.value.fix
    with pytest.raises(BuildError, match="has no power mode '15w'") as mode:
        hardware(ctx(), "jetson-orin-nano-8g", power_mode="15w")
    assert "15W" in mode.value.fix
    with pytest.raises(BuildError, match="has no power mode") as none:
        hardware(ctx(), "raspberry-pi-5", power_mode="15W")
    assert none.value.fix == "it has none that is known"
