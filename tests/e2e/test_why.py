"""`why` names the cause in two lines, the chain to the target, and prints one shape of JSON."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from buildgraph.ui.json_document import SCHEMA
from tests.support.small_filesystems import copy
from tests.support.workspace import Space, space

_COMMAND = """[{name}]
rule = "command"
argv = ["sh", "-c", "cat {{s}} > {{o}}"]
programs = ["sh", "cat"]
inputs = {{ s = "{source}" }}
outputs = {{ o = "x" }}
"""
_BUILD = (
    '[workspace]\nname = "w"\n'
    + _COMMAND.format(name="first", source="file.txt")
    + _COMMAND.format(name="second", source=":first")
    + 'timeout = "10s"\nenv = { MODE = "a" }\n'
    + (
        '[all]\nrule = "files"\nsrcs = ["d/*.txt"]\n'
        '[both]\nrule = "group"\ntargets = [":second", ":first"]\n'
    )
)


@pytest.fixture
def workspace(tmp_path: Path) -> Space:
    """A workspace that was built once."""
    workspace = space(tmp_path, _BUILD)
    workspace.write("file.txt", "one\ntwo\nthree\n")
    workspace.write("d/a.txt", "a")
    workspace.build("//...")
    return workspace


def _why(workspace: Space, *words: str) -> list[str]:
    return workspace.run("why", *words).out.splitlines()


def _edit(workspace: Space, old: str, new: str, path: str = "BUILD.toml") -> None:
    text = (workspace.root / path).read_text()
    assert old in text
    workspace.write(path, text.replace(old, new))
    workspace.build("//...")


@pytest.mark.parametrize(
    ("new", "text"),
    [
        ("one\ntwo\n3\n", 'line 3 "three" -> "3"'),
        ("1\ntwo\n3\n", 'line 1 "one" -> "1" (and 1 more line)'),
        ("one\ntwo\nthree\nfour\n", 'line 4 added "four"'),
        ("zero\none\ntwo\nthree\n", 'line 1 added "zero"'),
        ("one\nthree\n", 'line 2 removed "two"'),
        ("one\r\ntwo\r\nthree\r\n", "line ends"),
        ("", "line 1 removed"),
    ],
)
def test_a_source_that_was_edited_is_the_cause_of_all_that_followed(
    workspace: Space, new: str, text: str
) -> None:
    workspace.write("file.txt", new.encode())
    workspace.build("//...")
    lines = _why(workspace, "//:second")
    assert lines[0].startswith(f"file.txt changed: {text}")
    assert lines[1:] == [
        "2 actions ran again",
        "  //:first: sh: reads file.txt",
        "  //:second: sh: reads in/s/x from //:first",
    ]
    assert _why(workspace, "//:first")[1:] == [
        "1 action ran again",
        "  //:first: sh: reads file.txt",
    ]
    assert _why(workspace, "//:both")[:2] == lines[:2], "a group is explained by its members"
    assert any("input in/s/x" in line for line in _why(workspace, "//:second", "--all")[4:])


def test_a_source_is_explained_though_no_output_holds_it(workspace: Space) -> None:
    _edit(workspace, "cat {s} > {o}", "wc -l < {s} > {o}; cat {s} > /dev/null")
    _edit(workspace, "two", "2", "file.txt")
    assert _why(workspace, "//:first")[:3] == [
        'file.txt changed: line 2 "two" -> "2"',
        "1 action ran again",
        "outputs unchanged: no action that depends on them ran again",
    ]


def test_files_that_a_glob_matches_or_not(workspace: Space) -> None:
    workspace.write("d/b.txt", "b")
    workspace.build("//...")
    assert _why(workspace, "//:all")[:2] == ["d/b.txt was added", "1 action ran again"]
    (workspace.root / "d/a.txt").unlink()
    workspace.build("//...")
    assert _why(workspace, "//:all")[:2] == ["d/a.txt was removed", "1 action ran again"]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('timeout = "10s"', 'timeout = "20s"', 'BUILD.toml: timeout "10s" -> "20s"'),
        ('MODE = "a"', 'MODE = "b"', 'BUILD.toml: env.MODE "a" -> "b"'),
        ('MODE = "a"', 'OTHER = "a"', 'BUILD.toml: env.MODE "a" -> nothing'),
    ],
)
def test_a_value_of_a_table_is_named(workspace: Space, old: str, new: str, text: str) -> None:
    _edit(workspace, old, new)
    assert text in _why(workspace, "//:second")


def test_a_word_of_a_command_is_named_by_its_place(workspace: Space) -> None:
    table = (
        '[c]\nrule = "command"\nargv = ["cp", "-p", "{s}", "{o}"]\n'
        'inputs = { s = "file.txt" }\noutputs = { o = "y" }\n'
    )
    _edit(workspace, "[both]", table + "[both]")
    _edit(workspace, '"-p"', '"-f"')
    assert _why(workspace, "//:c")[:2] == ['BUILD.toml: argv[1] "-p" -> "-f"', "1 action ran again"]


def test_a_mode_is_named(workspace: Space) -> None:
    (workspace.root / "file.txt").chmod(0o755)
    workspace.build("//...")
    assert _why(workspace, "//:first")[0] == "file.txt changed: it is executable now"


def test_the_last_change_counts_and_not_one_before(workspace: Space) -> None:
    _edit(workspace, "two", "2", "file.txt")
    _edit(workspace, '"10s"', '"30s"')
    assert _why(workspace, "//:second")[:2] == [
        'BUILD.toml: timeout "10s" -> "30s"',
        "1 action ran again",
    ]
    assert _why(workspace, "//:first")[0] == 'file.txt changed: line 2 "two" -> "2"'


def test_unchanged_never_built_new_and_missing_targets(workspace: Space) -> None:
    (line,) = _why(workspace, "//:second")
    assert line == (
        "nothing changed: the actions of //:second have the same keys as when they first ran here"
    )
    workspace.write("BUILD.toml", _BUILD + _COMMAND.format(name="new", source="file.txt"))
    ran = workspace.run("why", "//:new", code=2)
    assert (
        "no action of //:new has run in this workspace" in ran.err
        and "`buildgraph build //:new` first" in ran.err
    )
    workspace.build("//...")
    assert "the same keys as when they first ran" in _why(workspace, "//:new")[0]
    assert "no target //:nope" in workspace.run("why", "//:nope", code=2).err


def test_a_result_that_was_gone_from_the_cache(workspace: Space) -> None:
    workspace.run("cache", "rm", "//:first")
    workspace.build("//...")
    assert _why(workspace, "//:first") == [
        "nothing changed, but results were missing from the cache",
        "1 action ran again: sh",
    ]
    _edit(workspace, "two", "2", "file.txt")
    shutil.rmtree(workspace.cache)
    lines = _why(workspace, "//:first")
    assert lines == [
        "//:first changed, but the cache no longer has its earlier keys",
        "changes from now on can be explained",
    ]


def test_a_workspace_with_an_error_still_has_a_history(workspace: Space) -> None:
    _edit(workspace, "two", "2", "file.txt")
    workspace.write("BUILD.toml", _BUILD + "[bad\n")
    assert _why(workspace, "//:second")[:2] == [
        'file.txt changed: line 2 "two" -> "2"',
        "2 actions ran again",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{key} x",
        "{key} //:second",
        "{key} //:second x y",
        "{key} //:second 1 ",
        "-",
        "- -",
        "",
        "{key} //:second 99999999999999999999 z",
        "\udcff",
    ],
)
def test_a_damaged_history_explains_what_is_left(workspace: Space, line: str) -> None:
    _edit(workspace, "two", "2", "file.txt")
    path = workspace.root / ".buildgraph/keys.log"
    key = path.read_text().splitlines()[1].split()[0]
    path.write_bytes(
        path.read_bytes() + f"{line.format(key=key)}\n".encode("utf-8", "surrogateescape")
    )
    (workspace.root / ".buildgraph/events.jsonl").unlink()
    os.mkfifo(workspace.root / ".buildgraph/events.jsonl")
    assert _why(workspace, "//:second")[0] == 'file.txt changed: line 2 "two" -> "2"'


_SHAPE = {
    "schema": int,
    "label": str,
    "state": str,
    "causes": list,
    "followed": int,
    "chain": list,
    "reasons": list,
}
_CAUSE = {"kind", "what", "change", "before", "after", "detail", "label", "title", "file"}


def test_json_has_one_shape_whatever_happened(workspace: Space) -> None:
    def shape(*words: str) -> dict[str, Any]:
        (answer,) = (
            json.loads(line) for line in workspace.run("why", "--json", *words).out.splitlines()
        )
        assert {name: type(value) for name, value in answer.items()} == _SHAPE
        assert answer["schema"] == SCHEMA and answer["state"] in (
            "changed",
            "first",
            "rerun",
            "forgotten",
        )
        assert all(set(cause) == _CAUSE for cause in answer["causes"])
        assert all(set(link) == {"label", "title", "takes"} for link in answer["chain"])
        assert all(
            set(one) == {"label", "title", "state", "parts", "outputs", "keys"}
            for one in answer["reasons"]
        )
        return dict(answer)

    assert shape("//:second")["state"] == "first"
    _edit(workspace, "two", "2", "file.txt")
    answer = shape("//:second")
    assert (answer["state"], answer["followed"], answer["label"]) == ("changed", 2, "//:second")
    (cause,) = answer["causes"]
    assert (cause["kind"], cause["what"], cause["detail"]) == (
        "source",
        "file.txt",
        'line 2 "two" -> "2"',
    )
    assert [link["label"] for link in answer["chain"]] == ["//:first", "//:second"]
    assert len(answer["reasons"]) == 2 and len(shape("--deps", "//:second")["reasons"]) == 2
    assert shape("--all", "//:both")["label"] == "//:both"
    workspace.run("cache", "rm", "//:first")
    workspace.build("//...")
    assert shape("//:first")["state"] == "rerun"
    shutil.rmtree(workspace.cache)
    assert shape("//:second")["state"] == "forgotten"


@pytest.fixture(scope="module")
def agents(built: Space, tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace with an agent for a board, built once."""
    folder = tmp_path_factory.mktemp("agents")
    shutil.copytree(built.cache, folder / "cache")
    workspace = copy("npz", folder / "w", folder / "cache")
    workspace.build("//exports:rooms.pi")
    return workspace


def _numbers(workspace: Space, name: str, at: tuple[int, ...], more: float) -> None:
    import numpy as np

    arrays = dict(np.load(workspace.root / "models/heater.npz"))
    arrays[name][at] += more
    arrays[name][(at[0] + 1, *at[1:])] -= more
    np.savez(workspace.root / "models/heater.npz", **arrays)
    workspace.build("//exports:rooms.pi")


def test_an_edited_model_is_named_by_its_states_and_observations(agents: Space) -> None:
    _numbers(agents, "A0", (0, 1), 0.05)
    lines = _why(agents, "//exports:rooms.pi")
    assert lines[0] == "models/heater.npz changed: A0[cold, fine] 0.10 -> 0.15 (and 1 more entry)"
    assert lines[1].endswith(" actions ran again") and int(lines[1].split()[0]) > 8
    assert lines[2] == "  //models:heater: ingest heater: reads models/heater.npz"
    assert lines[-1].startswith("  //exports:rooms.pi: ")
    _numbers(agents, "B0", (0, 1, 1), 0.0625)
    assert "B0[cold, fine, on] " in _why(agents, "//exports:rooms.pi")[0]
    (agents.root / "models/heater.json").write_text(
        (agents.root / "models/heater.json").read_text().replace("8.0", "16.0")
    )
    agents.build("//exports:rooms.pi")
    assert _why(agents, "//exports:rooms.pi")[0] == "models/heater.json changed: gamma 8 -> 16"


def test_a_fact_of_a_board_and_a_budget_are_named(agents: Space) -> None:
    build = (agents.root / "BUILD.toml").read_text()
    agents.write("BUILD.toml", build.replace("raspberry-pi-4b", "raspberry-pi-5"))
    agents.build("//exports:rooms.pi")
    lines = _why(agents, "//exports:rooms.pi", "--all")
    assert lines[0] == 'BUILD.toml: profile of //hardware:pi "raspberry-pi-4b" -> "raspberry-pi-5"'
    assert 'BUILD.toml: cpu of //hardware:pi "cortex_a72" -> "cortex_a76"' in lines
    agents.write(
        "BUILD.toml",
        (agents.root / "BUILD.toml").read_text().replace('memory = "256KiB"', 'memory = "250KiB"'),
    )
    agents.build("//exports:rooms.pi")
    assert (
        _why(agents, "//exports:rooms.pi")[0]
        == 'BUILD.toml: budget.memory "256.0 KiB" -> "250.0 KiB"'
    )
