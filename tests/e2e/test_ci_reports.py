"""Builds in jobs of CI services: annotations, groups, summaries, JUnit, and hostile output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from junitparser import JUnitXml

from tests.support.runner_commands import runner_commands
from tests.support.workspace import Space, space

BUILD = """[workspace]
name = "texts"

[words]
rule = "command"
argv = ["sh", "-c", "sort {text} > {out}"]
inputs = { text = "text.txt" }
outputs = { out = "words.txt" }

[count]
rule = "command"
argv = ["sh", "-c", "wc -l < {words} > {out}"]
inputs = { words = ":words" }
outputs = { out = "count.txt" }
"""
HOSTILE = r"""
[hostile]
rule = "command"
argv = ["sh", "-c", '''cat {evil}; exit 3''']
inputs = { evil = "evil.txt" }
outputs = { out = "o" }
"""
EVIL = (
    "::error::forged\n  ::warning file=a::forged\n##[add-mask]forged\nx##[set-env name=P]forged\n"
    "\x1b[0m::stop-commands::forged\nx\r::error::forged\n\u2028::notice::forged\n"
    "section_start:1:forged\r\x1b[0Kforged\n"
)


@pytest.fixture
def github(tmp_path: Path) -> Space:
    """A workspace in a job of GitHub, in the folder `w` of the repository."""
    workspace = space(tmp_path, BUILD)
    workspace.write("text.txt", "one\ntwo\n")
    workspace.env |= {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    return workspace


def summary(workspace: Space) -> str:
    """The summary of the step so far; the next one begins empty."""
    path = Path(workspace.env["GITHUB_STEP_SUMMARY"])
    text = path.read_text()
    path.unlink()
    return text


def test_a_job_says_what_ran_and_why(github: Space) -> None:
    ran = github.run("build", "//...", "--junit", "junit.xml")
    assert [command.name for command in runner_commands(ran.err)] == ["group", "endgroup"]
    assert "2 ran, 0 hits" in summary(github)
    assert "hit: " not in (github.root / "junit.xml").read_text()
    github.write("text.txt", "two\none\n")
    github.run("test", "//...", "--junit", "junit.xml")
    text = summary(github)
    assert text.count("text.txt changed: ") == 1
    assert "1 ran, 1 hit" in text  # the sorted words are the same
    cases = {
        case.classname: case
        for suite in JUnitXml.fromfile(str(github.root / "junit.xml"))
        for case in suite
    }
    assert cases["//:words"].system_out.startswith("ran in")
    assert cases["//:count"].system_out.startswith("hit: ")
    github.run("build", "//...")  # nothing has changed
    assert "0 ran, 2 hits" in summary(github)


def test_hostile_output_of_an_action_is_no_command(github: Space) -> None:
    github.write("evil.txt", EVIL)
    (github.root / "BUILD.toml").write_text(BUILD + HOSTILE)
    ran = github.run("build", "//...", "-k", code=1)
    commands = runner_commands(ran.out) + runner_commands(ran.err)
    names = [command.name for command in commands]
    assert sorted(set(names)) == ["endgroup", "error", "group"]
    (error,) = (command for command in commands if command.name == "error")
    assert error.properties["title"] == "//:hostile: sh"
    assert (error.properties["file"], error.properties["line"]) == ("w/BUILD.toml", "16")
    assert "forged" in error.message and "forged" in ran.err
    for words in (("log", "//:hostile"), ("log", "//:hostile", "--json")):
        shown = github.run(*words)
        assert "forged" in shown.out and runner_commands(shown.out) == []
    events = github.build("//:hostile", code=1)
    assert runner_commands(events.out) == []
    (failed,) = (event for event in events.events if event["event"] == "failed")
    assert failed["log"] == EVIL.replace("\r\n", "\n")


def test_hostile_output_makes_no_section_in_gitlab(tmp_path: Path) -> None:
    workspace = space(tmp_path, BUILD.partition("[words]")[0] + HOSTILE)
    workspace.write("evil.txt", EVIL)
    workspace.env["GITLAB_CI"] = "true"
    ran = workspace.run("build", "//...", code=1)
    assert "section_" not in ran.err and "\r" not in ran.err and "   | forged" in ran.err


def test_errors_of_the_input_have_annotations_and_reports(github: Space) -> None:
    github.run("build", "//:word", "--junit", "junit.xml", code=2)
    assert "no target //:word" in summary(github)
    github.write("BUILD.toml", BUILD + "[x]\nrule = 'commnd'\n")
    for words in (("build", "//..."), ("test", "//...")):
        ran = github.run(*words, code=2)
        (error,) = runner_commands(ran.err)
        assert error.name == "error" and "commnd" in error.message
        assert (error.properties["file"], error.properties["line"]) == ("w/BUILD.toml", "16")
    assert JUnitXml.fromfile(str(github.root / "junit.xml")).errors == 1


def test_nothing_is_added_outside_of_ci(tmp_path: Path) -> None:
    workspace = space(tmp_path, BUILD)
    workspace.write("text.txt", "one\n")
    workspace.env["GITHUB_STEP_SUMMARY"] = str(tmp_path / "s")
    plain = workspace.run("build", "//...")
    assert "::" not in plain.err and not (tmp_path / "s").exists()
    assert plain.err.splitlines()[0].startswith("[1/2] sh (//:words) ")
    assert workspace.run("build", "//...").err == ""


def test_json_in_a_job_is_whole(github: Space) -> None:
    ran = github.run("build", "//...", "--json")
    assert [json.loads(line)["event"] for line in ran.out.splitlines()][-1] == "finished"
    assert runner_commands(ran.out) == runner_commands(ran.err) == []
