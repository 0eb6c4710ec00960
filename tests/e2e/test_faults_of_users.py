"""Each fault of a user, given to every verb: an exit code that says so, the place, no traceback, and no wait."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.broken_workspaces import FAULTS, FOUND_WHEN_READ, GOOD
from tests.support.requirements import need
from tests.support.run_verbs import HUNG, run_all
from tests.support.workspace import Ran, Space

_SECONDS = 60.0
_LABEL = "//p:u"
# What reads every target must tell the fault.
_WHOLE = [
    ["build", "//..."],
    ["build", "--json", "//..."],
    ["build", "-j1", "-k", "//..."],
    ["build", "--out", "o", "//..."],
    ["build", "--check", "//..."],
    ["build", "--audit", "//..."],
    ["test", "//..."],
    ["test", "--json", "//..."],
    ["query", "deps", "//..."],
    ["query", "rdeps", "//..."],
    ["query", "deps", "//...", "--json"],
    ["affected", "--since", "HEAD"],
    ["affected", "--since", "HEAD", "--json"],
]
# What asks for a part may not meet it; it tells it, or answers.
_PART = [
    ["run", _LABEL],
    ["load", _LABEL],
    ["query", "list", "//..."],
    ["query", "list", "//...", "--json"],
    ["query", "somepath", _LABEL, "//:t"],
    ["query", "allpaths", _LABEL, "//:t"],
    ["why", _LABEL],
    ["why", "//:mine"],
    ["why", "--deps", _LABEL],
    ["why", "--all", _LABEL],
    ["why", "--json", _LABEL],
    ["diff", _LABEL],
    ["diff", "--json", _LABEL],
    ["model", "show", _LABEL],
    ["cache", "rm", _LABEL],
    ["cache", "rm", "--json", _LABEL],
]
# What needs no target answers whatever the workspace holds.
_NONE = [
    ["hardware", "list"],
    ["hardware", "show", "jetson-orin-nano-8g"],
    ["hardware", "detect"],
    ["cache", "stats"],
    ["cache", "gc"],
    ["cache", "verify"],
    ["completion", "bash"],
    ["completion", "zsh"],
    ["completion", "fish"],
    ["trace"],
    ["doctor"],
    ["--help"],
    ["build", "--help"],
    ["__complete", "build", "//"],
    ["init", "elsewhere"],
]


def made(folder: Path) -> Space:
    """A good workspace in a repository with one commit, that was built once."""
    need("git")
    space = Space(folder / "w", folder / "cache")
    for name, text in GOOD.items():
        space.write(name, text)
    who = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(space.root), *who, *words], check=True)
    space.build("//...")
    return space


def _check(ran: Ran, words: list[str], codes: set[int]) -> str:
    shown = f"{' '.join(words)}: exit {ran.code}\n{ran.out}\n{ran.err}"
    assert ran.code != HUNG, f"{' '.join(words)} did not end"
    assert ran.code in codes, shown
    assert "Traceback" not in ran.err + ran.out and "a bug in buildgraph" not in ran.err, shown
    if "--json" in words:
        for line in ran.out.splitlines():
            json.loads(line)
    return shown


@pytest.mark.parametrize("name", FAULTS)
def test_every_verb_tells_a_fault_and_ends(tmp_path: Path, name: str) -> None:
    space = made(tmp_path)
    change, word, place = FAULTS[name]
    change(space.root)
    before = sorted(map(str, space.root.rglob("*")))
    words = [*_WHOLE, *_PART, ["schema"], ["trace"], ["__complete", "build", "//"]]
    for one, ran in zip(words, run_all(space, words, _SECONDS), strict=True):
        if one in _WHOLE and not (name in FOUND_WHEN_READ and one[0] == "query"):
            shown = _check(ran, one, {2})
            assert word in ran.err and f"--> {place}" in ran.err, shown
        else:
            needs_daemon = one[0] in ("run", "load")  # looked for before anything is built
            shown = _check(ran, one, {0, 2, 30} if needs_daemon else {0, 2})
            assert ran.code == 0 or "error: " in ran.err, shown
            assert ran.code != 30 or "no Docker daemon answers" in ran.err, shown
    new = {
        os.path.relpath(path, space.root) for path in {*map(str, space.root.rglob("*"))} - {*before}
    }
    assert not [path for path in new if not path.startswith(".buildgraph")], (
        "nothing is half written"
    )


@pytest.mark.parametrize("name", ["syntax", "source deleted", "BUILD.toml is a pipe", "rules fail"])
def test_verbs_that_need_no_target_answer_in_a_workspace_with_a_fault(
    tmp_path: Path, name: str
) -> None:
    space = made(tmp_path)
    FAULTS[name][0](space.root)
    for one, ran in zip(_NONE, run_all(space, _NONE, _SECONDS), strict=True):
        _check(ran, one, {0, 1} if one == ["doctor"] else {0})
    assert os.path.isdir(space.root / "elsewhere")


def _reset(space: Space) -> None:
    for path in GOOD:
        target = space.root / path
        if target.is_dir() and not target.is_symlink():
            target.rmdir()
        elif target.is_symlink() or target.exists():
            target.unlink()
        space.write(path, GOOD[path])


def test_affected_tells_faults_of_the_base_and_of_both(tmp_path: Path) -> None:
    """A revision with a fault: everything is affected, with the reason; where the work tree has one, it is told."""
    space, who = (
        made(tmp_path),
        ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"],
    )
    for name, (change, _, _) in FAULTS.items():
        if "pipe" in name or name in (
            "source is a folder",
            "BUILD.toml is a folder",
            "rules are a folder",
        ):
            continue  # git stores none of them
        change(space.root)
        subprocess.run(["git", "-C", str(space.root), "add", "-A"], check=True)
        subprocess.run(["git", "-C", str(space.root), *who, "commit", "-q", "-m", name], check=True)
        _reset(space)
        (ran,) = run_all(space, [["affected", "--since", "HEAD"]], _SECONDS)
        lines = _check(ran, [name], {0}) and ran.out.splitlines()
        assert [line.split()[0] for line in lines] == ["//:mine", "//:t", "//p:all", "//p:u"], name
        assert all("HEAD cannot be compared: " in line for line in lines), name
        (space.root / "a.txt").unlink()
        (both,) = run_all(space, [["affected", "--since", "HEAD"]], _SECONDS)
        assert "no file 'a.txt'" in _check(both, [name], {2})
        _reset(space)


@pytest.mark.parametrize("name", ["syntax", "source deleted", "rules fail"])
def test_a_watch_tells_a_fault_waits_and_ends_by_ctrl_c(tmp_path: Path, name: str) -> None:
    space = made(tmp_path)
    FAULTS[name][0](space.root)
    with subprocess.Popen(
        space.command("build", "--watch", "//..."),
        cwd=space.root,
        env=space.environ(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while "error: " not in lines[-1] and process.poll() is None:
            lines.append(process.stdout.readline())
        time.sleep(0.5)
        assert process.poll() is None, lines
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=_SECONDS)
    assert "Traceback" not in rest and process.returncode in (0, 130), rest
