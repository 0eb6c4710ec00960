"""Models in Python: their input files, time limits, output and error messages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.requirements import need, need_module
from tests.support.workspace import Space, space

TABLES = """\
[workspace]
name = "w"
[models.walker]
rule = "model"
source = "agents/walker.py"
inputs = ["agents/agentc.py", "agents/lib/*.py", "agents/data/*.csv"]
"""
WALKER = """\
import os
import agentc                   # the name of a module of the program that runs this
from lib.moves import moves
print("walker is", __name__)
def build():
    here = os.path.dirname(__file__)
    assert open("data/noise.csv").read() == open(os.path.join(here, "data", "noise.csv")).read()
    return {"A": [agentc.seen(open("data/noise.csv").read())], "B": [moves()]}
"""
FILES = {
    "agents/walker.py": WALKER,
    "agents/agentc.py": "import numpy as np\ndef seen(text):\n    p = float(text)\n"
    "    return np.array([[1 - p, p], [p, 1 - p]])\n",
    "agents/lib/__init__.py": "",
    "agents/lib/moves.py": "import numpy as np\ndef moves():\n"
    "    return np.stack([np.eye(2), np.eye(2)[::-1]], axis=-1)\n",
    "agents/data/noise.csv": "0.25\n",
}


def walker(folder: Path, tables: str = TABLES) -> Space:
    """Create a workspace with a model of several files."""
    workspace = space(folder, tables)
    for path, text in FILES.items():
        workspace.write(path, text)
    return workspace


def failing(folder: Path, text: str | bytes, rest: str = "") -> str:
    """Build a model that fails, and return the stderr of the build."""
    workspace = space(
        folder, f'[workspace]\nname = "w"\n[models.m]\nrule = "model"\nsource = "a/m.py"\n{rest}\n'
    )
    workspace.write("a/m.py", text)
    ran = workspace.run("build", "//models:m", code=None)
    assert ran.code in (1, 2) and not (workspace.root / "out/models/m").exists()
    return ran.err


@pytest.mark.parametrize("level", ["namespaces", "landlock", "none"])
def test_a_model_finds_its_files_in_every_sandbox(level: str, tmp_path: Path) -> None:
    if level == "namespaces":
        need("bwrap")
    workspace = walker(tmp_path)
    workspace.run("build", "//models:walker", f"--sandbox={level}")
    A = (workspace.root / "out/models/walker/ir/A0.f64").read_bytes()
    assert A == walker_table(0.25)


def walker_table(noise: float) -> bytes:
    """Return A of the walker as it is encoded in the output."""
    import numpy as np

    return np.array([[1 - noise, noise], [noise, 1 - noise]]).tobytes()


def test_an_edited_input_is_imported_again_and_equal_arrays_cut_off(tmp_path: Path) -> None:
    workspace = walker(tmp_path)
    workspace.run("build", "//models:walker")
    workspace.write("agents/data/noise.csv", "0.250\n")
    assert workspace.run("build", "//models:walker", "--json").titles() == ["ingest walker"]
    workspace.write("agents/lib/moves.py", FILES["agents/lib/moves.py"] + "# a comment\n")
    assert workspace.run("build", "//models:walker", "--json").titles() == ["ingest walker"]
    workspace.write("agents/data/noise.csv", "0.125\n")
    assert workspace.run("build", "//models:walker", "--json").titles() == [
        "choose the runtime of walker",
        "ingest walker",
    ]
    assert (workspace.root / "out/models/walker/ir/A0.f64").read_bytes() == walker_table(0.125)
    workspace.write("agents/unread.txt", "not an input")
    assert workspace.run("build", "//models:walker", "--json").titles() == []


def test_an_undeclared_file_is_named_with_the_line_to_write(tmp_path: Path) -> None:
    workspace = walker(tmp_path, TABLES.replace('"agents/agentc.py", ', ""))
    assert (
        'inputs = ["agents/agentc.py"]' in workspace.run("build", "//models:walker", code=None).err
    )
    workspace.write("BUILD.toml", TABLES.replace(', "agents/data/*.csv"', ""))
    stderr = workspace.run("build", "//models:walker", code=None).err
    assert (
        'inputs = ["agents/data/noise.csv"]' in stderr
        and "walker.py, line 7: FileNotFoundError" in stderr
    )
    workspace.write("BUILD.toml", TABLES.replace("agents/agentc.py", "agents/irr.py"))
    assert "no file 'agents/irr.py'" in workspace.run("build", "//models:walker", code=2).err


def test_the_output_of_a_model_is_shown_after_a_hit_too(tmp_path: Path) -> None:
    workspace = walker(tmp_path)
    assert "has run in" in workspace.run("log", "//models:walker", code=2).err
    workspace.run("build", "//models:walker")
    log = workspace.run("log", "//models:walker").out
    assert "//models:walker: ingest walker\n   | walker is model_source_file\n" in log
    assert "choose the runtime of walker: it printed nothing" in log
    other = Space(tmp_path / "other", workspace.cache)
    for path in ("BUILD.toml", *FILES):
        other.write(path, (workspace.root / path).read_bytes())
    assert (
        "0 ran" in other.run("build", "//models:walker").out
        and other.run("log", "//models:walker").out == log
    )
    (entry,) = [
        entry
        for entry in json.loads(other.run("log", "//models:walker", "--json").out)["logs"]
        if entry["log"]
    ]
    assert entry == {
        "label": "//models:walker",
        "title": "ingest walker",
        "state": "passed",
        "log": "walker is model_source_file\n",
    }
    other.write("agents/walker.py", 'print("other")\n1 / 0\n')
    other.run("build", "//models:walker", code=None)
    failed = other.run("log", "//models:walker").out
    assert "ingest walker: failed\n   | other\n" in failed and "ZeroDivisionError" in failed


FAILURES: list[tuple[str | bytes, str]] = [
    ("import sklearn\n", 'packages = ["scikit-learn"]'),
    ("import yaml.nodes\n", 'packages = ["PyYAML"]'),
    ("from pymdp.agent import Agent\n", 'packages = ["inferactively-pymdp"]'),
    ("import cv2\n", 'packages = ["opencv-python"]'),
    ("import helper\n", 'inputs = ["a/helper.py"]'),
    ("from . import helper\n", "write `import helper`"),
    ("from .helper import x\n", "write `import helper`"),
    ("open('x.csv')\n", 'inputs = ["a/x.csv"]'),
    ("open('a/x.csv')\n", "opened as 'x.csv', from the folder of the model"),
    ("open('/etc/no-such-file')\n", "copy the file into the workspace"),
    ("def build():\n    import sys\n    sys.exit(3)\n", ", line 3: the model called sys.exit(3)"),
    ("raise SystemExit\n", ", line 1: the model called sys.exit()"),
    ("def build(:\n", ", line 1: SyntaxError"),
    (b"\n# \xff\n", ", line 2: this line is not UTF-8: save the file as UTF-8 text"),
    ("# coding: klingon\n", "save the file as UTF-8 text"),
    ("x = '\0'\n", "null byte"),
    ("def build(x): pass\n", "the entry is called with the keys of `args`"),
    ("def build(): pass\n", "the entry returned nothing"),
    ("def build(): return 'A'\n", "the entry returned str"),
    ("x = 1\n", "has no function 'build'"),
]


def test_a_failure_suggests_a_fix(tmp_path: Path) -> None:
    tables = "".join(
        f'[models.m{i}]\nrule = "model"\nsource = "a/m{i}.py"\n' for i in range(len(FAILURES))
    )
    workspace = space(tmp_path, '[workspace]\nname = "w"\n' + tables)
    for i, (text, _) in enumerate(FAILURES):
        workspace.write(f"a/m{i}.py", text)
    workspace.run("build", "-k", "//models:*", code=None)
    for i, (text, message) in enumerate(FAILURES):
        log = workspace.run("log", f"//models:m{i}").out
        assert message in log and f"   | error: //models:m{i}: m{i}.py" in log, (text, log)
        assert (
            "buildgraph[" not in log and "python_source" not in log and "import_python" not in log
        )


def test_the_error_comes_after_prints_with_only_the_users_frames(
    tmp_path: Path,
) -> None:
    err = failing(
        tmp_path,
        "import numpy\nfor i in range(70000): print('line', i)\nprint('no newline', end='')\n"
        "def inner():\n    numpy.linalg.inv(numpy.zeros((2, 2)))\ndef build():\n    inner()\n",
    )
    log = [line.removeprefix("   | ") for line in err.splitlines() if line.startswith("   |")]
    assert log[log.index("no newline") - 1] == "line 69999"
    assert log[log.index("no newline") + 1 :] == [
        '  File "m.py", line 7, in build',
        "    inner()",
        '  File "m.py", line 5, in inner',
        "    numpy.linalg.inv(numpy.zeros((2, 2)))",
    ]
    assert (
        "error: //models:m: m.py, line 5: LinAlgError: Singular matrix\n"
        in err[err.index("zeros((2, 2)))") :]
    )


def test_a_syntax_error_is_shown_with_a_caret(tmp_path: Path) -> None:
    lines = failing(tmp_path, "x = 1\nvalue = (1 +\n").splitlines()
    assert any("SyntaxError" in line for line in lines) and any(
        line.strip(" |") == "^" for line in lines
    )


@pytest.mark.parametrize(
    "text",
    [
        "while True: pass\n",
        "import threading, time\nprint('begun')\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\ntime.sleep(60)\n",
    ],
)
def test_a_model_that_does_not_end_is_killed_after_its_timeout(text: str, tmp_path: Path) -> None:
    err = failing(tmp_path, text, 'timeout = "1s"')
    assert "it ran out of time and was killed (timeout: 1 s)" in err and (
        "begun" in err or "begun" not in text
    )


def test_threads_that_a_failing_model_leaves_are_not_waited_for(tmp_path: Path) -> None:
    err = failing(
        tmp_path,
        "import threading, time\nthreading.Thread(target=time.sleep, args=(500,)).start()\n1 / 0\n",
    )
    assert "ZeroDivisionError" in err and "out of time" not in err


def test_a_process_that_a_model_forked_does_not_write_the_model_again(tmp_path: Path) -> None:
    workspace = space(
        tmp_path, '[workspace]\nname = "w"\n[models.m]\nrule = "model"\nsource = "m.py"\n'
    )
    workspace.write(
        "m.py",
        "import os\nimport numpy as np\ndef build():\n    child = os.fork()\n"
        "    eye = np.eye(2) if child else np.eye(2)[::-1]\n"
        "    return {'A': [eye], 'B': [np.eye(2)[:, :, None]]}\n",
    )
    workspace.run("build", "//models:m")
    assert (workspace.root / "out/models/m/ir/A0.f64").read_bytes() == walker_table(0.0)


def test_a_module_named_as_a_package_is_reported_with_its_distribution(tmp_path: Path) -> None:
    for module, distribution in (
        ("_pytest", "pytest"),
        ("sklearn", "scikit-learn"),
        ("pymdp", "inferactively-pymdp"),
    ):
        workspace = walker(tmp_path, TABLES + f'packages = ["{module}"]\n')
        err = workspace.run("build", "//models:walker", code=None).err
        assert (
            f"{module!r} is a module of the distribution {distribution!r}: name that one" in err
            and "pip install" not in err
        )


@pytest.mark.slow
def test_the_error_of_a_model_that_imports_pymdp_comes_last(tmp_path: Path) -> None:
    need_module("pymdp")
    tables = "".join(
        f'[models.m{i}]\nrule = "model"\nsource = "m.py"\n'
        f'packages = ["inferactively-pymdp"]\nargs = {{ x = {i} }}\n'
        for i in range(3)
    )
    workspace = space(tmp_path, '[workspace]\nname = "w"\n' + tables)
    workspace.write(
        "m.py",
        "from pymdp.agent import Agent\nprint('imported')\n"
        "def build(x):\n    raise ValueError('mine')\n",
    )
    # From the second model on, a warm interpreter runs them.
    workspace.run("build", "-k", "-j1", "//models:*", code=None)
    for i in range(3):
        last = workspace.run("log", f"//models:m{i}").out.splitlines()[-1]
        assert last == f"   | error: //models:m{i}: m.py, line 4: ValueError: mine"
