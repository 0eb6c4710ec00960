"""How long things took, and what progress says of what remains: the same numbers that the plan
orders by.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console as Rich

from buildgraph.execution.durations import DurationRecorder, estimate_costs, load_durations
from buildgraph.execution.scheduler import Scheduler
from buildgraph.types.action import Action, Out
from buildgraph.types.events import Done, Event, Finished, Planned, Started
from buildgraph.types.label import Label
from buildgraph.ui.console import Console, CriticalPath


def _done(number: int, title: str, milliseconds: int, how: str = "ran") -> Done:
    return Done(number, "//a:b", title, how, "", milliseconds)  # type: ignore[arg-type]


def _build(root: Path, *events: Event) -> dict[str, int]:
    pace = DurationRecorder(str(root))
    for event in (*events, Finished(0, 1, 0, 0, 0, 0, 1)):
        pace(event)
    return load_durations(str(root))


def _action(title: str) -> Action:
    return Action((title,), (), (Out("o"),), owner=Label("a", "b"), title=title)


def test_durations_of_builds_are_halved_into_what_was_known(tmp_path: Path) -> None:
    assert _build(tmp_path, _done(0, "link", 400)) == {"//a:b link": 400}
    assert _build(tmp_path, _done(0, "link", 200), _done(1, "cc", 50)) == {
        "//a:b link": 300,
        "//a:b cc": 50,
    }


def test_hits_and_short_actions_are_not_remembered(tmp_path: Path) -> None:
    assert _build(tmp_path, _done(0, "cc", 900, "hit"), _done(1, "cp", 3)) == {}
    assert estimate_costs(str(tmp_path), [_action("cc")]) is None
    assert _build(tmp_path, _done(0, "cc", 900)) == {"//a:b cc": 900}
    assert _build(tmp_path, _done(0, "cc", 1)) == {}


def test_costs_order_the_plan(tmp_path: Path) -> None:
    _build(tmp_path, _done(0, "long", 9000))
    cost = estimate_costs(str(tmp_path), [_action("new"), _action("long"), _action("last")])
    assert cost == [10.0, 9000.0, 10.0]
    plan = Scheduler([(), (), (1,)], cost)
    assert plan.critical_path_ms == (10, 9010, 10)
    assert plan.next() == 1


@pytest.mark.parametrize(
    "text",
    ["", "{", "buildgraph durations 2\n1 a\n", "buildgraph durations 1\nx a\n", "[" * 100_000],
)
def test_a_damaged_file_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / ".buildgraph").mkdir()
    (tmp_path / ".buildgraph/durations").write_text(text)
    assert load_durations(str(tmp_path)) == {}
    assert _build(tmp_path, _done(0, "link", 400)) == {"//a:b link": 400}


def test_the_critical_path_shrinks_as_actions_run_and_end() -> None:
    path = CriticalPath((5000, 3000, 2000))  # 0 before 2, 1 alone
    assert path.left({}) == 5000
    assert path.left({0: 1.0, 1: 0.5}) == 4000
    assert path.left({0: 9.0, 1: 0.5}) == 2500, (
        "what takes longer than ever does not hide the others"
    )
    path.end(0)
    assert path.left({1: 0.5}) == 2500
    path.end(1)
    assert path.left({}) == 2000
    path.end(2)
    assert path.left({}) == CriticalPath(()).left({}) == 0


def _head(console: Console) -> str:
    screen = Rich(
        file=io.StringIO(), width=100, color_system=None, force_terminal=True, legacy_windows=False
    )
    with screen.capture() as capture:
        screen.print(console.screen())
    return capture.get().splitlines()[0].lstrip("━╸ ").rstrip()


def test_the_console_counts_what_runs_waits_and_remains() -> None:
    now = [0.0]
    console = Console(io.StringIO(), clock=lambda: now[0])
    lines = []
    script: list[Event] = [
        Planned(("//a:b",), 4, 0, "none", (5000, 3000, 2000, 10)),
        _done(3, "cp", 0, "hit"),
        Started(0, "//a:b", "long"),
        Started(1, "//a:b", "cc"),
        _done(1, "cc", 900),
        _done(0, "long", 1900),
        Started(2, "//a:b", "link"),
    ]
    for event in script:
        console(event)
        lines.append(_head(console))
        now[0] += 1
    console.close()
    assert lines == [
        "0/4, 0 running, 4 waiting, 0 hits  0.00s, critical path 5.0s",
        "1/4, 0 running, 3 waiting, 1 hit  1.0s, critical path 5.0s",
        "1/4, 1 running, 2 waiting, 1 hit  2.0s, critical path 5.0s",
        "1/4, 2 running, 1 waiting, 1 hit  3.0s, critical path 4.0s",
        "2/4, 1 running, 1 waiting, 1 hit  4.0s, critical path 3.0s",
        "3/4, 0 running, 1 waiting, 1 hit  5.0s, critical path 2.0s",
        "3/4, 1 running, 0 waiting, 1 hit  6.0s, critical path 2.0s",
    ]
