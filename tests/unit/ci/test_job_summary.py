"""Job summaries: their content, their size, and text that is not Markdown."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from buildgraph.ci.job_summary import LIMIT, JobSummary, fit
from buildgraph.types.errors import BuildError, Location
from buildgraph.types.events import Done, Event, Failed, Fault, Finished, Planned
from tests.golden.script import AFTER, BEFORE, SCOUT

PLANNED, END = Planned((), 1, 0, "none"), Finished(0, 1, 0, 0, 0, 0, 5)


def causes(labels: Collection[str], keys: Collection[str]) -> dict[str, str]:
    """One cause for every label."""
    assert keys
    return dict.fromkeys(labels, "models/a|b.npz changed")


def summary(path: Path, *events: Event) -> str:
    """The summary of some events."""
    listener = JobSummary(str(path), "buildgraph build //...", causes)
    for event in events:
        listener(event)
    listener.close()
    return path.read_text()


def test_a_summary_says_what_ran_and_what_was_saved(tmp_path: Path) -> None:
    text = summary(tmp_path / "s", *BEFORE, Done(9, SCOUT, "x", "hit", "k", 61000), *AFTER)
    assert "### <code>buildgraph build //...</code>: exit code 1" in text
    assert "| actions | 1 ran, 1 hit, 1 shared, 1 failed, 1 skipped |" in text
    assert "| time saved by hits | 1m01s |" in text
    assert "| gates | 2 passed, 1 failed, 1 not checked |" in text
    assert "| outputs | 2 outputs, 403.1 KiB |" in text
    assert (
        "<code>probe</code> | <code>//models:scout</code> | 1.2s | models/a&#124;b.npz changed |"
        in text
    )
    assert "scout.c:40: note: unused</pre></details>" in text
    assert "9.1 MiB is over the budget" in text and "412 B" in text
    assert ("sha256:" + "5f" * 32) in text


def test_summaries_of_a_step_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("from another program\n\n")
    summary(tmp_path / "s", PLANNED, END)
    text = summary(tmp_path / "s", PLANNED, END)
    assert text.startswith("from another program\n\n### ") and text.count("### ") == 2


def test_errors_of_the_input_have_a_place(tmp_path: Path) -> None:
    listener = JobSummary(str(tmp_path / "s"), "t", causes)
    listener.error(BuildError("no target //:x", Location("BUILD.toml", 3, 1), "mend"))
    text = (tmp_path / "s").read_text()
    assert "exit code 2" in text
    assert "| <code>BUILD.toml:3:1</code> | no target //:x | mend |" in text
    at: dict[str, str | int] = {"path": "m.json", "line": 7, "column": 1}
    fault = Fault("//:a", "no sum", at, "", "refused", "")
    assert "<code>m.json:7</code> | no sum" in summary(tmp_path / "t", PLANNED, fault, END)


@pytest.mark.parametrize("present", [0, LIMIT // 2, LIMIT - 700, LIMIT])
def test_a_file_never_exceeds_the_limit(tmp_path: Path, present: int) -> None:
    (tmp_path / "s").write_text("x" * present)
    log = "<\u20ac>" * 200 + "\n"
    events: list[Event] = [
        Failed(number, "//:a" + "\U0001f600" * 99, "t" * 399, "why", log * 30, "")
        for number in range(400)
    ]
    text = summary(tmp_path / "s", PLANNED, *events, Finished(1, 0, 0, 0, 400, 0, 5))
    assert len(text.encode()) <= LIMIT
    if present < LIMIT // 2 + 1:
        assert "... and " in text and " more" in text


@given(st.lists(st.tuples(st.text(max_size=9), st.lists(st.text(max_size=9)))), st.integers(0, 99))
def test_text_is_cut_at_the_limit(blocks: list[tuple[str, list[str]]], limit: int) -> None:
    text = fit(blocks, limit)
    notes = sum(len(line) + 2 for line in text.split("\n") if line.startswith("... and "))
    assert len(text.encode("utf-8", "replace")) <= limit + notes + 1


def test_text_of_users_is_not_markdown(tmp_path: Path) -> None:
    hostile = "a | b `c` <img src=x> **d** [e](f) &\n\n# g"
    failed = Failed(0, "//:a", hostile, hostile, "</pre>\n\n# h\n", "")
    text = summary(tmp_path / "s", PLANNED, failed, Finished(1, 0, 0, 0, 1, 0, 5))
    assert "<img" not in text and "**" not in text and "](f)" not in text
    assert "\n\n# " not in text and text.count("</pre>") == 1


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot write the job summary"):
        summary(tmp_path / "none/s", PLANNED, END)
