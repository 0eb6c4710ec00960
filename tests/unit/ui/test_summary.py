"""The summary of a build."""

from __future__ import annotations

import io

from buildgraph.types.digest import Digest
from buildgraph.types.events import Built, Event, Finished, Judged
from buildgraph.ui.summary import FEW, Summary, format_counts, format_unchanged


def built(label: str) -> Built:
    """An output of a target."""
    return Built(label, "o", f"out/{label[3:]}/o", Digest("ab" * 32, 3), 3)


def output(*events: Event, show: frozenset[str] = frozenset({"outputs", "gates"})) -> str:
    """The summary of a build with these events."""
    out = io.StringIO()
    summary = Summary(out, show=show)
    for event in (*events, Finished(0, 0, 0, 0, 0, 0, 0)):
        summary(event)
    summary.close()
    return out.getvalue()


def test_the_outputs_of_many_targets_are_not_listed() -> None:
    few = [built(f"//:t{number}") for number in range(FEW)]
    assert len(output(*few).splitlines()) == 2 * FEW
    assert output(*few, built("//:last")) == f"{FEW + 1} targets are in out/\n"


def test_unlisted_targets_are_counted() -> None:
    assert format_unchanged([built("//:a")], 5, unlisted=FEW) == (
        f"{FEW + 1} targets are in out/\n\0nothing changed: 5 actions up to date\n"
    )


def test_gates_are_grouped_by_verdict() -> None:
    text = output(
        Judged("//:a", "size", "failed", "too big"),
        Judged("//:a", "b", "passed"),
        Judged("//:a", "a", "passed"),
        show=frozenset({"gates"}),
    )
    assert text.splitlines() == [
        "gates of //:a",
        "  passed       a, b",
        "  failed       size: too big",
    ]


def test_rare_counts_are_omitted_if_they_are_zero() -> None:
    assert format_counts(Finished(0, 12, 3, 0, 0, 0, 4211), "namespaces") == (
        "12 ran, 3 hits, 0 failed in 4.2s (sandbox: namespaces)"
    )
    assert format_counts(Finished(1, 0, 1, 2, 1, 4, 10), "") == (
        "0 ran, 1 hit, 2 shared, 1 failed, 4 skipped in 0.01s"
    )
