"""Scratch copies of sources: folders that a checker may write to, and its subprocess."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quality.plan import Plan

PYTHON = (sys.executable, "-S", "-s", "-B")


@dataclass(frozen=True)
class Ran:
    """The end of a checker: exit code, standard output, and standard error."""

    code: int
    out: str
    err: str


def use_packages(plan: Plan) -> None:
    """Put the tree of Python packages on the search paths of this process and its children."""
    inherited = [path for path in os.environ.get("PYTHONPATH", "").split(":") if path]
    paths = [os.path.abspath(path) for path in (*filter(None, (plan.site,)), *inherited)]
    os.environ["PYTHONPATH"] = ":".join(paths)
    sys.path += [path for path in paths if path not in sys.path]


def copy_files(top: Path, paths: Sequence[str], work: Path, replaced: Mapping[str, str]) -> None:
    """Copy files to the same paths below `work`; `replaced` has other texts for some of them."""
    for folder in sorted({path.rpartition("/")[0] for path in paths}):
        (work / folder).mkdir(parents=True, exist_ok=True)
    for path in paths:
        if path in replaced:
            (work / path).write_text(replaced[path], encoding="utf-8", errors="surrogateescape")
        else:
            shutil.copyfile(top / path, work / path)


def run(command: Sequence[str], work: Path, roots: Sequence[str] = ()) -> Ran:
    """Run a checker in a scratch folder; `roots` come first on its search path of modules."""
    done = subprocess.run(
        command,
        cwd=work,
        env=environment(work, roots),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def environment(work: Path, roots: Sequence[str]) -> dict[str, str]:
    """The environment of a checker: absolute paths for Python, and a home in the scratch folder."""
    inherited = os.environ.get("PYTHONPATH", "").split(":")
    paths = [str(work / root) for root in roots if root]
    paths += [path for path in inherited if path]
    return dict(os.environ) | {
        "HOME": str(work.parent / "home"),
        "PYTHONPATH": ":".join(paths),
        "CI": "1",
    }
