"""`why` in real workspaces: the cause in two lines, the chain to the target, and one shape of JSON."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

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
        '[all]\nrule = "files"\nsrcs = ["d/*.txt"]\n[both]\nrule = "group"\ntargets = [":second", ":first"]\n'
    )
)


@pytest.fixture
def made(tmp_path: Path) -> Space:
    """A workspace that was built once."""
    found = space(tmp_path, _BUILD)
    found.write("file.txt", "one\ntwo\nthree\n")
    found.write("d/a.txt", "a")
    found.build("//...")
    return found


def _why(of: Space, *words: str) -> list[str]:
    return of.run("why", *words).out.splitlines()


def _edit(of: Space, old: str, new: str, path: str = "BUILD.toml") -> None:
    text = (of.root / path).read_text()
    assert old in text
    of.write(path, text.replace(old, new))
    of.build("//...")


@pytest.mark.parametrize(
    ("new", "said"),
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
    made: Space, new: str, said: str
) -> None:
    made.write("file.txt", new.encode())
    made.build("//...")
    lines = _why(made, "//:second")
    assert lines[0].startswith(f"file.txt changed: {said}")
    assert lines[1:] == [
        "2 actions ran again",
        "  //:first: sh: reads file.txt",
        "  //:second: sh: reads in/s/x from //:first",
    ]
    assert _why(made, "//:first")[1:] == ["1 action ran again", "  //:first: sh: reads file.txt"]
    assert _why(made, "//:both")[:2] == lines[:2], "a group is explained by its members"
    assert any("input in/s/x" in line for line in _why(made, "//:second", "--all")[4:])


def test_a_source_is_explained_though_no_output_holds_it(made: Space) -> None:
    _edit(made, "cat {s} > {o}", "wc -l < {s} > {o}; cat {s} > /dev/null")
    _edit(made, "two", "2", "file.txt")
    assert _why(made, "//:first")[:3] == [
        'file.txt changed: line 2 "two" -> "2"',
        "1 action ran again",
        "outputs unchanged: no action that depends on them ran again",
    ]


def test_files_that_a_glob_finds_or_misses(made: Space) -> None:
    made.write("d/b.txt", "b")
    made.build("//...")
    assert _why(made, "//:all")[:2] == ["d/b.txt was added", "1 action ran again"]
    (made.root / "d/a.txt").unlink()
    made.build("//...")
    assert _why(made, "//:all")[:2] == ["d/a.txt was removed", "1 action ran again"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('timeout = "10s"', 'timeout = "20s"', 'BUILD.toml: timeout "10s" -> "20s"'),
        ('MODE = "a"', 'MODE = "b"', 'BUILD.toml: env.MODE "a" -> "b"'),
        ('MODE = "a"', 'OTHER = "a"', 'BUILD.toml: env.MODE "a" -> nothing'),
    ],
)
def test_a_value_of_a_table_is_named(made: Space, old: str, new: str, said: str) -> None:
    _edit(made, old, new)
    assert said in _why(made, "//:second")


def test_a_word_of_a_command_is_named_by_its_place(made: Space) -> None:
    of = '[c]\nrule = "command"\nargv = ["cp", "-p", "{s}", "{o}"]\ninputs = { s = "file.txt" }\noutputs = { o = "y" }\n'
    _edit(made, "[both]", of + "[both]")
    _edit(made, '"-p"', '"-f"')
    assert _why(made, "//:c")[:2] == ['BUILD.toml: argv[1] "-p" -> "-f"', "1 action ran again"]


def test_a_mode_is_named(made: Space) -> None:
    (made.root / "file.txt").chmod(0o755)
    made.build("//...")
    assert _why(made, "//:first")[0] == "file.txt changed: it is executable now"


def test_the_last_change_counts_and_not_one_before(made: Space) -> None:
    _edit(made, "two", "2", "file.txt")
    _edit(made, '"10s"', '"30s"')
    assert _why(made, "//:second")[:2] == [
        'BUILD.toml: timeout "10s" -> "30s"',
        "1 action ran again",
    ]
    assert _why(made, "//:first")[0] == 'file.txt changed: line 2 "two" -> "2"'


def test_nothing_changed_never_built_new_and_gone(made: Space) -> None:
    (line,) = _why(made, "//:second")
    assert (
        line
        == "nothing changed: the actions of //:second have the same keys as when they first ran here"
    )
    made.write("BUILD.toml", _BUILD + _COMMAND.format(name="new", source="file.txt"))
    ran = made.run("why", "//:new", code=2)
    assert (
        "no action of //:new has run in this workspace" in ran.err
        and "`buildgraph build //:new` first" in ran.err
    )
    made.build("//...")
    assert "the same keys as when they first ran" in _why(made, "//:new")[0]
    assert "no target //:nope" in made.run("why", "//:nope", code=2).err


def test_a_result_that_was_gone_from_the_cache(made: Space) -> None:
    made.run("cache", "rm", "//:first")
    made.build("//...")
    assert _why(made, "//:first") == [
        "nothing changed, but results were missing from the cache",
        "1 action ran again: sh",
    ]
    _edit(made, "two", "2", "file.txt")
    shutil.rmtree(made.cache)
    lines = _why(made, "//:first")
    assert lines == [
        "//:first changed, but the cache no longer has its earlier keys",
        "changes from now on can be explained",
    ]


def test_a_workspace_with_a_fault_still_has_a_past(made: Space) -> None:
    _edit(made, "two", "2", "file.txt")
    made.write("BUILD.toml", _BUILD + "[bad\n")
    assert _why(made, "//:second")[:2] == [
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
def test_a_damaged_history_explains_what_is_left(made: Space, line: str) -> None:
    _edit(made, "two", "2", "file.txt")
    path = made.root / ".buildgraph/keys.log"
    key = path.read_text().splitlines()[1].split()[0]
    path.write_bytes(
        path.read_bytes() + f"{line.format(key=key)}\n".encode("utf-8", "surrogateescape")
    )
    (made.root / ".buildgraph/events.jsonl").unlink()
    os.mkfifo(made.root / ".buildgraph/events.jsonl")
    assert _why(made, "//:second")[0] == 'file.txt changed: line 2 "two" -> "2"'


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


def test_json_has_one_shape_whatever_happened(made: Space) -> None:
    def shape(*words: str) -> dict[str, Any]:
        (found,) = (json.loads(line) for line in made.run("why", "--json", *words).out.splitlines())
        assert {name: type(value) for name, value in found.items()} == _SHAPE
        assert found["schema"] == 1 and found["state"] in ("changed", "first", "rerun", "forgotten")
        assert all(set(cause) == _CAUSE for cause in found["causes"])
        assert all(set(link) == {"label", "title", "takes"} for link in found["chain"])
        assert all(
            set(one) == {"label", "title", "state", "parts", "outputs", "keys"}
            for one in found["reasons"]
        )
        return dict(found)

    assert shape("//:second")["state"] == "first"
    _edit(made, "two", "2", "file.txt")
    found = shape("//:second")
    assert (found["state"], found["followed"], found["label"]) == ("changed", 2, "//:second")
    (cause,) = found["causes"]
    assert (cause["kind"], cause["what"], cause["detail"]) == (
        "source",
        "file.txt",
        'line 2 "two" -> "2"',
    )
    assert [link["label"] for link in found["chain"]] == ["//:first", "//:second"]
    assert len(found["reasons"]) == 2 and len(shape("--deps", "//:second")["reasons"]) == 2
    assert shape("--all", "//:both")["label"] == "//:both"
    made.run("cache", "rm", "//:first")
    made.build("//...")
    assert shape("//:first")["state"] == "rerun"
    shutil.rmtree(made.cache)
    assert shape("//:second")["state"] == "forgotten"


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace with an agent for a board, built once."""
    folder = tmp_path_factory.mktemp("agents")
    shutil.copytree(Path(__file__).parents[2] / "examples/npz", folder / "w")
    found = Space(folder / "w", folder / "cache")
    found.build("//exports:rooms.pi")
    return found


def _numbers(of: Space, name: str, at: tuple[int, ...], more: float) -> None:
    import numpy as np

    arrays = dict(np.load(of.root / "models/heater.npz"))
    arrays[name][at] += more
    arrays[name][(at[0] + 1, *at[1:])] -= more
    np.savez(of.root / "models/heater.npz", **arrays)
    of.build("//exports:rooms.pi")


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
