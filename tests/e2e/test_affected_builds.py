"""The actions of affected targets, as predicted and as run, and CI jobs that build them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.git_space import GitSpace
from tests.support.workspace import space

_COMMAND = (
    '[{name}]\nrule = "command"\ninputs = {{ a = "{source}" }}\noutputs = {{ o = "o" }}\n'
    'argv = ["sh", "-c", "sleep {sleep}; sed s/#.*// {{a}} > {{o}}"]\n'
)


def _command(name: str, source: str, sleep: float = 0) -> str:
    return _COMMAND.format(name=name, source=source, sleep=sleep)


_BUILD = (
    '[workspace]\nname = "w"\n'
    + _command("first", "first.txt", 0.1)
    + _command("second", ":first", 0.05)
    + _command("lone", "lone.txt")
    + '[every]\nrule = "group"\ntargets = [":second", ":lone"]\n'
)


@pytest.fixture
def built(tmp_path: Path) -> GitSpace:
    """A repository with one commit, whose targets are built."""
    repository = GitSpace(space(tmp_path, _BUILD))
    repository.space.write("first.txt", "one # a\n")
    repository.space.write("lone.txt", "lone\n")
    repository.space.write(".gitignore", "out/\n.buildgraph/\n")
    repository.commit()
    repository.space.build("//...")
    return repository


def _outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {row["label"]: row["outcome"] for row in answer["actions"]}


def _built(repository: GitSpace, *words: str) -> dict[str, str]:
    events = repository.space.build(*words).events
    return {event["label"]: event["how"] for event in events if event["event"] == "done"}


def test_the_prediction_names_what_runs_and_how_long(built: GitSpace) -> None:
    built.space.write("first.txt", "two # a\n")
    answer = built.answer()
    assert _outcomes(answer) == {"//:first": "run", "//:second": "may run"}
    durations = {row["label"]: row["milliseconds"] for row in answer["actions"]}
    assert durations["//:first"] >= 100 and durations["//:second"] >= 50
    predicted = answer["predicted"]
    assert predicted["milliseconds"] == sum(durations.values())
    assert predicted["without_duration"] == 0
    assert _built(built, "--since", "HEAD") == {"//:first": "ran", "//:second": "ran"}
    assert _outcomes(built.answer()) == {"//:first": "hit", "//:second": "hit"}


def test_durations_come_from_the_cache_in_a_new_clone(built: GitSpace, tmp_path: Path) -> None:
    built.git("clone", "-q", str(built.top), str(tmp_path / "clone"))
    built.top = built.space.root = tmp_path / "clone"
    built.space.write("first.txt", "two # a\n")
    assert all(row["milliseconds"] >= 50 for row in built.answer()["actions"])


def test_an_output_that_comes_out_equal_was_predicted_as_may_run(built: GitSpace) -> None:
    built.space.write("first.txt", "one # b\n")
    assert _outcomes(built.answer()) == {"//:first": "run", "//:second": "may run"}
    assert _built(built, "--since", "HEAD") == {"//:first": "ran", "//:second": "hit"}


def test_the_text_lists_actions_and_sums_up(built: GitSpace) -> None:
    built.space.write("first.txt", "two # a\n")
    ran = built.space.run("affected", "--since", "HEAD", "--actions")
    lines = [line.rstrip("0123456789.s") for line in ran.out.splitlines()]
    assert lines == [
        "//:every   needs //:second, which needs //:first: source first.txt changed",
        "//:first   source first.txt changed",
        "    run      sh  ",
        "//:second  needs //:first: source first.txt changed",
        "    may run  sh  ",
    ]
    assert "3 affected targets; actions: 1 will run, 1 may run; about 0." in ran.err
    assert built.space.run("affected", "--since", "HEAD", "//:lone").err == ""


def test_a_build_since_a_revision_builds_what_patterns_select(built: GitSpace) -> None:
    built.space.write("first.txt", "two # a\n")
    built.space.write("lone.txt", "other\n")
    assert _built(built, "--since", "HEAD", "//:lone") == {"//:lone": "ran"}
    built.space.write("lone.txt", "another\n")
    assert set(_built(built, "--since", "HEAD", "//:every")) == {
        "//:first",
        "//:second",
        "//:lone",
    }
    ran = built.space.run("test", "--since", "HEAD", "//...", "-//:lone")
    assert "0 ran" in ran.out
    assert "no target //:lon" in built.space.run("build", "--since", "HEAD", "//:lon", code=2).err
    assert "exclude" in built.space.run("build", "--since", "HEAD", "--watch", code=2).err


def test_a_build_without_affected_targets_does_nothing(built: GitSpace) -> None:
    ran = built.space.run("build", "--since", "HEAD")
    assert "no selected target differs from HEAD" in ran.err and "0 ran" in ran.out
    events = built.space.build("--since", "HEAD").events
    assert events[-1]["event"] == "finished" and events[-1]["code"] == 0


def test_a_missing_program_blocks_an_action_and_its_users(built: GitSpace) -> None:
    build = _BUILD.replace('"sh", "-c", "sleep 0.1', '"no-such-shell", "-c", "sleep 0.1')
    built.space.write("BUILD.toml", build)
    assert _outcomes(built.answer()) == {"//:first": "blocked", "//:second": "blocked"}
    ran = built.space.run("affected", "--since", "HEAD")
    assert "2 blocked by a missing tool" in ran.err


def test_jobs_for_github(built: GitSpace) -> None:
    built.space.write("first.txt", "two # a\n")
    built.space.write("lone.txt", "other\n")
    ran = built.space.run("affected", "--since", "HEAD", "--output", "github", "--shards", "2")
    matrix, affected = ran.out.splitlines()
    jobs = json.loads(matrix.removeprefix("matrix="))["include"]
    assert [job["labels"] for job in jobs] == ["//:first //:second", "//:lone"]
    assert affected == "affected=true" and not any(job["noop"] for job in jobs)
    built.git("checkout", "-q", ".")
    ran = built.space.run("affected", "--since", "HEAD", "--output", "github", "--stages", "2")
    first, second, affected = ran.out.splitlines()
    assert affected == "affected=false"
    for line in (first.removeprefix("matrix="), second.removeprefix("matrix_2=")):
        assert [job["noop"] for job in json.loads(line)["include"]] == [True]


def test_jobs_for_gitlab_and_as_json(built: GitSpace) -> None:
    built.space.write("first.txt", "two # a\n")
    words = ("affected", "--since", "HEAD", "--output")
    pipeline = json.loads(built.space.run(*words, "gitlab").out)
    assert pipeline["stages"] == ["affected-1"]
    assert pipeline["affected 1: 1/1"]["script"] == [
        "buildgraph test --keep-going //:first //:second"
    ]
    answer = json.loads(built.space.run(*words, "json", "--stages", "2").out)
    assert [len(stage) for stage in answer["stages"]] == [1, 1]
    assert answer["predicted"]["run"] == 1
    built.git("checkout", "-q", ".")
    pipeline = json.loads(built.space.run(*words, "gitlab").out)
    assert pipeline["affected 1: 1/1"]["script"] == ["echo no target is affected"]


@pytest.mark.parametrize("words", [("--shards", "0"), ("--shards", "257"), ("--stages", "9")])
def test_a_number_of_jobs_that_no_service_takes_is_refused(
    built: GitSpace, words: tuple[str, str]
) -> None:
    ran = built.space.run("affected", "--since", "HEAD", "--output", "json", *words, code=2)
    assert "not a number from 1 to" in ran.err


def test_a_fact_of_the_board_is_a_reason(tmp_path: Path) -> None:
    board = '[workspace]\nname = "w"\n[b]\nrule = "hardware"\nprofile = "{}"\n'
    repository = GitSpace(space(tmp_path, board.format("raspberry-pi-4b")))
    repository.commit()
    repository.space.write("BUILD.toml", board.format("raspberry-pi-5"))
    reasons = repository.affected()["//:b"]["reasons"]
    assert ("value", "profile") in [(reason["kind"], reason["what"]) for reason in reasons]
    facts = {reason["what"]: reason for reason in reasons if reason["kind"] == "board"}
    assert facts["cpu"]["before"] == "cortex_a72" and facts["cpu"]["after"] == "cortex_a76"
    assert (
        "board cpu: cortex_a72 -> cortex_a76"
        in repository.space.run("affected", "--since", "HEAD").out
    )
