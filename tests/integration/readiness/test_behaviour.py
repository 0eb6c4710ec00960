"""Checks of a running program: scripts that break one promise each, and a real agent."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import emulate_program
import pytest
from agentc.toolchain.zig import SMALL, compile_object, link_program
from readiness.behaviour import bad_input_check, bad_lines, stop_check
from readiness.replay import machine

from tests.support.native_agents import Compiled
from tests.support.native_runs import built, proved_scout
from tests.support.requirements import need, need_module

HERE = machine([])
LOOP = """
import json, sys
for line in sys.stdin.buffer:
    try:
        good = json.loads(line) == {"reset": True}
    except Exception:
        good = False
    %s
    print(json.dumps({"reset": True} if good else {"error": "no"}), flush=True)
"""
SCRIPTS = {
    "pass": ("", "passed", ""),
    "crash": ("if line[:1] == b'[': sys.exit(3)", "failed", "ended with exit code 3 after 3"),
    "silence": ("if len(line) > 60000: continue", "failed", "got no error as its answer"),
    "acceptance": ("good = good or b'-1' in line", "failed", "[-1]}' got no error as its answer"),
    "signal": ("if len(line) > 60000: import os; os.abort()", "failed", "ended with SIGABRT"),
}


def script(folder: Path, text: str) -> list[str]:
    (folder / "agent.py").write_text(text)
    return [sys.executable, "-S", str(folder / "agent.py")]


@pytest.mark.parametrize("case", SCRIPTS)
def test_bad_input(case: str, tmp_path: Path) -> None:
    line, verdict, why = SCRIPTS[case]
    check = bad_input_check(script(tmp_path, LOOP % (line or "pass")), "scout", HERE)
    assert (check.verdict, check.limit) == (verdict, len(bad_lines("scout")))
    assert why in check.why and (check.measured == check.limit) == (case == "pass")


def test_the_end_on_sigterm(tmp_path: Path) -> None:
    text = "import signal, sys\nsignal.signal(15, lambda *_: %s)\nprint(input(), flush=True)\n%s"
    ends = script(tmp_path, text % ("sys.exit(0)", "sys.stdin.read()"))
    assert stop_check(ends, HERE).verdict == "passed"
    for action, why in (("sys.exit(4)", "exit code 4"), ("signal.raise_signal(6)", "SIGABRT")):
        check = stop_check(script(tmp_path, text % (action, "sys.stdin.read()")), HERE)
        assert (check.verdict, check.why) == ("failed", f"it ended with {why}")
    check = stop_check(script(tmp_path, "import sys\nsys.exit(0)"), HERE)
    assert (check.verdict, check.why) == ("failed", "it gave no answer to a request")


def test_a_program_that_ignores_sigterm_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("readiness.behaviour.STOP_S", 0.3)
    text = "import signal\nsignal.signal(15, signal.SIG_IGN)\nprint(1, flush=True)\nsignal.pause()"
    check = stop_check(script(tmp_path, text), HERE)
    assert (check.verdict, check.why) == ("failed", "it did not end within 0.3 s")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return proved_scout(tmp_path_factory)


def judge(program: Path, agent: Compiled, out: Path, *words: str) -> int:
    """Run the gate's program in the folder of the agent's program."""
    paths = [agent.path("proof.json"), agent.path("probe")]
    argv = [program.name, *words, "--agent", "scout", *paths, "--out", str(out)]
    before = os.getcwd()
    os.chdir(program.parent)
    try:
        return emulate_program.main(argv)
    finally:
        os.chdir(before)


@pytest.mark.slow
def test_a_compiled_agent_passes(agent: Compiled, tmp_path: Path) -> None:
    assert judge(built(agent, tmp_path / "p"), agent, tmp_path / "e.json") == 0
    document = json.loads((tmp_path / "e.json").read_text())
    assert {check["name"]: check["verdict"] for check in document["checks"]} == {
        "selftest": "passed",
        "bits of scout": "passed",
        "bad input": "passed",
        "SIGTERM": "passed",
    }


@pytest.mark.slow
def test_an_instruction_that_the_core_lacks_is_named(
    agent: Compiled, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A program with an atomic instruction of ARMv8.1 runs on a Cortex-A76 and not on an A53."""
    emulator = need("qemu-aarch64-static")
    need_module("ziglang")
    target = ("aarch64-linux-musl", "cortex_a76")
    code = (
        'void _start(void) { __asm__("swpal w1, w0, [sp]\\n mov x8, 94\\n mov x0, 0\\n svc 0"); }'
    )
    (tmp_path / "a.c").write_text(code)
    compile_object(tmp_path / "a.c", target, tmp_path / "a.o", SMALL)
    link_program([tmp_path / "a.o"], target[0], tmp_path / "agent")
    words = ["--run", emulator, "--run=-cpu", "--run", "cortex-a53", "--cpu", "cortex_a76"]
    assert judge(tmp_path / "agent", agent, tmp_path / "e.json", *words) == 1
    checks = {
        check["name"]: check for check in json.loads((tmp_path / "e.json").read_text())["checks"]
    }
    assert checks["bits of scout"]["measured"] == "SIGILL"
    assert checks["bits of scout"]["why"] == (
        "agent scout: the program was killed by SIGILL (an instruction that the core does not "
        "have) on emulated cortex-a53, and was compiled for cortex_a76"
    )
    words[4] = "cortex-a76"
    assert judge(tmp_path / "agent", agent, tmp_path / "e.json", *words) == 1
    assert "SIGILL" not in (tmp_path / "e.json").read_text()
