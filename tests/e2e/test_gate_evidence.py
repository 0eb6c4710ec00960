"""Evidence of gates in real builds: kept after a failure, never cached by chance, strict in CI."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.workspace import Space, space

RULES = '''"""A gate whose program writes evidence and ends with a given exit code."""
from __future__ import annotations

from dataclasses import dataclass

from buildgraph import Artifact, Ctx, Gate, In, Out, Program, Provider, rule


@dataclass(frozen=True)
class Judged(Provider):
    copy: Artifact
    gates: tuple[Gate, ...]


@rule
def judged(ctx: Ctx, page: Artifact, tool: Artifact, required: bool = False,
           needs: tuple[str, ...] = ()) -> Judged:
    """A page and its gate."""
    (copy,) = ctx.run([Program("cp"), page, Out("copy.txt")])
    (verdict,) = ctx.run([Program("python3"), tool, In(page, "in/page"), Out("evidence.json")])
    return Judged(copy, (Gate("size", verdict, needs, required),))
'''
TOOL = """import json, sys
page, out = sys.argv[1:]
words = open(page).read().split()
verdict = words[0].replace("-", " ")
checks = [{"name": "words", "verdict": verdict, "how": "count", "on": "the page",
           "measured": len(words)}]
if verdict != "passed":
    checks[0]["why"] = "there are too many"
document = {"checks": checks, "gate": "size", "schema": 1, "verdict": verdict}
open(out, "w").write(json.dumps(document, indent=1, sort_keys=True) + "\\n")
sys.exit(int(words[1]))
"""
TOML = """[workspace]
name = "w"
rules = ["rules.py"]
[page]
rule = "judged"
page = "page.txt"
tool = "tool.py"
"""


@pytest.fixture
def pages(tmp_path: Path) -> Space:
    workspace = space(tmp_path, TOML)
    workspace.write("rules.py", RULES)
    workspace.write("tool.py", TOOL)
    workspace.write("page.txt", "passed 0")
    return workspace


def gate(workspace: Space, code: int = 0, *words: str) -> dict[str, Any]:
    """The verdict of the only gate, from a run of `test`."""
    ran = workspace.run("test", "--json", "//:page", *words, code=code)
    [event] = [event for event in ran.events if event["event"] == "judged"]
    return event


def written(workspace: Space) -> dict[str, Any]:
    path = workspace.root / ".buildgraph/gates/page/size.json"
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_evidence_is_there_after_a_pass_and_when_nothing_changed(pages: Space) -> None:
    first = gate(pages)
    assert (first["verdict"], first["evidence"]["checks"][0]["measured"]) == ("passed", 2)
    assert first["evidence"] == written(pages) == gate(pages)["evidence"]
    assert "nothing changed" in pages.run("build", "//:page").out


def test_evidence_is_there_in_another_checkout_with_the_same_cache(pages: Space) -> None:
    """Nothing runs there, and `build` writes the evidence as the build that judged did."""
    gate(pages)
    evidence = written(pages)
    shutil.rmtree(pages.root / ".buildgraph")
    shutil.rmtree(pages.root / "out", ignore_errors=True)
    assert pages.build("//:page").titles() == []
    assert written(pages) == evidence


def test_evidence_is_there_after_a_failure_which_is_not_cached(pages: Space) -> None:
    pages.write("page.txt", "failed 1 more")
    for _ in range(2):
        failed = gate(pages, 1)
        assert (failed["verdict"], failed["why"]) == ("failed", "words: there are too many")
        assert failed["evidence"]["checks"][0]["measured"] == 3
    assert written(pages) == failed["evidence"]
    assert (pages.root / "out/page/copy.txt").is_file()
    ran = pages.build("//:page", code=1)
    assert ran.titles() == [] and len(ran.titles("hit")) == 1


def test_a_verdict_of_this_build_only_is_judged_again(pages: Space) -> None:
    pages.write("page.txt", "passed 75")
    for _ in range(3):
        ran = pages.build("//:page")
        assert "python3" in ran.titles() and ran.events[-1]["unchanged"] is False
        assert gate(pages)["verdict"] == "passed"
    pages.write("page.txt", "failed 75")
    assert gate(pages, 1)["verdict"] == "failed"


PLAIN = '    (copy,) = ctx.run([Program("cp"), page, Out("copy.txt")])\n'
REPORT = '    (copy,) = ctx.run([Program("cp"), verdict, Out("copy.txt")])\n'
MIXED = (
    '    (copy,) = ctx.run([Program("cp"), verdict, Out("copy.txt")], inputs=(In(page, "p"),))\n'
)


def copy_the_verdict(workspace: Space, command: str) -> None:
    """Let the exported file be a copy of the evidence."""
    rules = RULES.replace(PLAIN, "").replace("    return Judged", f"{command}    return Judged")
    workspace.write("rules.py", rules)


def test_a_report_of_a_verdict_of_this_build_is_that_of_this_build(pages: Space) -> None:
    copy_the_verdict(pages, REPORT)
    pages.write("page.txt", "passed 0")
    pages.build("//:page")
    for text in ("passed 75 more", "passed 75", "passed 75"):
        pages.write("page.txt", text)
        ran = pages.build("//:page")
        assert "python3" in ran.titles() and ran.events[-1]["unchanged"] is False
        report = json.loads((pages.root / "out/page/copy.txt").read_text())
        assert report == written(pages)
        assert report["checks"][0]["measured"] == len(text.split())
    pages.write("page.txt", "failed 75")
    assert gate(pages, 1)["verdict"] == "failed"


def test_no_other_output_is_made_of_a_verdict_of_this_build(pages: Space) -> None:
    copy_the_verdict(pages, MIXED)
    pages.write("page.txt", "passed 75")
    for _ in range(2):
        ran = pages.build("//:page", "--sandbox-debug", code=1)
        (failed,) = [event for event in ran.events if event["event"] == "failed"]
        assert "exit code 75" in failed["why"] and "tool.py" in failed["reproducer"]
        assert not (pages.root / "out/page/copy.txt").exists()
    pages.write("page.txt", "passed 0")
    pages.build("//:page")
    assert (pages.root / "out/page/copy.txt").is_file()


@pytest.mark.parametrize("tests", ["3", "[3]", '["a::b"]', '[["a", "b"]]', "null"])
def test_tests_of_another_form_are_no_evidence(pages: Space, tests: str) -> None:
    document = f'{{"schema": 1, "verdict": "passed", "checks": [], "tests": {tests}}}'
    pages.write("tool.py", f"import sys\nopen(sys.argv[2], 'w').write({document!r})\n")
    ran = pages.run("test", "--json", "--junit", "junit.xml", "//:page")
    (judged,) = [event for event in ran.events if event["event"] == "judged"]
    assert (judged["verdict"], judged["evidence"]) == ("passed", None)


def test_a_gate_that_says_not_checked_is_no_failure_unless_strict(pages: Space) -> None:
    pages.write("page.txt", "not-checked 0")
    judged = gate(pages)
    assert (judged["verdict"], judged["why"]) == ("not checked", "words: there are too many")
    plain = pages.run("build", "//:page")
    assert "not checked  size: words: there are too many" in plain.out
    assert "nothing changed" in pages.run("build", "//:page").out
    for words in (("--strict",), ("--strict",)):
        strict = pages.run("build", "//:page", *words, code=1)
        assert "error: the gate size of //:page is not checked: words: there are" in strict.err
        assert "--> BUILD.toml:4:1" in strict.err and "unchecked = " in strict.err
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"):
        pages.env = {name: "true"}
        pages.run("build", "//:page", code=1)
        pages.run("build", "//:page", "--no-strict")
    pages.write("BUILD.toml", TOML + '[workspace.release]\nunchecked = ["size"]\n')
    pages.run("build", "//:page")
    pages.run("build", "//:page")


def test_a_required_gate_must_be_checked_in_every_build(pages: Space) -> None:
    pages.write("BUILD.toml", TOML + 'required = true\nneeds = ["qemu-arm-static-of-nobody"]\n')
    for _ in range(2):
        ran = pages.run("build", "//:page", "--no-strict", code=1)
        assert "the target requires it" in ran.err and "BUILD.toml:8:1" in ran.err
    pages.write("BUILD.toml", TOML + "required = true\n")
    pages.run("build", "//:page")


def test_evidence_that_is_none_changes_nothing(pages: Space) -> None:
    pages.write("tool.py", 'import sys\nopen(sys.argv[2], "w").write("{\\"checks\\": 3}")\n')
    assert gate(pages)["verdict"] == "passed" and gate(pages)["evidence"] is None
    pages.write("tool.py", 'import sys\nopen(sys.argv[2], "w").write("[" * 9999)\nsys.exit(75)\n')
    failed = gate(pages, 1)
    assert (failed["verdict"], failed["why"]) == ("failed", "its log is printed above")
