"""Plan, code and proof do not depend on the machine's BLAS kernels, vector units, C library paths
or hash seed.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from agentc.ir import files as ir

from tests.support.native_agents import random_model
from tests.support.quantized_agents import dense

TOOLS = Path(__file__).parents[4] / "rules/tools"
MACHINES = {
    "haswell": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "2"},
    "prescott": {
        "OPENBLAS_CORETYPE": "Prescott",
        "OPENBLAS_NUM_THREADS": "1",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    },
    "no_fma": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2", "PYTHONHASHSEED": "7"},
}
CODED = ("uint16", "palette")


def digests(folder: Path, machine: dict[str, str]) -> dict[str, str]:
    """SHA-256 of what the tools before the compiler write, each in a process of its own."""
    out = folder / "out"
    for words in (
        ["plan_agent.py", "--ir", str(folder / "ir"), "--out", str(out)],
        ["emit_agent.py", "--plan", str(out), "--name", "agent", "--out", str(out / "agent.c")],
        *(
            [
                "quantize_plan.py",
                "--ir",
                str(folder / "dense"),
                "--storage",
                storage,
                "--out",
                str(out / storage),
                "--facts",
                str(out / f"{storage}.json"),
            ]
            for storage in CODED
        ),
    ):
        subprocess.run(
            [sys.executable, str(TOOLS / words[0]), *words[1:]],
            env={**os.environ, **machine},
            check=True,
            capture_output=True,
        )
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_every_machine_writes_the_same_bytes(tmp_path: Path) -> None:
    result = {}
    for name, machine in {"here": {}, **MACHINES}.items():
        ir.save(random_model("two_moving", seed=3), tmp_path / name / "ir")
        ir.save(dense(24), tmp_path / name / "dense")
        result[name] = digests(tmp_path / name, machine)
    assert len({json.dumps(each) for each in result.values()}) == 1
    assert set(result["here"]) == {
        "agent.c",
        "interface.json",
        "plan.json",
        "tables.bin",
        *(
            f"{storage}{part}"
            for storage in CODED
            for part in (".json", "/plan.json", "/tables.bin")
        ),
    }
