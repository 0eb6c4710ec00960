"""Quality gates in builds: each passes, fails for its reason, and checks only what changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.workspace import Ran, Space, space

BUILD = """
[workspace]
name = "w"

[checks.mypy]
rule = "mypy"
srcs = ["app/*.py"]
args = ["--strict"]

[checks.flake8]
rule = "flake8"
srcs = ["app/*.py", "tests/*.py"]

[checks.pytest]
rule = "pytest"
srcs = ["app/*.py", "tests/*.py", "quality.py"]

[checks.venv]
rule = "gate"
argv = ["venv:flake8", "{low}"]
inputs = { low = "app/low.py" }
"""
FILES = {
    "app/__init__.py": "",
    "app/low.py": "def low() -> int:\n    return 1\n",
    "app/high.py": "from app.low import low\n\n\ndef high() -> int:\n    return low()\n",
    "tests/test_high.py": """\
from app.high import high


def test_high():
    assert high() == 1
""",
    # The program that runs the tests has a package of this name, too.
    "quality.py": "MINE = True\n",
    "tests/test_alone.py": "from quality import MINE\n\n\ndef test_alone():\n    assert MINE\n",
}
LOW = "app/low.py"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace whose gates have passed once."""
    workspace = space(tmp_path_factory.mktemp("quality"), BUILD)
    restore(workspace)
    workspace.run("test", "//checks:*")
    return workspace


def restore(workspace: Space) -> None:
    """Write all files as they were at first."""
    for path, text in FILES.items():
        workspace.write(path, text)


def log(workspace: Space, label: str) -> str:
    """The log of a gate."""
    return workspace.run("log", label).out


def check(workspace: Space, label: str, code: int = 0) -> Ran:
    """Run one gate."""
    return workspace.run("test", "--json", label, code=code)


def test_gates_that_passed_are_hits(built: Space) -> None:
    restore(built)
    assert check(built, "//checks:*").titles() == []


def test_a_body_is_checked_alone_and_what_it_breaks_is_seen(built: Space) -> None:
    built.write(LOW, "def low() -> int:\n    number = 1\n    return number\n")
    check(built, "//checks:*")
    assert "checked 1 of 3 files" in log(built, "//checks:mypy")
    assert "checked 1 of 5 files" in log(built, "//checks:flake8")
    assert "checked 1 of 2 files" in log(built, "//checks:pytest")
    restore(built)


@pytest.mark.parametrize(
    ("gate", "text", "place"),
    [
        ("mypy", "def low() -> str:\n    return 'a'\n", "app/high.py:5:12: error: Incompatible"),
        ("flake8", "def low() -> int:\n    return  1\n", "app/low.py:2:11: error: E271"),
        ("pytest", "def low() -> int:\n    return 2\n", "tests/test_high.py:5: error: test_high"),
        ("venv", "def low() -> int:\n    return  1\n", "app/low.py:2:11: E271"),
    ],
)
def test_each_gate_fails_for_its_reason(built: Space, gate: str, text: str, place: str) -> None:
    built.write(LOW, text)
    run = check(built, f"//checks:{gate}", code=1)
    (failed,) = [event for event in run.events if event["event"] == "failed"]
    assert place in failed["log"]
    assert "test_alone" not in failed["log"]
    restore(built)
    check(built, f"//checks:{gate}")


def test_an_undeclared_file_is_not_there(built: Space) -> None:
    built.write("tests/data.txt", "1")
    built.write("tests/test_alone.py", "def test_alone():\n    assert open('tests/data.txt')\n")
    run = check(built, "//checks:pytest", code=1)
    assert "No such file or directory: 'tests/data.txt'" in str(run.events)
    restore(built)


def test_the_records_of_the_last_run_do_not_decide(built: Space) -> None:
    """`--check` runs the gates again without them."""
    built.write(LOW, "def low() -> int:\n    other = 1\n    return other\n")
    check(built, "//checks:*")
    assert "2 actions produced the same outputs again" in str(
        built.run("build", "--json", "--check", "//checks:mypy", "//checks:flake8").events
    )
    restore(built)


def test_a_flaky_test_fails_and_says_how_often(built: Space) -> None:
    built.write(
        "BUILD.toml",
        BUILD.replace('"quality.py"]\n', '"quality.py"]\nruns = 4\n'),
    )
    built.write(
        "tests/test_alone.py",
        "import os\n\n\ndef test_alone():\n    assert os.environ['PYTHONHASHSEED'] != '3'\n",
    )
    run = check(built, "//checks:pytest", code=1)
    (failed,) = [event for event in run.events if event["event"] == "failed"]
    assert (
        "tests.test_alone::test_alone is flaky: 1 of 4 runs failed, between 0.00" in failed["log"]
    )
    built.write("BUILD.toml", BUILD)
    restore(built)


def test_a_missing_tool_says_how_to_install_it(tmp_path: Path) -> None:
    workspace = space(tmp_path, BUILD.replace("venv:flake8", "venv:flake9000"))
    restore(workspace)
    run = workspace.run("test", "//checks:venv", code=30)
    assert "the Python distribution 'flake9000' is not installed" in run.err
    assert "help: pip install flake9000" in run.err
