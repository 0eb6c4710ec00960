"""`why --against RUN` and `why --runs`: select and compare runs of this and other workspaces."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..explain.compare_runs import RunDiff, compare_runs, format_diff
from ..explain.runs import last_run_path, read_runs
from ..types.errors import BuildError
from ..ui.format import plural, strip_controls
from ..ui.json_document import print_document

if TYPE_CHECKING:
    from ..explain.runs import Run

_MAX_CAUSES = 5  # printed without --all


def print_runs(root: str, as_json: bool) -> None:
    """Print the runs of a workspace, oldest first."""
    runs = read_runs(last_run_path(root))
    if as_json:
        print_document({"runs": [_describe(run) for run in runs]})
        return
    for run in runs:
        state = "ok" if not run.code else f"exit code {run.code}"
        patterns = strip_controls(" ".join(run.patterns))
        print(f"{run.number:>4}  {plural(len(run.actions), 'action')}, {state}: {patterns}")


def print_comparison(
    root: str, against: str, labels: Collection[str] | None, options: Namespace
) -> None:
    """Compare the last run with another one; only the actions of `labels`, if that is not None."""
    before, after = _select(root, against)
    diff = compare_runs(before, after, labels)
    if not diff.total and not diff.added:
        raise BuildError(
            f"run {after.number} has no action of {options.label or 'this request'}",
            fix="build the target first, in both workspaces",
            reason="usage",
        )
    if options.json:
        print_document({"before": _describe(before), "after": _describe(after)} | asdict(diff))
        return
    names = f"run {after.number}", _name(against, before)
    print("\n".join(_format(diff, names, options.all)))


def _format(diff: RunDiff, names: tuple[str, str], show_all: bool) -> Iterator[str]:
    after, before = names
    if not diff.differ and not diff.added and not diff.removed:
        yield f"{after} and {before} are equal: {plural(diff.total, 'action')}"
        return
    yield f"{after} and {before}: {diff.differ} of {plural(diff.total, 'action')} differ"
    limit = diff.total + len(diff.added) + len(diff.removed) if show_all else _MAX_CAUSES
    yield from format_diff(diff, limit)


def _describe(run: Run) -> dict[str, object]:
    return {
        "number": run.number,
        "patterns": list(run.patterns),
        "code": run.code,
        "actions": len(run.actions),
    }


def _name(against: str, run: Run) -> str:
    return f"run {run.number}" + ("" if against.isdecimal() else f" of {strip_controls(against)}")


def _select(root: str, against: str) -> tuple[Run, Run]:
    """(the other run, the last run here of the same patterns, or else the last one)."""
    own = _require(read_runs(last_run_path(root)), "this workspace")
    if against.isdecimal():
        before = next((run for run in own if run.number == int(against)), None)
        if before is None:
            numbers = ", ".join(str(run.number) for run in own[-5:])
            raise BuildError(
                f"the log has no run {against}",
                fix=f"its last runs are {numbers}; `buildgraph why --runs` lists all",
                reason="usage",
            )
        return before, _same_request(own, before)
    others = _require(read_runs(os.path.abspath(against)), against)
    after = own[-1]
    return _same_request(others, after), after


def _require(runs: list[Run], where: str) -> list[Run]:
    if not runs:
        raise BuildError(
            f"the log of {where} has no run", fix="build something first", reason="usage"
        )
    return runs


def _same_request(runs: Sequence[Run], other: Run) -> Run:
    same = [run for run in runs if run.patterns == other.patterns]
    return (same or runs)[-1]
