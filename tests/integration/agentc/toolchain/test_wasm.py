"""WebAssembly is one more target: the same program gives the same bits in node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import link_module
import pytest
from agentc.proof.replay import load_probe
from agentc.toolchain.wasm import CPU
from agentc.toolchain.zig import host_target

from tests.support.native_agents import Compiled, linked, main_text
from tests.support.requirements import need, need_module

from .test_zig import MODELS, agent_of

RECORDS = 2_000_000  # bytes of records that are replayed, at least
RUN_MODULE = Path(__file__).parents[3] / "support/node/run_module.mjs"


def module_of(agent: Compiled, folder: Path, cpu: str = CPU) -> Path:
    output = folder / f"{cpu}.wasm"
    main = main_text([agent], folder / "main")
    words = [str(main), "--agent", str(agent.folder / "agent.c"), "--cpu", cpu]
    assert link_module.main([*words, "--out", str(output)]) == 0
    return output


def run(command: list[str], text: bytes) -> bytes:
    return subprocess.run(command, input=text, capture_output=True, check=True, timeout=300).stdout


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_the_module_replays_the_bits_of_this_host(model: str, tmp_path: Path) -> None:
    need_module("ziglang")
    node = need("node")
    agent = agent_of(tmp_path, model)
    records = load_probe(agent.folder / "probe").records().tobytes()
    records *= -(-RECORDS // len(records)) if model == "plain" else 1
    program = linked([agent], main_text([agent], tmp_path / "main"), host_target())
    expected = run([str(program), "--replay", "agent"], records)
    for cpu in ("generic", CPU):
        module = module_of(agent, tmp_path, cpu)
        replayed = run([node, str(RUN_MODULE), str(module), "--replay", "agent"], records)
        assert replayed == expected, cpu
        print(f"{model} {cpu}: {module.stat().st_size} bytes, {len(records)} bytes of records")


@pytest.mark.slow
def test_the_module_answers_lines_without_blocking(tmp_path: Path) -> None:
    need_module("ziglang")
    node = need("node")
    agent = agent_of(tmp_path)
    lines = b'{"agent":[1,2,3]}\n{"agent":[0,0,1]}\n{"agent":[9,0,1]}\n{"reset":true}\n'
    lines += b'{"agent":[1,2,3]}\n'
    program = linked([agent], main_text([agent], tmp_path / "main"), host_target())
    expected = run([str(program), "--beliefs"], lines)
    answered = run([node, str(RUN_MODULE), str(module_of(agent, tmp_path))], lines)
    assert answered == expected
    assert expected.count(b'"qs"') == 3 and expected.count(b'"error"') == 1


@pytest.mark.slow
def test_equal_sources_give_equal_modules(tmp_path: Path) -> None:
    need_module("ziglang")
    agent = agent_of(tmp_path)
    (tmp_path / "other").mkdir()
    modules = [module_of(agent, folder).read_bytes() for folder in (tmp_path, tmp_path / "other")]
    assert modules[0] == modules[1]


def test_a_source_that_does_not_compile_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need_module("ziglang")
    (tmp_path / "main.c").write_text("int x = ;\n")
    code = link_module.main([str(tmp_path / "main.c"), "--out", str(tmp_path / "m.wasm")])
    assert code == 1 and "zig cc failed" in capsys.readouterr().err
    assert not (tmp_path / "m.wasm").exists()
