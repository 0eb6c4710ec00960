"""Every verb reports each user error with its exit code and place, and without a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.broken_workspaces import ERRORS, GOOD, REPORTED_ON_READ
from tests.support.requirements import need
from tests.support.run_verbs import HUNG, run_all
from tests.support.workspace import Ran, Space

_SECONDS = 60.0
_LABEL = "//p:u"
# Verbs that read every target must report the error.
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
# Verbs that read some targets report the error if they reach it, and answer otherwise.
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
# Verbs that need no target answer in any workspace.
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


def good_workspace(folder: Path) -> Space:
    """Create a valid workspace in a repository with one commit, and build it once."""
    need("git")
    space = Space(folder / "w", folder / "cache")
    for name, text in GOOD.items():
        space.write(name, text)
    identity = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(space.root), *identity, *words], check=True)
    space.build("//...")
    return space


def _check(ran: Ran, words: list[str], codes: set[int]) -> str:
    report = f"{' '.join(words)}: exit {ran.code}\n{ran.out}\n{ran.err}"
    assert ran.code != HUNG, f"{' '.join(words)} did not end"
    assert ran.code in codes, report
    assert "Traceback" not in ran.err + ran.out and "a bug in buildgraph" not in ran.err, report
    if "--json" in words:
        for line in ran.out.splitlines():
            json.loads(line)
    return report


@pytest.mark.parametrize("name", ERRORS)
def test_every_verb_reports_an_error_and_ends(tmp_path: Path, name: str) -> None:
    space = good_workspace(tmp_path)
    change, word, place = ERRORS[name]
    change(space.root)
    before = sorted(map(str, space.root.rglob("*")))
    commands = [*_WHOLE, *_PART, ["schema"], ["trace"], ["__complete", "build", "//"]]
    for words, ran in zip(commands, run_all(space, commands, _SECONDS), strict=True):
        if words in _WHOLE and not (name in REPORTED_ON_READ and words[0] == "query"):
            report = _check(ran, words, {2})
            assert word in ran.err and f"--> {place}" in ran.err, report
        else:
            needs_daemon = words[0] in ("run", "load")  # checked before the build
            report = _check(ran, words, {0, 2, 30} if needs_daemon else {0, 2})
            assert ran.code == 0 or "error: " in ran.err, report
            assert ran.code != 30 or "no Docker daemon answers" in ran.err, report
    new = {
        os.path.relpath(path, space.root) for path in {*map(str, space.root.rglob("*"))} - {*before}
    }
    assert not [path for path in new if not path.startswith(".buildgraph")], (
        "an output is incomplete"
    )


@pytest.mark.parametrize("name", ["syntax", "source deleted", "BUILD.toml is a pipe", "rules fail"])
def test_verbs_that_need_no_target_answer_in_a_broken_workspace(tmp_path: Path, name: str) -> None:
    space = good_workspace(tmp_path)
    ERRORS[name][0](space.root)
    for words, ran in zip(_NONE, run_all(space, _NONE, _SECONDS), strict=True):
        _check(ran, words, {0, 1} if words == ["doctor"] else {0})
    assert os.path.isdir(space.root / "elsewhere")


def _reset(space: Space) -> None:
    for path in GOOD:
        target = space.root / path
        if target.is_dir() and not target.is_symlink():
            target.rmdir()
        elif target.is_symlink() or target.exists():
            target.unlink()
        space.write(path, GOOD[path])


def test_affected_reports_errors_of_the_base_and_of_the_work_tree(tmp_path: Path) -> None:
    """If the revision is broken, all targets are affected; a broken work tree is an error."""
    space, identity = (
        good_workspace(tmp_path),
        ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"],
    )
    for name, (change, _, _) in ERRORS.items():
        if "pipe" in name or name in (
            "source is a folder",
            "BUILD.toml is a folder",
            "rules are a folder",
        ):
            continue  # git stores none of them
        change(space.root)
        subprocess.run(["git", "-C", str(space.root), "add", "-A"], check=True)
        subprocess.run(
            ["git", "-C", str(space.root), *identity, "commit", "-q", "-m", name], check=True
        )
        _reset(space)
        (ran,) = run_all(space, [["affected", "--since", "HEAD"]], _SECONDS)
        lines = _check(ran, [name], {0}) and ran.out.splitlines()
        assert [line.split()[0] for line in lines] == ["//:mine", "//:t", "//p:all", "//p:u"], name
        assert all("HEAD cannot be compared: " in line for line in lines), name
        (space.root / "a.txt").unlink()
        (broken,) = run_all(space, [["affected", "--since", "HEAD"]], _SECONDS)
        assert "no file 'a.txt'" in _check(broken, [name], {2})
        _reset(space)


@pytest.mark.parametrize("name", ["syntax", "source deleted", "rules fail"])
def test_a_watch_reports_an_error_and_waits_until_ctrl_c(tmp_path: Path, name: str) -> None:
    space = good_workspace(tmp_path)
    ERRORS[name][0](space.root)
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
