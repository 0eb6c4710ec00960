"""`build --check` runs actions again and reports outputs that depend on more than their inputs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.requirements import absent
from tests.support.workspace import Space, space

TABLE = """
[{name}]
rule = "command"
inputs = {{ tool = "{name}.py", other = "words.txt" }}
outputs = {{ o = "{output}" }}
argv = ["python3", "{{tool}}", "{{o}}"]
"""


def python_workspace(folder: Path, **tools: str) -> Space:
    """A workspace with a command per Python program; `x__json` writes `x.json`, `tree` a folder."""
    tables = "".join(
        TABLE.format(name=name, output="t/" if name == "tree" else name.replace("__", "."))
        for name in tools
    )
    workspace = space(folder, '[workspace]\nname = "w"\n' + tables)
    workspace.write("words.txt", "words\n")
    for name, program in tools.items():
        workspace.write(f"{name}.py", "import os, sys, time, json\nout = sys.argv[1]\n" + program)
    return workspace


def differences(workspace: Space, *words: str, code: int) -> dict[str, str]:
    """Label -> first difference of an output."""
    events = workspace.run("build", "--json", *words, code=code).events
    judged = [event for event in events if event["event"] == "judged"]
    return {event["label"]: event["why"] for event in judged if event["verdict"] == "failed"}


def test_outputs_that_depend_on_inputs_only_pass(tmp_path: Path) -> None:
    workspace = python_workspace(
        tmp_path, good="open(out, 'w').write('x')\n", tree="open(out + '/f', 'w').write('x')\n"
    )
    assert differences(workspace, "--check", "//...", code=0) == {}
    done = workspace.run("build", "--check", "//...").out
    assert "passed       check: 2 actions produced the same outputs again" in done


BROKEN = {
    "time__json": ("json.dump({'a': [1, {'at': time.time_ns()}]}, open(out, 'w'))", "$.a[1].at: "),
    "zone": ("open(out, 'w').write('same\\n' + time.strftime('%Z'))", "line 2: 'UTC' -> "),
    "order": (
        "open(out, 'w').write(' '.join({'one', 'two', 'three', 'four', 'five', 'six', 'seven'}))",
        "line 1: ",
    ),
    "cpus": ("open(out, 'w').write(str(len(os.sched_getaffinity(0))))", "line 1: "),
    "mask": (
        "open(out, 'w'); os.chmod(out, 0o700 if os.umask(0) == 0o22 else 0o600)",
        "executable: True -> False",
    ),
    "tree": ("open(out + '/' + str(time.time_ns()), 'w')", " is only in the first"),
    "dies": (
        "open(out, 'w')\nif os.umask(0) != 0o22: sys.exit('no luck')",
        "it succeeded once, then failed: exit code 1: no luck",
    ),
}


def _needs_two_cpus() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        absent("this machine has one CPU")


@pytest.mark.parametrize("name", BROKEN)
def test_each_hidden_dependency_is_reported(tmp_path: Path, name: str) -> None:
    program, why = BROKEN[name]
    if name == "cpus":
        _needs_two_cpus()
    workspace = python_workspace(tmp_path, **{name: program, "good": "open(out, 'w').write('x')\n"})
    workspace.build("//...")
    reasons = differences(workspace, "--check", "//...", code=3)
    assert list(reasons) == [f"//:{name}"] and why in reasons[f"//:{name}"]


def test_a_limit_selects_the_same_actions_each_time(tmp_path: Path) -> None:
    program = "open(out, 'w').write('{}' + str(time.time_ns()))"
    workspace = python_workspace(
        tmp_path, **{f"n{number}": program.format(number) for number in range(6)}
    )
    workspace.build("//...")
    first = differences(workspace, "--check=2", "//...", code=3)
    assert len(first) == 2 and list(differences(workspace, "--check=2", "//...", code=3)) == list(
        first
    )
    assert len(differences(workspace, "--check", "//...", code=3)) == 6


def test_the_built_outputs_stay_as_they_are(tmp_path: Path) -> None:
    workspace = python_workspace(tmp_path, late="open(out, 'w').write(str(time.time_ns()))\n")
    workspace.build("//...")
    before = (workspace.root / "out/late/late").read_text()
    differences(workspace, "--check", "//...", code=3)
    workspace.build("//...")
    assert (workspace.root / "out/late/late").read_text() == before
    assert not list((workspace.cache / "work").iterdir()) and not list(
        (workspace.cache / "tmp").iterdir()
    )


def test_a_wrong_number_is_refused(tmp_path: Path) -> None:
    workspace = python_workspace(tmp_path, good="open(out, 'w')")
    assert "not a number" in workspace.run("build", "--check=x", "//...", code=2).err


def test_json_in_a_tree_is_named_by_its_path(tmp_path: Path) -> None:
    workspace = python_workspace(
        tmp_path,
        tree="os.mkdir(out + '/d')\njson.dump([time.time_ns()], open(out + '/d/x.json', 'w'))\n",
    )
    workspace.build("//...")
    assert "t/d/x.json: $[0]: " in json.dumps(differences(workspace, "--check", "//...", code=3))
