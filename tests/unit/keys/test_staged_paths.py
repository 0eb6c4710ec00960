"""Paths of the inputs and outputs of an action do not conflict, whatever the names of its sources
are.
"""

from __future__ import annotations

import pytest

from buildgraph import Artifact, BuildError, Content, Globs, In, Out, Output, Source
from buildgraph.keys.staged_paths import find_nested_path, unused_path
from buildgraph.types.action import Action
from buildgraph.types.errors import Location
from rules.command import command
from rules.files import COPY_TREE, files
from rules.gate import gate
from tests.support.rule_context import ctx, maker

OUTPUT = Output("made", Action((), (), (Out("made"),)))


@pytest.mark.parametrize(
    ("paths", "nested"),
    [
        ((), None),
        (("a", "b", "a.b", "ab"), None),
        (("a/b", "a/c", "ab/c"), None),
        (("a", "a/b"), ("a", "a/b")),
        (("a/b/c/d", "x", "a/b"), ("a/b", "a/b/c/d")),
    ],
)
def test_a_path_below_another_one_is_detected(
    paths: tuple[str, ...], nested: tuple[str, str] | None
) -> None:
    assert find_nested_path(paths) == nested


def test_an_added_folder_gets_a_name_that_no_source_has() -> None:
    assert unused_path("site", ["a", "sites/x"]) == "site"
    assert unused_path("site", ["site", "site-1/x"]) == "site-2"


def staged(output: Artifact) -> dict[str, object]:
    """The inputs of the action of an output, by their staged paths."""
    return dict(maker(output).inputs)


@pytest.mark.parametrize("source", ["in", "in/x", "in/x/made", "in/x/made/deep"])
def test_sources_can_be_where_outputs_of_others_would_be(source: str) -> None:
    """The outputs then get another folder.

    Without a conflict they keep theirs, and the key stays.
    """
    [(_, output)] = command(
        ctx(), ("cat", "{x}", "{s}", "{o}"), {"o": "o"}, inputs={"x": OUTPUT, "s": Source(source)}
    ).artifacts
    assert (
        source in staged(output)
        and "in-1/x/made" in maker(output).argv
        and len(staged(output)) == 2
    )
    [(_, usual)] = command(
        ctx(), ("cat", "{x}", "{o}"), {"o": "o"}, inputs={"x": OUTPUT, "s": Source("in/other")}
    ).artifacts
    assert set(staged(usual)) == {"in/x/made", "in/other"}


def test_a_rule_of_the_user_may_name_such_a_source() -> None:
    """buildgraph chooses the paths of the words of its argv."""
    (output,) = ctx().run([OUTPUT, Source("in/0/made"), Out("o")])
    assert set(staged(output)) == {"in/0/made", "in-1/0/made"} and maker(output).argv == (
        "in-1/0/made",
        "in/0/made",
        "out/o",
    )
    (usual,) = ctx().run([OUTPUT, Source("in/x"), Out("o")])
    assert maker(usual).argv == ("in/0/made", "in/x", "out/o")


@pytest.mark.parametrize("source", ["tools", "tools/copy_tree.py", "tools/shutil.py"])
def test_no_source_is_imported_by_a_tool(source: str) -> None:
    """Python imports a module beside a program before all others."""
    (output,) = ctx().tool(COPY_TREE, In(Source(source), source), Out("o"))
    assert maker(output).argv[4] == "tools-1/copy_tree.py" and "tools-1/copy_tree.py" in staged(
        output
    )
    (usual,) = ctx().tool(COPY_TREE, In(Source("my/tools"), "my/tools"), Out("o"))
    assert maker(usual).argv[4] == "tools/copy_tree.py"


def test_a_program_of_the_host_is_not_a_source_of_its_name() -> None:
    """Only `{name}` or a path runs an input."""
    inputs: dict[str, Artifact] = {"s": Source("cp"), "p": Source("bin/run")}
    [(_, host)] = command(ctx(), ("cp", "{s}", "{o}"), {"o": "o"}, inputs=inputs).artifacts
    [(_, own)] = command(ctx(), ("{s}", "{o}"), {"o": "o"}, inputs=inputs).artifacts
    [(_, path)] = command(ctx(), ("bin/run", "{o}"), {"o": "o"}, inputs=inputs).artifacts
    assert [maker(output).programs for output in (host, own, path)] == [("cp",), (), ()]
    [checked] = gate(ctx(), ("cp", "{s}"), inputs=inputs).gates
    assert "cp" in maker(checked.verdict).programs
    with pytest.raises(BuildError, match="a program of the host"):
        gate(ctx(), ("{s}",), inputs=inputs)


@pytest.mark.parametrize(
    ("source", "outputs"),
    [
        ("out", ("x",)),
        ("out/x", ("x",)),
        ("out/x", ("x/",)),
        ("out/x/y", ("x/",)),
        ("out/x/y", ("x",)),
        ("out/x", ("x/y",)),
    ],
)
def test_a_source_at_the_path_of_an_output_is_refused(
    source: str, outputs: tuple[str, ...]
) -> None:
    with pytest.raises(BuildError, match="'out'|place of the output") as error:
        command(
            ctx(),
            ("sh",),
            {f"o{n}": path for n, path in enumerate(outputs)},
            inputs={"s": Source(source)},
        )
    assert error.value.fix


def test_other_sources_below_out_are_inputs() -> None:
    [(_, output)] = command(
        ctx(), ("cat", "{s}", "{o}"), {"o": "data/x"}, inputs={"s": Source("out/data/y")}
    ).artifacts
    assert set(staged(output)) == {"out/data/y"}


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a//b", "", "a/../../x", ".", "a\0b", "d/" * 2000 + "x"]
)
def test_paths_are_in_the_working_folder(path: str) -> None:
    """A rule of the user may choose the paths of inputs and outputs."""
    with pytest.raises(BuildError):
        ctx().run(["cat", In(Content("c", b""), path), Out("o")])
    with pytest.raises(BuildError):
        ctx().run(["cat", Out(path)])


@pytest.mark.parametrize("outs", [("x", "x/y"), ("x", "x"), ("d/" * 64 + "x",)])
def test_impossible_outputs_are_refused(outs: tuple[str, ...]) -> None:
    """An output is in another one, is declared twice, or is too deep."""
    with pytest.raises(BuildError):
        ctx().run(["make"], outputs=[Out(path) for path in outs])


def test_a_tree_of_deep_files_is_refused_at_their_location() -> None:
    """A tree of outputs cannot be so deep."""
    at = Location("BUILD.toml", 3, 1)
    with pytest.raises(BuildError, match="64 folders") as error:
        files(ctx(), Globs((Source("a"), Source("d/" * 65 + "a", at))))
    assert error.value.at == at
    files(ctx(), Globs((Source("d/" * 64 + "a", at),)))


def test_reserved_variables_are_refused() -> None:
    """A variable that a command would not receive must not be dropped silently."""
    with pytest.raises(BuildError, match="PWD"):
        command(ctx(), ("sh",), {"o": "o"}, env={"PWD": "/x"})
    with pytest.raises(BuildError, match="PYTHONPATH"):
        command(ctx(), ("sh",), {"o": "o"}, env={"PYTHONPATH": "x"}, packages=("numpy",))
    command(
        ctx(),
        ("sh",),
        {"o": "o"},
        env={"PYTHONPATH": "x", "TMPDIR": "/x", "HOME": "/x", "USER": "me"},
    )
