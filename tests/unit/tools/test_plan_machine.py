"""Plan, code and proof do not depend on the machine's BLAS kernels, vector units, C library paths or hash seed."""
from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import ir
import pytest

from tests.unit.tools.native_agents import random_model

TOOLS = Path(__file__).parents[3] / "rules/tools"
MACHINES = {
    "haswell": {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "2"},
    "prescott": {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "1",
                 "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"},
    "no_fma": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2", "PYTHONHASHSEED": "7"},
}


def digests(folder: Path, machine: dict[str, str]) -> dict[str, str]:
    """SHA-256 of what plan.py and emit.py write in a process of their own."""
    out = folder / "out"
    for words in (["plan.py", "--ir", str(folder / "ir"), "--out", str(out)],
                  ["emit.py", "--plan", str(out), "--name", "agent", "--out", str(out / "agent.c")]):
        subprocess.run([sys.executable, str(TOOLS / words[0]), *words[1:]], env={**os.environ, **machine},
                       check=True, capture_output=True)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}


@pytest.mark.slow
def test_every_machine_writes_the_same_bytes(tmp_path: Path) -> None:
    found = {}
    for name, machine in {"here": {}, **MACHINES}.items():
        ir.save(random_model("two_moving", seed=3), tmp_path / name / "ir")
        found[name] = digests(tmp_path / name, machine)
    assert len({json.dumps(each) for each in found.values()}) == 1
    assert set(found["here"]) == {"agent.c", "interface.json", "plan.json", "tables.bin"}
