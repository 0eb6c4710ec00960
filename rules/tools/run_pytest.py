"""Run test files of which something changed, with pytest: `run_pytest.py PLAN SOURCES OUTS`.

The outputs are the evidence, a JUnit file and, if the plan says so, an LCOV file.

A test file whose key is recorded as passed is not run again. The key names its content, that of
everything it imports, of `conftest.py`, settings and declared data. A test file that passes after
it failed under the same key is flaky: the gate passes, and its pass is not kept.

`test --runs N` sets TEST_RUNS in runs whose result is not kept. All test files are run
then, and the records name those that failed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from quality.plan import Files, read_plan
from quality.pytest_runs import run_here
from quality.run_tests import Outs, check_tests
from quality.scratch import use_packages


def main(plan: str, top: str, *outs: str) -> int:
    """Run the gate; its exit code is that of the evidence."""
    repeat = int(os.environ.get("TEST_RUNS", "0"))
    files = Files(replace(read_plan(Path(plan)), repeat=repeat), Path(top).resolve())
    use_packages(files.plan)
    temporary = Path(os.environ["TMPDIR"]).resolve()
    program = os.path.abspath(__file__)
    return check_tests(files, Path("previous"), temporary, Outs(*map(Path, outs)), program)


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        sys.exit(run_here(sys.argv[3], Path(sys.argv[4]), sys.argv[5:], int(sys.argv[2])))
    sys.exit(main(*sys.argv[1:]))
