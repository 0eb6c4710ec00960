"""The command line as a process: imports, signals, closed pipes and the form of JSON answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from buildgraph import __version__
from buildgraph.cli import main
from buildgraph.ui.json_document import SCHEMA

_SRC = str(Path(__file__).parents[3])


def test_version_costs_no_import() -> None:
    program = (
        f"import sys; sys.path.insert(0, {_SRC!r});"
        "from buildgraph.cli import main; code = main(['--version']);"
        "heavy = {'argparse', 'dataclasses', 'typing', 're', 'pathlib', 'json'} & set(sys.modules);"
        "sys.exit(code or sorted(heavy) or 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"buildgraph {__version__}\n", "")


def program(main: str, number: str, handler: str) -> subprocess.CompletedProcess[str]:
    """Run `program` as a process with this body of `main`; `handler` handles the signal before."""
    text = (
        "import os, signal, sys, buildgraph.cli as cli\n"
        f"signal.signal(signal.{number}, signal.{handler})\n"
        f"def main():\n    {main}\ncli.main = main\ncli.program()"
    )
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, cwd=_SRC, timeout=60
    )


def test_a_signal_before_or_after_the_work_prints_no_traceback() -> None:
    """Without a handler of buildgraph, the signal ends the process."""
    ran = program("os.kill(os.getpid(), 2)", "SIGINT", "default_int_handler")
    assert (ran.returncode, ran.stderr) == (-signal.SIGINT, "")
    # Shells start background jobs in this way.
    ran = program("os.kill(os.getpid(), 2); return 5", "SIGINT", "SIG_IGN")
    assert (ran.returncode, ran.stderr) == (5, "")


def test_an_inherited_ignored_sigchld_does_not_prevent_waiting() -> None:
    ran = program(
        "pid = os.spawnv(os.P_NOWAIT, '/bin/sh', ['sh', '-c', 'exit 7']);"
        "return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
        "SIGCHLD",
        "SIG_IGN",
    )
    assert (ran.returncode, ran.stderr) == (7, "")


def test_a_closed_pipe_is_not_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        [sys.executable, "-m", "buildgraph", "--help"],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=_SRC,
        timeout=60,
    )
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (141, b"")


@pytest.mark.parametrize(
    "words",
    [
        ["doctor"],
        ["cache", "stats"],
        ["cache", "gc", "--dry-run"],
        ["cache", "verify"],
        ["hardware", "list"],
        ["hardware", "show", "raspberry-pi-5"],
        ["completion", "bash"],
        ["schema"],
        ["init"],
        ["query", "list", "//..."],
        ["query", "list", "//:nowhere"],
        ["model", "show", "models/forager.npz"],
        ["model", "show", "no.npz"],
        ["trace"],
        ["biuld"],
    ],
    ids=" ".join,
)
def test_every_answer_in_json_has_the_schema_version(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BUILDGRAPH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")
    if words != ["init"]:
        main(["init"])
    capsys.readouterr()
    main([*words, "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict) and answer["schema"] == SCHEMA
