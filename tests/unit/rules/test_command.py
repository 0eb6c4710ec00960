"""Placeholders of `command` and `gate`, and the paths of their inputs."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from buildgraph import BuildError, Content, In, Program, Source
from rules.command import command, expand_argv, stage_inputs
from rules.gate import gate
from tests.support.rule_context import ctx, maker

PATHS = {"text": "in/text/page.md", "o": "out/page.html"}


def test_names_become_paths_and_double_braces_braces() -> None:
    assert expand_argv(ctx(), ("a{text}b{o}", "{{text}}", "", "plain"), PATHS) == [
        "ain/text/page.mdbout/page.html",
        "{text}",
        "",
        "plain",
    ]


@given(st.text(max_size=30))
def test_any_word_can_be_written(word: str) -> None:
    assert expand_argv(ctx(), (word.replace("{", "{{").replace("}", "}}"),), PATHS) == [word]


@given(st.text(alphabet="{}!:texo. 0[]", max_size=12))
def test_any_other_word_is_refused_and_never_formatted(word: str) -> None:
    try:
        expand_argv(ctx(), (word,), PATHS)
    except BuildError as fault:
        assert fault.fix


@pytest.mark.parametrize(
    "word", ["{}", "{0}", "{text.name}", "{text[0]}", "{text!r}", "{text:>9}", "{none}", "{", "}"]
)
def test_what_is_no_name_is_refused(word: str) -> None:
    with pytest.raises(BuildError):
        expand_argv(ctx(), (word,), PATHS)


def test_sources_keep_their_paths_and_outputs_get_a_folder_each() -> None:
    staged = stage_inputs({"page": Source("docs/page.md"), "known": Content("deep/known.txt", b"")})
    assert staged == {
        "page": In(Source("docs/page.md"), "docs/page.md"),
        "known": In(Content("deep/known.txt", b""), "in/known/known.txt"),
    }


def test_a_command_starts_a_program_of_the_host_or_one_of_its_inputs() -> None:
    [(_, host)] = command(ctx(), ("sh", "{o}"), {"o": "o"}).artifacts
    assert maker(host).programs == ("sh",) and maker(host).argv == ("sh", "out/o")
    [(_, own)] = command(
        ctx(), ("{tool}", "{o}"), {"o": "o"}, inputs={"tool": Source("tool.sh")}
    ).artifacts
    assert maker(own).programs == () and maker(own).argv == ("tool.sh", "out/o")


def test_a_gate_needs_its_program_and_python_is_always_there() -> None:
    [grep], [python] = gate(ctx(), ("grep", "x")).gates, gate(ctx(), ("python3", "-c", "")).gates
    assert grep.needs == ("grep",) and "grep" in maker(grep.verdict).programs
    assert python.needs == () and maker(python.verdict).programs == (Program("python3").name,)
