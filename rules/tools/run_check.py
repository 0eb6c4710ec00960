"""Run a check in a writable copy of its inputs: `run_check.py FILE -- PROGRAM WORDS...`.

A program `node_modules/.bin/NAME` is that of the package which has a `bin` of this name. The
verdict is written to FILE; the exit code is that of the check.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OWN = {"out", "previous"}  # what the build puts beside the inputs
BIN = "node_modules/.bin/"


def main(argv: list[str]) -> int:
    """Run the check; write the verdict only if it passed."""
    verdict, _, program, *words = argv
    work = Path(os.environ["TMPDIR"]).resolve() / "work"
    _copy(Path.cwd(), work)
    if program == "node" and words[0].startswith(BIN):
        name = words[0].removeprefix(BIN)
        script = find_bin(Path("node_modules"), name)
        if script is None:
            print(f"no package of node_modules has the program {name!r}", file=sys.stderr)
            return 1
        words[0] = script
    command = [sys.executable if program == "python3" else program, *words]
    paths = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(":") if path]
    env = dict(os.environ) | ({"PYTHONPATH": ":".join(paths)} if paths else {})
    code = subprocess.run(command, cwd=work, env=env, check=False).returncode
    if code == 0:
        with open(verdict, "w", encoding="utf-8") as file:
            file.write("passed\n")
    return code if 0 <= code < 256 else 1


def _copy(top: Path, work: Path) -> None:
    """Copy the inputs, which are read-only; links to packages are kept as they are."""
    work.mkdir()
    tools = Path(sys.argv[0]).parts[0]
    for entry in sorted(top.iterdir()):
        if entry.name in OWN or entry.name == tools:
            continue
        if entry.name == "node_modules":
            os.symlink(entry, work / entry.name)
        elif entry.is_dir():
            shutil.copytree(entry, work / entry.name, symlinks=True, copy_function=_copy_file)
        else:
            _copy_file(str(entry), str(work / entry.name))


def _copy_file(source: str, target: str) -> str:
    shutil.copyfile(source, target)
    os.chmod(target, 0o755 if os.access(source, os.X_OK) else 0o644)
    return target


def find_bin(modules: Path, name: str) -> str | None:
    """The script of a program: that of the package of its name first, then of any other."""
    own = [modules / name / "package.json"] if (modules / name).is_dir() else []
    for manifest in (
        *own,
        *sorted(modules.glob("*/package.json")),
        *sorted(modules.glob("@*/*/package.json")),
    ):
        package = json.loads(manifest.read_bytes())
        programs = package.get("bin") or {}
        if isinstance(programs, str):
            programs = {str(package.get("name", "")).rpartition("/")[2]: programs}
        if name in programs:
            return str(manifest.parent / programs[name])
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
