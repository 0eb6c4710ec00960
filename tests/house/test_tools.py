"""A tool stages exactly the files and distributions that it uses, so only these change its key."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import closures
import pytest

from buildgraph import Tool
from buildgraph.types.errors import BuildError
from tests.house.test_layers import ROOT
from tests.support.closures import DISTRIBUTIONS, MARK, RUN, TABLE, imported, table

TOOLS = ROOT / "rules" / "tools"
PROGRAMS = closures.programs()


def declared() -> list[Tool]:
    """Every tool that a shipped rule declares."""
    tools: list[Tool] = []
    for path in sorted(
        path for path in (ROOT / "rules").rglob("*.py") if TOOLS not in path.parents
    ):
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        module = importlib.import_module(f"buildgraph.{dotted}")
        tools += [value for value in vars(module).values() if isinstance(value, Tool)]
    return sorted(set(tools), key=lambda tool: tool.name)


def reached(program: str) -> tuple[set[str], set[str]]:
    """(files, distributions) that a program uses, from its imports instead of the table."""
    files, foreign, waiting = set[str](), set[str](), [program.replace(".", "/")]
    while waiting:
        name = waiting.pop()
        path = TOOLS / f"{name}.py"
        if not path.is_file():
            path = TOOLS / name / "__init__.py"
        file = path.relative_to(TOOLS).as_posix()
        if file in files:
            continue
        files.add(file)
        waiting += [
            str(parent)
            for parent in Path(file).parents
            if (TOOLS / parent / "__init__.py").is_file() and str(parent) != "."
        ]
        text = path.read_text()
        foreign |= {RUN[word] for word in RUN if f'"{word}"' in text}
        files |= {
            f"agentc/native/{header.name}"
            for header in (TOOLS / "agentc/native").iterdir()
            if f'"{header.name}"' in text
        }
        for dotted in imported(path):
            top = dotted.partition(".")[0]
            if (TOOLS / top).is_dir():
                waiting.append(dotted.replace(".", "/"))
            elif top in DISTRIBUTIONS:
                foreign.add(DISTRIBUTIONS[top])
    return files, foreign


def test_the_table_is_what_the_command_writes() -> None:
    assert TABLE.read_text().partition(MARK)[2] == table(), (
        "run python -m tests.support.closures --write"
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_tool_stages_what_it_uses(program: str) -> None:
    files, foreign = reached(program)
    tool = Tool(program)
    assert {tool_file.path for tool_file in tool.inputs()} == {f"tools/{file}" for file in files}
    assert all(
        (TOOLS / tool_file.path.removeprefix("tools/")).is_file() for tool_file in tool.inputs()
    )
    assert set(tool.distributions) == foreign


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs_with_nothing_but_what_it_stages(program: str, tmp_path: Path) -> None:
    """Its imports succeed in a folder that contains only the staged files."""
    for tool_file in Tool(program).inputs():
        place = tmp_path / tool_file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((TOOLS / tool_file.path.removeprefix("tools/")).read_bytes())
    done = subprocess.run(
        [sys.executable, "-s", "-B", "-c", f"import sys; sys.path[0] = 'tools'; import {program}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_program_in_tools_is_declared_by_a_rule() -> None:
    programs = {path.stem for path in TOOLS.glob("*.py") if "__main__" in path.read_text()}
    assert programs == {tool.name for tool in declared()} == set(PROGRAMS)


def test_every_file_of_the_tools_is_used_by_a_program() -> None:
    used = {
        tool_file.path.removeprefix("tools/")
        for program in PROGRAMS
        for tool_file in Tool(program).inputs()
    }
    there = {
        path.relative_to(TOOLS).as_posix()
        for path in TOOLS.rglob("*")
        if path.suffix in (".py", ".h")
    }
    assert there - used == {"__init__.py", "closures.py"}


def test_the_wheel_has_every_folder_of_rules_and_the_native_files() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "rules").rglob("__init__.py")}
    packages = {".".join(("buildgraph", *folder.parts)) for folder in folders}
    assert packages == {
        name for name in settings["packages"] if name.startswith("buildgraph.rules")
    }
    assert settings["package-data"]["buildgraph.rules.tools.agentc"] == ["native/*"]


def test_an_unknown_tool_is_refused_with_a_hint() -> None:
    with pytest.raises(BuildError, match="no tool 'plan_agnet' ships with buildgraph") as error:
        Tool("plan_agnet").inputs()
    assert "plan_agent" in error.value.fix
