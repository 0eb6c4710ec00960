"""The JSON Schema of BUILD.toml as a golden, checked by a third party; and completion in real shells.

After an intended change: BUILDGRAPH_GOLDEN=write pytest tests/e2e/test_schema.py, then review the
difference.
"""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.requirements import need, need_module
from tests.support.workspace import Space, space

ROOT = Path(__file__).parents[2]
_GOLDEN = ROOT / "tests/golden/schema.json"
_WORKSPACES = sorted(
    path.parent for path in [ROOT / "BUILD.toml", *ROOT.glob("examples/*/BUILD.toml")]
)


def _schema(folder: Path, tmp_path: Path) -> Any:
    return json.loads(Space(folder, tmp_path / "cache").run("schema").out)


def _mistakes(schema: Any, document: object) -> list[str]:
    need_module("jsonschema")
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(document)]


def test_the_schema_is_the_golden(tmp_path: Path) -> None:
    schema = Space(tmp_path, tmp_path / "cache").run("schema").out
    if os.environ.get("BUILDGRAPH_GOLDEN") == "write":
        _GOLDEN.write_text(schema, encoding="utf-8")
    assert schema == _GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", _WORKSPACES, ids=lambda path: path.name)
def test_every_example_is_valid(folder: Path, tmp_path: Path) -> None:
    schema = _schema(folder, tmp_path)
    files = [
        path
        for path in folder.rglob("BUILD.toml")
        if not any(
            other != folder and folder in other.parents and other in path.parents
            for other in _WORKSPACES
        )
    ]
    for path in files:
        assert _mistakes(schema, tomllib.loads(path.read_text())) == [], path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[a]\nrule = "modell"\n', "is not one of"),
        ('[a]\nrule = "model"\nsorce = "x"\n', "model"),
        ('[a]\nrule = "hardware"\nprofile = 3\n', "is not of type 'string'"),
        ("[workspace]\nnam = 1\n", "nam"),
    ],
)
def test_mistakes_are_found(tmp_path: Path, text: str, expected: str) -> None:
    messages = _mistakes(_schema(tmp_path, tmp_path), tomllib.loads(text))
    assert any(expected in message for message in messages), messages


def _taplo(tmp_path: Path, schema: str, text: str) -> str:
    """Return the output of taplo, the language server of many editors; '' for a valid file."""
    taplo = need("taplo")
    (tmp_path / "schema.json").write_text(schema)
    (tmp_path / "BUILD.toml").write_text(text)
    done = subprocess.run(
        [taplo, "lint", "--schema", f"file://{tmp_path}/schema.json", "BUILD.toml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_taplo_reads_the_schema(tmp_path: Path) -> None:
    for folder in _WORKSPACES:
        schema = Space(folder, tmp_path / "cache").run("schema").out
        assert _taplo(tmp_path, schema, (folder / "BUILD.toml").read_text()) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[h]\nrule = "hardware"\nprofile = "raspberry-pi-55"\n', "raspberry-pi-5"),
        (
            '[t]\nrule = "command"\nargv = ["x"]\noutputs = { o = "x" }\ntimeout = "5 weeks"\n',
            "5 weeks",
        ),
        ('[e]\nrule = "export"\ncoalition = "x"\nhardware = "//h:h"\n', '"x" does not match'),
        (
            '[e]\nrule = "export"\ncoalition = "//x"\nhardware = "//h:h"\nbudget = { image = "2 Mib" }\n',
            "2 Mib",
        ),
        ("[workspace]\nchecked = true\n", "checked"),
        ('[t]\nrule = "comand"\n', "comand"),
        ('[c]\nrule = "coalition"\nagents = { a = { model = "//m:a", replica = 3 } }\n', "replica"),
    ],
)
def test_taplo_finds_mistakes(tmp_path: Path, text: str, expected: str) -> None:
    schema = Space(tmp_path, tmp_path / "cache").run("schema").out
    assert expected in _taplo(tmp_path, schema, text)
    assert _mistakes(json.loads(schema), tomllib.loads(text)) != []


@pytest.mark.parametrize("text", ["2MiB", "1.5 GB", "0B"])
def test_values_that_are_taken_fit_the_schema(tmp_path: Path, text: str) -> None:
    document = f'[e]\nrule = "export"\ncoalition = ":c"\nhardware = "//h:h"\nbudget = {{ image = "{text}" }}\n'
    assert (
        _mistakes(
            _schema(tmp_path, tmp_path),
            tomllib.loads(document + '[e.more.f]\nrule = "files"\nsrcs = ["**"]\n'),
        )
        == []
    )


def test_rules_of_the_workspace_are_part_of_its_schema(tmp_path: Path) -> None:
    workspace = space(tmp_path, '[workspace]\nname = "w"\nrules = ["mine.py"]\n')
    workspace.write(
        "mine.py",
        "from dataclasses import dataclass\nfrom buildgraph import Ctx, Provider, rule\n"
        "@dataclass(frozen=True)\nclass P(Provider):\n    n: int\n"
        '@rule\ndef mine(ctx: Ctx, n: int) -> P:\n    """Mine."""\n    return P(n)\n',
    )
    assert "rule.mine" in json.loads(workspace.run("schema").out)["$defs"]
    assert "\n" not in workspace.run("schema", "--json").out.strip()


_BUILD = '[workspace]\nname = "w"\n' + "".join(
    f'[{name}]\nrule = "command"\noutputs = {{ o = "o" }}\nargv = ["sh"]\n'
    for name in ("g.left", "g.lower", "top")
)


@pytest.fixture
def workspace(tmp_path: Path) -> Space:
    """Three targets."""
    return space(tmp_path, _BUILD)


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        (("que",), ["query"]),
        (("build", "--sandbox-"), ["--sandbox-debug"]),
        (("build", "//g:l"), ["//g:left", "//g:lower"]),
        (("build", "-//g:lo"), ["-//g:lower"]),
        (("build", "--sandbox", "l"), ["landlock"]),
        (("build", ":t"), [":top"]),
        (("query", "rd"), ["rdeps"]),
        (("query", "rdeps", "//:"), ["//:top"]),
        (("completion", "z"), ["zsh"]),
        (("nothing", ""), []),
        (("build", "--out", ""), []),
        (("build", "plain"), []),
        (("run", "//:top", "--", "//g:le"), ["//g:left"]),
    ],
)
def test_words_are_completed(
    workspace: Space, words: tuple[str, ...], completions: list[str]
) -> None:
    assert workspace.run("__complete", *words).out.split() == completions


def test_a_broken_workspace_completes_nothing_quietly(workspace: Space) -> None:
    workspace.write("BUILD.toml", "[workspace]\n[")
    ran = workspace.run("__complete", "build", "//")
    assert (ran.out, ran.err) == ("", "")


_ASK = {
    "bash": 'COMP_LINE="buildgraph build //g:l"; COMP_POINT=${#COMP_LINE}; _buildgraph; '
    'printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": "words=(buildgraph build //g:l); CURRENT=3; PREFIX=//g:l; _buildgraph",
    "fish": 'complete -C "buildgraph build //g:l"',
}
_BEFORE = {"zsh": 'compdef() { : }; compadd() { shift; print -l -- "$@" }; _files() { : }; '}
_SOURCE = {
    "bash": "source <(buildgraph completion bash); ",
    "zsh": "source <(buildgraph completion zsh); ",
    "fish": "buildgraph completion fish | source; ",
}


@pytest.mark.parametrize("shell", list(_ASK))
def test_a_shell_completes_labels(workspace: Space, shell: str, tmp_path: Path) -> None:
    program = need(shell)
    tool = tmp_path / "bin/buildgraph"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\nexec " + " ".join(workspace.command()) + ' "$@"\n')
    tool.chmod(0o755)
    env = workspace.environ() | {
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    ran = subprocess.run(
        [program, "-c", _BEFORE.get(shell, "") + _SOURCE[shell] + _ASK[shell]],
        cwd=workspace.root,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # bash keeps the part before a colon
    expected = ["left", "lower"] if shell == "bash" else ["//g:left", "//g:lower"]
    assert ran.stdout.split() == expected, ran.stderr
