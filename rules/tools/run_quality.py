"""Check sources with a row of the table: `run_quality.py PLAN SOURCES OUT [PROGRAM...]`.

Only files whose key is not recorded as passed are checked; what they import is there too, reduced
to its interface where the checker sees no more. The records of the run are left in the file
`previous` of the temporary folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from quality.incremental import check_sources
from quality.plan import Files, read_plan
from quality.scratch import use_packages


def main(plan: str, top: str, out: str, *programs: str) -> int:
    """Run the gate; its exit code is that of the evidence."""
    files = Files(read_plan(Path(plan)), Path(top).resolve())
    use_packages(files.plan)
    temporary = Path(os.environ["TMPDIR"]).resolve()
    return check_sources(files, Path("previous"), temporary, Path(out))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
