"""The catalogue of boards: complete, with sources, in words that the tools know."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from buildgraph import BuildError, Size
from rules.boards import BOARDS, SOURCES, Board, Core
from rules.hardware import hardware
from tests.needs import need
from tests.unit.rules.table import ctx

CORES = sorted({board.core for board in BOARDS.values()}, key=lambda core: core.cpu)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_fact_has_a_source(board: Board) -> None:
    facts = {"core", "memory_mib"} | {name for name in ("accelerator", "l4t", "storage", "power_modes")
                                      if getattr(board, name)}
    assert set(board.sources) == facts
    for source in board.sources.values():
        assert source.split(" ")[0] in SOURCES or source.startswith("a placeholder")


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_facts_are_possible(board: Board) -> None:
    assert 1 <= board.cores <= 64 and 256 <= board.memory_mib <= 1 << 20
    assert all(watts >= 0 for watts in board.power_modes.values())
    assert board.core.triple.split("-")[0] == {"arm64": "aarch64", "amd64": "x86_64"}[board.core.arch]


def test_the_emulator_knows_every_core() -> None:
    # It ends with an error after the list, for it was given no program.
    known = subprocess.run([need("qemu-aarch64-static"), "-cpu", "help"], capture_output=True, text=True, check=False)
    assert {core.qemu_cpu for core in CORES if core.arch == "arm64"} <= set(known.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES, ids=lambda core: core.cpu)
def test_the_compiler_knows_every_core(core: Core, tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int a;\n")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", core.triple, f"-mcpu={core.cpu}", "-c", "a.c"]
    env = {"PATH": "/usr/bin:/bin", "ZIG_GLOBAL_CACHE_DIR": str(tmp_path), "ZIG_LOCAL_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and (tmp_path / "a.o").exists(), done.stderr


def test_hardware_overrides_what_differs() -> None:
    plain, changed = hardware(ctx(), "raspberry-pi-5"), hardware(ctx(), "raspberry-pi-5", cores=2, memory=Size(1 << 30))
    assert (plain.cores, plain.memory) == (4, 8 << 30) and (changed.cores, changed.memory) == (2, 1 << 30)
    assert plain.cpu == changed.cpu == "cortex_a76"


def test_hardware_refuses_with_what_there_is() -> None:
    with pytest.raises(BuildError, match="no hardware profile 'orin'") as unknown:
        hardware(ctx(), "orin")
    assert "jetson-orin-nano-8g" in unknown.value.fix
    with pytest.raises(BuildError, match="has no power mode '15w'") as mode:
        hardware(ctx(), "jetson-orin-nano-8g", power_mode="15w")
    assert "15W" in mode.value.fix
    with pytest.raises(BuildError, match="has no power mode") as none:
        hardware(ctx(), "raspberry-pi-5", power_mode="15W")
    assert none.value.fix == "it has none"
