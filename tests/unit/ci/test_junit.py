"""JUnit reports: valid by the schema, read by another program, and written however a build ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from xmlschema import XMLSchema10

from buildgraph.ci.junit import JUnitReport
from buildgraph.types.errors import BuildError, BuildErrors, Location
from buildgraph.types.events import Done, Event, Failed, Fault, Judged, Planned
from tests.golden.script import AFTER, BEFORE

SCHEMA = XMLSchema10(str(Path(__file__).with_name("junit.xsd")))


def report(path: Path, *events: Event, error: BuildError | None = None) -> JUnitXml:
    """The report of some events, checked by the schema."""
    junit = JUnitReport(str(path), "buildgraph build //...")
    for event in events:
        junit(event)
    junit.close()
    if error:
        junit.error(error)
    SCHEMA.validate(str(path))
    return JUnitXml.fromfile(str(path))


def test_a_build_has_a_case_for_each_action_and_gate(tmp_path: Path) -> None:
    xml = report(tmp_path / "junit.xml", *BEFORE, *AFTER)
    actions, gates = xml
    assert (actions.name, actions.tests, actions.failures, actions.skipped) == ("actions", 5, 1, 1)
    assert (gates.name, gates.tests, gates.failures, gates.skipped) == ("gates", 4, 1, 1)
    cases = {case.name: case for case in actions}
    assert cases["ingest scout.npz"].system_out.startswith("hit: ")
    assert cases["probe"].system_out.startswith("ran in 1.2s") and cases["probe"].time == 1.234
    assert cases["gate size"].system_out.startswith("hit: ")
    (failure,) = cases["compile scout [bold] for cortex-a78ae"].result
    assert isinstance(failure, Failure) and failure.message == "exit code 1"
    assert "scout.c:40: note: unused" in failure.text
    assert isinstance(cases["link"].result[0], Skipped)
    verdicts = {case.name: case.result[:1] for case in gates}
    assert verdicts["selftest"] == [] and isinstance(verdicts["image"][0], Failure)
    assert verdicts["step_p99"][0].message == "not checked: needs the board"


def test_text_of_any_kind_is_valid_xml(tmp_path: Path) -> None:
    log = "\x00\x1b[31mred\ufffe\udce4]]>&<\r\n\u2028"
    xml = report(
        tmp_path / "junit.xml",
        Planned((), 1, 0, "none"),
        Failed(0, "//:a", 'a "b" <c>\x07\udce4', "why\nnot", log, ""),
        Fault("//:a", "no\x01sum", None, "", "refused", log),
        Judged("//:a", "g\x00", "failed", "x\x00"),
    )
    (case,) = next(iter(xml))
    assert case.name == 'a "b" <c>' and "]]>&<" in case.result[0].text


def test_actions_of_one_title_have_different_names(tmp_path: Path) -> None:
    done = [Done(n, "//:a", "cc", "hit", "k", 5, n + 1) for n in range(2)]
    xml = report(tmp_path / "junit.xml", Planned((), 2, 0, "none"), *done)
    assert [case.name for case in next(iter(xml))] == ["cc", "cc (2)"]


def test_a_build_that_starts_over_reports_once(tmp_path: Path) -> None:
    planned, done = Planned((), 1, 0, "none"), Done(0, "//:a", "cc", "ran", "k", 5)
    xml = report(tmp_path / "junit.xml", planned, done, planned, done)
    assert xml.tests == 1


def test_an_error_replaces_the_report_of_an_earlier_build(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text("of an earlier build")
    errors = BuildErrors([BuildError("bad", Location("BUILD.toml", 3, 1), "mend", "toml")])
    xml = report(path, error=errors)
    (suite,) = (suite for suite in xml if suite.name == "errors")
    (case,) = suite
    assert isinstance(case.result[0], Error) and case.result[0].type == "toml"
    assert case.classname == "BUILD.toml:3:1" and xml.errors == 1


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BuildError, match="the JUnit report .* cannot be written"):
        JUnitReport(str(tmp_path / "file/junit.xml"), "t").close()
    assert (tmp_path / "file").read_text() == "mine"
