"""A JUnit report of a build: one test case for each action and each gate.

The elements and attributes are those that the JUnit schema of Jenkins has, which GitLab, GitHub
actions and most other readers understand.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ..files.user_file import write_user_file
from ..types.errors import BuildError, BuildErrors
from ..types.events import Done, Event, Failed, Fault, Finished, Judged, Planned, Skipped
from ..ui.format import format_seconds, strip_controls

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

# Characters that XML 1.0 cannot contain, also as a reference.
_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_MAX_LOG = 1 << 16  # characters of a log


class JUnitReport:
    """A listener that writes a JUnit file when a build ends, however it ends.

    Suites: `actions`, `gates` and, if the input has errors, `errors`; then one for each test file
    of a gate that lists its tests. The output of an action's case begins with `ran` or `hit`. The
    time of a hit is 0.
    """

    def __init__(self, path: str, name: str) -> None:
        self._path, self._name = os.path.abspath(path), name
        self._clear()

    def _clear(self) -> None:
        self._actions: list[Element] = []
        self._gates: list[Element] = []
        self._errors: list[Element] = []
        self._tests: dict[str, list[Element]] = {}
        self._is_written = False

    def __call__(self, event: Event) -> None:
        """Record an event; write the file at the last one."""
        match event:
            case Planned():
                self._clear()
            case Done():
                self._actions.append(_done(event))
            case Failed():
                case = _case(event.label, event.title, 0)
                failure = ElementTree.SubElement(case, "failure", message=_text(event.why))
                failure.set("type", "refused" if event.refused else "failed")
                failure.text = _log(event.log)
                self._actions.append(case)
            case Skipped():
                case = _case(event.label, event.title, 0)
                because = _text(f"{event.because} failed")
                ElementTree.SubElement(case, "skipped", message=because)
                self._actions.append(case)
            case Fault():
                self._errors.append(_error(event.label, event.what, event.reason, event.rendered))
            case Judged():
                self._gates.append(_gate(event))
                _add_tests(event, self._tests)
            case Finished():
                self._write()

    def error(self, error: BuildError) -> None:
        """Record an error that ends the build, or several."""
        for single in error.errors if isinstance(error, BuildErrors) else (error,):
            where = str(single.at) if single.at else "BUILD.toml"
            text = "\n".join(filter(None, (where, single.what, single.fix)))
            self._errors.append(_error(where, single.what, single.reason, text))
        self._write()

    def close(self) -> None:
        """Write the file if the build ended without its last event; may be called twice."""
        if not self._is_written:
            self._write()

    def _write(self) -> None:
        self._is_written = True
        suites = {"actions": self._actions, "gates": self._gates, "errors": self._errors}
        root = ElementTree.Element("testsuites", name=_text(self._name))
        suites |= self._tests
        for name, cases in suites.items():
            if cases or name != "errors":
                suite = ElementTree.SubElement(root, "testsuite", {"name": name} | _counts(cases))
                suite.extend(cases)
        every = _counts(case for cases in suites.values() for case in cases)
        root.attrib |= {name: every[name] for name in ("tests", "failures", "errors", "time")}
        ElementTree.indent(root)
        text = ElementTree.tostring(root, encoding="unicode")
        with suppress(OSError):
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
        write_user_file(self._path, "the JUnit report", lambda file: file.write(f"{_HEAD}{text}\n"))


def _done(event: Done) -> Element:
    ran = event.how == "ran"
    case = _case(event.label, event.title, event.milliseconds if ran else 0, event.place)
    took = format_seconds(event.milliseconds)
    result = {
        "ran": f"ran in {took}",
        "hit": f"hit: the result was in the cache; it took {took} to make",
        "shared": "hit: an equal action of this build made the result",
    }[event.how]
    ElementTree.SubElement(case, "system-out").text = f"{result}\nkey {event.key}"
    return case


def _gate(event: Judged) -> Element:
    case = _case(event.label, event.gate, 0)
    if event.verdict == "failed":
        failure = ElementTree.SubElement(case, "failure", message=_text(event.why))
        failure.set("type", "gate")
    elif event.verdict == "not checked":
        ElementTree.SubElement(case, "skipped", message=_text(f"not checked: {event.why}"))
    return case


def _add_tests(event: Judged, suites: dict[str, list[Element]]) -> None:
    """Add the single tests that a gate lists as [FILE, CLASS, TEST, OUTCOME, MESSAGE]."""
    for row in (event.evidence or {}).get("tests", ()):
        file, group, test, outcome, *message = map(str, row)
        case = _case(group, test, 0)
        if outcome == "failed":
            failure = ElementTree.SubElement(case, "failure", message=_text("".join(message)))
            failure.set("type", "test")
        elif outcome == "skipped":
            ElementTree.SubElement(case, "skipped", message="")
        suites.setdefault(_text(f"{event.label} {file}"), []).append(case)


def _error(where: str, what: str, reason: str, text: str) -> Element:
    case = _case(where, what, 0)
    error = ElementTree.SubElement(case, "error", message=_text(what))
    error.set("type", reason)
    error.text = _log(text)
    return case


def _case(label: str, title: str, milliseconds: int, place: int = 1) -> Element:
    name = title if place == 1 else f"{title} ({place})"
    seconds = f"{milliseconds / 1000:.3f}"
    return ElementTree.Element("testcase", classname=_text(label), name=_text(name), time=seconds)


def _counts(cases: Iterable[Element]) -> dict[str, str]:
    every = list(cases)

    def count(tag: str) -> str:
        return str(sum(case.find(tag) is not None for case in every))

    return {
        "tests": str(len(every)),
        "failures": count("failure"),
        "errors": count("error"),
        "skipped": count("skipped"),
        "time": f"{sum(float(case.get('time', '0')) for case in every):.3f}",
    }


def _text(text: str) -> str:
    """A line for an attribute."""
    return _ILLEGAL.sub("", strip_controls(text.replace("\n", " ")))


def _log(text: str) -> str:
    lines = (strip_controls(line, _MAX_LOG) for line in text.split("\n"))
    return _ILLEGAL.sub("", "\n".join(lines))[-_MAX_LOG:]
