"""The interface for authors of rules."""

from __future__ import annotations

import textwrap

import pytest

from buildgraph.analysis import rule_api
from buildgraph.analysis.rule_api import Ctx, Registry, Rule, Tool, rules_of
from buildgraph.types.action import Content, In, Out, Output, Program, Source
from buildgraph.types.errors import BuildError
from buildgraph.types.label import Label
from buildgraph.types.target import Target


def context(workspace: str = "") -> Ctx:
    """A context of the target //a:b."""
    return Ctx(Target(Label("a", "b"), "r", {}, "", {}), workspace=workspace)


def test_words_of_a_command_become_paths_inputs_and_programs() -> None:
    made = Output("x/o.txt", context().run(["sh", Out("o")])[0].action)
    (out,) = context().run(
        [Program("cp"), Source("a/f.txt"), made, In(Content("c", b""), "named"), Out("d/o")],
        inputs=[In(Source("more"), "extra")],
        programs=["sh"],
        env={"B": "2", "A": "1"},
    )
    action = out.action
    assert action.argv == ("cp", "a/f.txt", "in/2/o.txt", "named", "out/d/o")
    assert [path for path, _ in action.inputs] == ["a/f.txt", "extra", "in/2/o.txt", "named"]
    assert action.programs == ("cp", "sh") and action.env == (("A", "1"), ("B", "2"))
    assert (str(action.owner), action.title, out.name) == ("//a:b", "cp", "d/o")


def test_outputs_of_others_avoid_the_paths_of_sources() -> None:
    made = context().run(["sh", Out("o")])[0]
    (out,) = context().run(["cat", Source("in/0/o"), made, Out("x")])
    paths = [path for path, _ in out.action.inputs]
    assert "in/0/o" in paths and len(set(paths)) == 2
    (out,) = context().run(["cat", Source("in/other"), made, Out("x")])
    assert "in/1/o" in [path for path, _ in out.action.inputs], "no clash: the usual folder"


@pytest.mark.parametrize(
    ("argv", "options", "what"),
    [
        (["x\0", Out("o")], {}, "contains NUL"),
        (["x", Out("o")], {"env": {"A=B": ""}}, "empty or contains '='"),
        (["x", Out("o")], {"env": {"PWD": "/"}}, "PWD cannot be set"),
        (
            ["x", Out("o")],
            {"env": {"PYTHONPATH": "x"}, "distributions": ("numpy",)},
            "PYTHONPATH cannot be set together with packages",
        ),
        ([In(Source("a"), "x"), In(Source("b"), "x"), Out("o")], {}, "both staged as 'x'"),
        (["x", Out("../o")], {}, "an output cannot be at '../o'"),
    ],
)
def test_invalid_commands_are_refused(
    argv: list[str], options: dict[str, object], what: str
) -> None:
    with pytest.raises(BuildError) as error:
        context().run(argv, **options)  # type: ignore[arg-type]
    assert what in error.value.what


def test_a_shipped_tool_runs_with_its_files() -> None:
    (out,) = context().tool(Tool("copy_tree"), Source("f"), Out("o"), timeout=5)
    assert out.action.argv == ("python3", "-S", "-s", "-B", "tools/copy_tree.py", "f", "out/o")
    assert out.action.title == "copy_tree" and out.action.timeout == 5
    with pytest.raises(BuildError, match="no tool 'copy_tre' ships") as error:
        context().tool(Tool("copy_tre"), Out("o"))
    assert "copy_tree" in error.value.fix


def test_images_are_named_by_workspace_and_label() -> None:
    assert context("swarm").image_name == "swarm/a/b:latest"


def test_the_example_of_the_documentation_is_a_rule() -> None:
    text = rule_api.__doc__ or ""
    code = textwrap.dedent(text[text.index("    from dataclasses") :])
    namespace: dict[str, object] = {"__name__": "example"}
    exec(compile(code, "example", "exec", dont_inherit=True), namespace)
    page = namespace["page"]
    assert callable(page)
    provider = page(context(), Source("a/page.md"), "Title")
    assert provider.html.action.argv == (
        "pandoc",
        "-T",
        "Title",
        "a/page.md",
        "-o",
        "out/page.html",
    )


def test_rules_are_found_by_their_mark_and_have_one_name() -> None:
    class module:
        """Stands in for a module."""

    def files_(ctx: Ctx) -> None: ...

    files_.__module__ = module.__name__ = "example"
    setattr(module, "files_", rule_api.rule(files_))  # type: ignore[type-var]
    (rule,) = rules_of(module)
    assert rule.name == "files"
    registry = Registry()
    registry.add(rule)
    with pytest.raises(BuildError, match="defined twice"):
        registry.add(Rule("files", rule.function))
