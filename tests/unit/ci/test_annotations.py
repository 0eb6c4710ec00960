"""Annotations: the place, title and message of errors, failed actions and gates."""

from __future__ import annotations

import io
from pathlib import Path

from buildgraph.ci.annotations import Annotations, Places, annotate_error, format_annotation
from buildgraph.types.errors import BuildError, BuildErrors, Location
from buildgraph.types.events import Event, Failed, Fault, Judged, Warned
from tests.support.runner_commands import Command, runner_commands

BUILD = """[workspace]
name = "w"

[words]
rule = "command"
argv = ["true"]
"""


def places(folder: Path) -> Places:
    """A workspace in the folder `w` of a repository."""
    (folder / "w").mkdir()
    (folder / "w/BUILD.toml").write_text(BUILD)
    return Places(str(folder / "w"), {"GITHUB_WORKSPACE": str(folder)})


def commands_of(folder: Path, *events: Event) -> list[Command]:
    """The commands that some events write."""
    out = io.StringIO()
    listener = Annotations(out, places(folder))
    for event in events:
        listener(event)
    listener.close()
    return runner_commands(out.getvalue())


def test_a_failed_action_is_at_the_table_of_its_target(tmp_path: Path) -> None:
    failed = Failed(0, "//:words", "sh", "exit code 3", "one\n::error::forged\n", "")
    (command,) = commands_of(tmp_path, failed, failed)
    assert command.name == "error"
    assert command.properties == {
        "file": "w/BUILD.toml",
        "line": "4",
        "col": "1",
        "title": "//:words: sh",
    }
    assert command.message == "exit code 3\none\n::error::forged"


def test_a_target_that_is_gone_has_no_place(tmp_path: Path) -> None:
    (command,) = commands_of(tmp_path, Failed(0, "//:gone", "sh", "exit code 3", "", ""))
    assert command.properties == {"title": "//:gone: sh"}


def test_each_finding_in_a_log_is_at_its_line(tmp_path: Path) -> None:
    log = (
        "checked 1 file\na.py:3:7: error: E271 two blanks\na.py:9: error: test_a: failed\n"
        "gone.py:1: error: no such file\n/etc/passwd:1: error: outside\na.py:3: note: a note\n"
    )
    failed = Failed(0, "//:words", "sh", "exit code 1", log, "")
    out = io.StringIO()
    annotate = Annotations(out, places(tmp_path))
    (tmp_path / "w/a.py").write_text("")
    annotate(failed)
    _, first, second = runner_commands(out.getvalue())
    assert first.properties == {"file": "w/a.py", "line": "3", "col": "7", "title": "//:words"}
    assert first.message == "E271 two blanks"
    assert second.properties == {"file": "w/a.py", "line": "9", "title": "//:words"}


def test_gates_tool_errors_and_warnings(tmp_path: Path) -> None:
    at: dict[str, str | int] = {"path": "m.json", "line": 7, "column": 2}
    commands = commands_of(
        tmp_path,
        Judged("//:words", "size", "passed"),
        Judged("//:words", "size", "not checked", "needs qemu"),
        Judged("//:words", "size", "failed", "too large"),
        Failed(0, "//:words", "import", "refused", "", "", refused=True),
        Fault("//:words", "no sum", at, "write 1", "refused", "..."),
        Fault("//:words", "no place", None, "", "refused", "..."),
        Warned("old"),
    )
    assert [command.name for command in commands] == ["error", "error", "error", "warning"]
    gate, error, no_place, warning = commands
    assert (gate.message, gate.properties["line"]) == ("gate failed: size", "4")
    assert error.properties["file"] == "w/m.json" and error.properties["line"] == "7"
    assert error.message == "no sum\nwrite 1"
    assert "file" not in no_place.properties
    assert warning == Command("warning", {}, "old")


def test_each_of_several_errors_has_an_annotation(tmp_path: Path) -> None:
    errors = BuildErrors(
        [BuildError("b", Location("BUILD.toml", 9, 1), "mend"), BuildError("a", None)]
    )
    out = io.StringIO()
    annotate_error(errors, places(tmp_path), out)
    first, second = runner_commands(out.getvalue())
    assert first == Command("error", {}, "a")
    assert second.message == "b\nmend" and second.properties["file"] == "w/BUILD.toml"


def test_a_file_outside_of_the_repository_keeps_its_path(tmp_path: Path) -> None:
    assert Places(str(tmp_path), {"GITHUB_WORKSPACE": "/nonexistent"}).file("a") == "a"
    assert Places(str(tmp_path), {}).file("a") == "a"
    assert format_annotation("error", "m", "", Location("a")) == "::error file=a::m"
