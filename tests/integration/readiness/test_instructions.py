"""Instructions counted by the plugin of QEMU: exact, and the same again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import compile_counter
import numpy as np
import pytest
from agentc.codegen.native_files import native
from agentc.toolchain.zig import compile_object, link_program
from readiness.instructions import (
    APIS,
    CLOCK,
    CannotCountError,
    Counter,
    CountError,
    counted,
    method,
    version,
)
from readiness.requests import Request

from tests.support.native_runs import built, proved_scout, seen
from tests.support.requirements import need, need_module

pytestmark = pytest.mark.xdist_group("count")
LOOPS = {
    "x86_64": (2, '"1: dec %0\\n jnz 1b\\n" : "+r"(rounds) : : "cc"'),
    "aarch64": (2, '"1: subs %0, %0, #1\\n b.ne 1b\\n" : "+r"(rounds) : : "cc"'),
    "arm": (2, '"1: subs %0, %0, #1\\n bne 1b\\n" : "+r"(rounds) : : "cc"'),
    "riscv64": (2, '"1: addi %0, %0, -1\\n bnez %0, 1b\\n" : "+r"(rounds)'),
}
"""Instructions of one round of a loop, and its assembly."""
TARGETS = {
    "x86_64": ("x86_64-linux-musl", "x86_64_v3", "max"),
    "aarch64": ("aarch64-linux-musl", "cortex_a53", "cortex-a53"),
    "arm": ("arm-linux-musleabihf", "cortex_a7", "cortex-a7"),
    "riscv64": ("riscv64-linux-musl", "baseline_rv64", "rv64"),
}
PROGRAM = """
static void read_clock(void) { word t[2]; system_call(SYS_CLOCK, 1, (word)t, 0, 0, 0); }
__attribute__((noinline)) static void measured(word rounds) {
    read_clock();
    __asm__ volatile(%s);
    read_clock();
}
_Noreturn __attribute__((used)) void enter(word *stack) {
    (void)stack;
    for (word rounds = 1000; rounds <= 5000; rounds += 1000) measured(rounds);
    for (;;) system_call(SYS_EXIT, 0, 0, 0, 0, 0);
}
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled plugins."""
    need_module("ziglang")
    folder = tmp_path_factory.mktemp("counter")
    assert compile_counter.main(["--out", str(folder)]) == 0
    return folder


@pytest.mark.parametrize("processor", TARGETS)
def test_the_rounds_of_a_loop_are_counted_exactly(
    plugins: Path, processor: str, tmp_path: Path
) -> None:
    emulator = need(f"qemu-{processor}")
    each, assembly = LOOPS[processor]
    triple, cpu, core = TARGETS[processor]
    source = tmp_path / "loop.c"
    source.write_text(native(("agent.h", "syscalls.h")) + PROGRAM % assembly)
    compile_object(source, (triple, cpu), tmp_path / "loop.o")
    link_program([tmp_path / "loop.o"], triple, tmp_path / "loop")
    plugin = f"{plugins}/1.so,out={tmp_path}/counts,syscall={CLOCK[processor]}"
    words = [emulator, "-cpu", core, "-plugin", plugin, str(tmp_path / "loop")]
    subprocess.run(words, check=True, timeout=60)
    totals = np.fromfile(tmp_path / "counts", "<u8").astype(np.int64)
    assert len(totals) == 10
    spans = totals[1::2] - totals[::2]
    assert np.diff(spans).tolist() == [1000 * each] * 4
    assert 0 < spans[0] - 1000 * each < 40  # the system call and its arguments


def test_steps_are_counted_and_resets_are_not(
    plugins: Path,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator = need("qemu-aarch64")
    target = TARGETS["aarch64"][:2]
    program = built(proved_scout(tmp_path_factory), tmp_path, target=target)
    monkeypatch.chdir(program.parent)
    walk = [Request('{"reset":true}', is_step=False)]
    walk += [Request(seen(k), is_step=True) for k in range(20)]
    counter = Counter(emulator, "cortex-a53", plugins)
    first, second = (counted(counter, Path(program.name), walk * 2) for _ in range(2))
    assert len(first) == 40 and first.tolist() == second.tolist()
    assert first[:20].tolist() == first[20:].tolist()  # a reset starts over
    assert len(set(first.tolist())) > 1
    worst = counted(counter, Path(program.name), walk, "--worst")
    assert (worst >= first[:20]).all() and worst.max() > first.max()
    with pytest.raises(CountError, match="modality 0"):
        counted(counter, Path(program.name), [Request('{"scout":[9]}', is_step=True)])


@pytest.mark.parametrize("processor", ["aarch64", "riscv64"])
def test_the_log_of_an_emulator_without_plugins_has_the_same_counts(
    plugins: Path,
    processor: str,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two mechanisms of two builds of QEMU count the same steps."""
    *target, core = TARGETS[processor]
    program = built(proved_scout(tmp_path_factory), tmp_path, target=(target[0], target[1]))
    monkeypatch.chdir(program.parent)
    walk = [Request('{"reset":true}', is_step=False)]
    walk += [Request(seen(k), is_step=True) for k in range(20)]
    plugin, trace = (
        Counter(need(f"qemu-{processor}{end}"), core, plugins) for end in ("", "-static")
    )
    assert (method(plugin), method(trace)) == ("plugin", "trace")
    assert trace.processor == processor
    for words in ((), ("--worst",)):
        one, other = (counted(each, Path(program.name), walk, *words) for each in (plugin, trace))
        assert one.tolist() == other.tolist()
    with pytest.raises(CountError, match="ended before its last step"):
        counted(trace, Path(program.name), [Request("{", is_step=True)] * 2)


def test_an_emulator_that_cannot_count_says_so(plugins: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotCountError, match="true loads no plugins"):
        counted(Counter("true", "max", plugins), tmp_path, [])
    assert version(need("qemu-aarch64"))[0].isdigit()
    assert version("true") == "of an unknown version"


def test_the_plugins_are_reproducible_and_need_no_library(plugins: Path, tmp_path: Path) -> None:
    program = Path(compile_counter.__file__)
    subprocess.run([sys.executable, str(program), "--out", str(tmp_path)], check=True, timeout=120)
    for api in APIS:
        data = (tmp_path / f"{api}.so").read_bytes()
        assert data == (plugins / f"{api}.so").read_bytes()
        assert b"qemu_plugin_version" in data and b"libc" not in data
    assert (tmp_path / "1.so").read_bytes() != (tmp_path / "2.so").read_bytes()
