"""Reports of quality gates: JUnit files, coverage, annotations, and tests in `--junit`."""

from __future__ import annotations

from pathlib import Path

import pytest
from junitparser import JUnitXml

from tests.support.runner_commands import runner_commands
from tests.support.workspace import Space, space

BUILD = """
[workspace]
name = "w"

[checks.tests]
rule = "pytest"
srcs = ["app/*.py", "tests/*.py"]
coverage = true
shards = 2

[checks.style]
rule = "flake8"
srcs = ["app/*.py"]
"""
FILES = {
    "app/__init__.py": "",
    "app/choose.py": """\
def choose(number: int) -> str:
    if number < 0:
        return "negative"
    if number > 9:
        return (
            "large"
        )
    return "small"
""",
    "app/unused.py": "VALUE = 1\n",
    "tests/test_negative.py": """\
from app.choose import choose


def test_negative():
    assert choose(-1) == "negative"
""",
    "tests/test_small.py": """\
from app.choose import choose


def test_small():
    assert choose(1) == "small"
""",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace whose reports are built."""
    workspace = space(tmp_path_factory.mktemp("reports"), BUILD)
    restore(workspace)
    workspace.run("build", "//checks:tests")
    return workspace


def restore(workspace: Space) -> None:
    """Write all files as they were at first."""
    for path, text in FILES.items():
        workspace.write(path, text)


def covered(workspace: Space) -> dict[str, dict[int, int]]:
    """The counts of the lines of each file, from the LCOV file of the target."""
    files: dict[str, dict[int, int]] = {}
    path = ""
    for row in (workspace.root / "out/checks/tests/coverage.lcov").read_text().splitlines():
        key, _, value = row.partition(":")
        if key == "SF":
            path = value
            files[path] = {}
        elif key == "DA":
            line, count = value.split(",")
            files[path][int(line)] = int(count)
    return files


def test_coverage_is_that_of_all_shards(built: Space) -> None:
    assert covered(built) == {
        "app/__init__.py": {},
        "app/choose.py": {1: 2, 2: 2, 3: 1, 4: 1, 5: 0, 8: 1},
        "app/unused.py": {1: 0},
    }
    page = (built.root / "out/checks/tests/coverage.txt").read_text().splitlines()
    assert [row.split() for row in page[1:]] == [
        ["app/__init__.py", "0", "0", "100", "%"],
        ["app/choose.py", "6", "1", "83", "%", "5"],
        ["app/unused.py", "1", "1", "0", "%", "1"],
        ["all", "7", "2", "71", "%"],
    ]


def test_test_files_that_are_not_run_keep_their_coverage(built: Space) -> None:
    """Only the new test file runs; the lines of the others are those of their last runs."""
    large = FILES["tests/test_small.py"].replace('(1) == "small"', '(10) == "large"')
    built.write("tests/test_large.py", large)
    built.run("build", "//checks:tests")
    logs = built.run("log", "//checks:tests").out
    assert "checked 1 of" in logs and "checked 3 of" not in logs
    assert covered(built)["app/choose.py"] == {1: 3, 2: 3, 3: 1, 4: 2, 5: 1, 8: 1}
    (built.root / "tests/test_large.py").unlink()


def test_a_label_has_the_junit_files(built: Space) -> None:
    built.run("build", "//checks:tests")
    files = sorted((built.root / "out/checks/tests").glob("*junit.xml"))
    assert [file.name for file in files] == ["junit_1.junit.xml", "junit_2.junit.xml"]
    suites = [suite for file in files for suite in JUnitXml.fromfile(str(file))]
    assert {suite.name: [case.name for case in suite] for suite in suites} == {
        "tests/test_negative.py": ["test_negative"],
        "tests/test_small.py": ["test_small"],
    }


def test_the_junit_report_of_a_build_has_the_tests(built: Space) -> None:
    """Also those of a gate that failed, whose own file is not built, and those that did not run."""
    built.write("tests/test_small.py", FILES["tests/test_small.py"].replace('"small"', '"tiny"'))
    built.run("test", "-k", "//checks:tests", "--junit", "junit.xml", code=1)
    cases = {
        case.name: case
        for suite in JUnitXml.fromfile(str(built.root / "junit.xml"))
        if suite.name.startswith("//checks:tests tests/")
        for case in suite
    }
    assert set(cases) == {"test_negative", "test_small"}
    assert cases["test_negative"].is_passed
    (failure,) = cases["test_small"].result
    assert failure.message.startswith("AssertionError: assert 'small' == 'tiny'")
    restore(built)


def test_findings_are_annotated_at_their_lines(built: Space) -> None:
    built.write("app/choose.py", FILES["app/choose.py"].replace("return (", "return  ("))
    built.write("app/unused.py", "VALUE=1\n")
    built.env |= {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(Path(built.root).parent)}
    try:
        run = built.run("test", "//checks:style", code=1)
    finally:
        for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE"):
            del built.env[name]
    folder = built.root.name
    places = {
        (command.properties.get("file"), command.properties.get("line"), command.message[:4])
        for command in runner_commands(run.err)
        if command.name == "error"
    }
    assert (f"{folder}/app/choose.py", "5", "E271") in places
    assert (f"{folder}/app/unused.py", "1", "E225") in places
    restore(built)


def test_a_flaky_pass_has_reports_and_is_never_a_hit(built: Space) -> None:
    """The runs differ by a file that no key names, which the level `none` does not hide."""
    flag = built.root.parent / "flag"
    built.write("tests/test_flag.py", f"import os\n\n\ndef test_flag():\n    os.stat('{flag}')\n")
    run = built.run("test", "--sandbox=none", "//checks:*", code=1)
    assert "gates of //checks:style" in run.out and "  style  files  passed" in run.out
    flag.touch()
    for _ in range(2):
        (built.root / "out/checks/tests/coverage.lcov").unlink(missing_ok=True)
        run = built.run("test", "--sandbox=none", "//checks:tests")
        assert "tests/test_flag.py again" in run.out
        assert "it failed before with the same inputs" in run.out
        assert "app/choose.py" in covered(built)
    built.write("tests/test_flag.py", f"import os\n\n\ndef test_it():\n    os.stat('{flag}')\n")
    built.run("test", "--sandbox=none", "//checks:tests")
    assert "nothing changed" in built.run("test", "--sandbox=none", "//checks:tests").out
    (built.root / "tests/test_flag.py").unlink()
