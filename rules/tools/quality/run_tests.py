"""The gate of pytest: which test files are due, how often they run, and what that shows."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from agentc.numerics.clopper_pearson import UNIT, lower_bound
from quality import archive
from quality.coverage_lines import write_lcov
from quality.findings import Finding
from quality.junit import list_tests, write_junit
from quality.plan import Files, Plan, is_test
from quality.pytest_runs import FAILED, NO_TESTS, PASSED, Run, run_file
from quality.records import Records
from quality.scratch import copy_files
from quality.sources import Sources
from quality.verdict import conclude_files, print_findings
from readiness.evidence import Check, Json

TWO_SIDED = 2  # both bounds of an interval hold at once


@dataclass
class Tally:
    """Outcomes of the test files that ran: findings by path, and files that failed before."""

    failed: dict[str, list[Finding]] = field(default_factory=dict)
    failed_before: list[str] = field(default_factory=list)
    runs: int = 0
    failed_runs: int = 0


@dataclass(frozen=True)
class Outs:
    """The outputs of a gate: its evidence, a JUnit file, and an LCOV file if it is measured."""

    evidence: Path
    junit: Path
    lcov: Path | None = None


def check_tests(files: Files, previous: Path, temporary: Path, outs: Outs, program: str) -> int:
    """Run the gate; returns the exit code of its evidence."""
    plan = files.plan
    records = archive.load(previous, temporary / "cache")
    sources = Sources(files, "python", records.facts)
    units = [path for path in plan.srcs if is_test(path) and is_in_shard(path, plan.shard)]
    keys = sources.keys(units, "closure")
    passed = {} if plan.repeat else records.passed
    due = [path for path in units if passed.get(path) != keys[path]]
    tally = Tally()
    for name in ("pytest", *(["coverage"] if plan.coverage else [])):
        import_module(name)  # once, for all forked processes
    (temporary / "home").mkdir(exist_ok=True)
    os.environ["HOME"] = str(temporary / "home")
    for number, path in enumerate(due):
        work = temporary / f"work-{number}"
        _run_unit(sources, path, work, program, records=records, tally=tally)
    update_records(records, units, keys, due, tally)
    archive.save(records, sources, temporary)
    print(f"checked {len(due)} of {len(units)} files")
    cases = {path: records.cases.get(path, []) for path in units}
    write_junit(outs.junit, plan, cases)
    if outs.lcov is not None:
        executed = {path: records.lines.get(path, {}) for path in units}
        write_lcov(outs.lcov, plan, files.top, executed)
    print_findings(plan, [finding for rows in tally.failed.values() for finding in rows])
    for path in tally.failed_before:
        print(f"{plan.name_in_workspace(path)}: passed now and failed before with the same inputs")
    more = [_flaky_check(plan, path) for path in tally.failed_before]
    if max(plan.runs, plan.repeat) > 1 and due:
        more.append(_runs_check(plan, tally))
    is_cached = not tally.failed_before
    return conclude_files(
        plan,
        tally.failed,
        len(units),
        outs.evidence,
        more=more,
        tests=list_tests(plan, cases, tally.failed),
        cached=is_cached,
    )


def is_in_shard(path: str, shard: str) -> bool:
    """True if a path belongs to a shard such as "2/4"; every path has the same one in all runs."""
    if not shard:
        return True
    number, count = map(int, shard.split("/"))
    return int(hashlib.sha256(path.encode()).hexdigest(), 16) % count == number - 1


def _run_unit(
    sources: Sources, path: str, work: Path, program: str, *, records: Records, tally: Tally
) -> None:
    files, plan = sources.files, sources.files.plan
    named = {*sources.view(path), *plan.data, *filter(None, (plan.config,))}
    config = ["-c", plan.config] if plan.config else []
    roots = [word for root in plan.roots if root for word in ("-o", f"pythonpath={root}")]
    runs = []
    for number in range(max(plan.runs, plan.repeat)):
        folder = work.with_name(f"{work.name}-{number}")
        copy_files(files.top, sorted(named), folder, {})
        words = [*config, *roots, *plan.args]
        measured = plan.coverage and not number
        runs.append(run_file(path, folder, words, program, number, coverage=measured))
    records.cases[path] = [list(case) for case in runs[0].cases]
    records.lines[path] = runs[0].lines
    tally.runs += len(runs)
    tally.failed_runs += sum(run.code not in (PASSED, NO_TESTS) for run in runs)
    findings = [finding for run in runs for finding in run.findings]
    for run in runs:
        if run.code not in (PASSED, NO_TESTS, FAILED) or (run.code == FAILED and not run.findings):
            print(run.log)
            findings.append(Finding(path, 0, 0, f"pytest ended with exit code {run.code}"))
    if findings:
        tally.failed[path] = [*flaky_tests(path, runs), *dict.fromkeys(findings)]


def flaky_tests(path: str, runs: Sequence[Run]) -> list[Finding]:
    """A finding for each test that passed in some of several runs and failed in others."""
    failures = Counter(name for run in runs for name, outcome in run.cases if outcome == "failed")
    findings = []
    for name, count in sorted(failures.items()):
        if count < len(runs):
            low, high = failure_interval(count, len(runs))
            share = f"between {low} and {high} of all runs with 95 % confidence"
            text = f"{name} is flaky: {count} of {len(runs)} runs failed, {share}"
            findings.append(Finding(path, 0, 0, text))
    return findings


def failure_interval(failed: int, runs: int) -> tuple[str, str]:
    """The Clopper-Pearson interval of the share of failures, 95 %, as decimal numbers."""
    low = lower_bound(runs - failed, runs, TWO_SIDED)
    millionths = round(float(lower_bound(failed, runs, TWO_SIDED)) * UNIT)
    return low, f"{(UNIT - millionths) / UNIT:.6f}"


def update_records(
    records: Records,
    units: Sequence[str],
    keys: Mapping[str, str],
    due: Sequence[str],
    tally: Tally,
) -> None:
    """Record the verdicts; a pass under a key that failed before is no pass."""
    before = records.failed
    tally.failed_before = [
        path for path in due if path not in tally.failed and before.get(path) == keys[path]
    ]
    unproved = {*tally.failed, *tally.failed_before}
    records.passed = {path: keys[path] for path in units if path not in unproved}
    records.failed = {path: keys[path] for path in units if path in unproved}
    records.cases = {path: records.cases[path] for path in units if path in records.cases}
    records.lines = {path: records.lines[path] for path in units if path in records.lines}


def _flaky_check(plan: Plan, path: str) -> Check:
    name = f"{plan.name_in_workspace(path)} again"
    return Check(name, "passed", "pytest", "this host", why="it failed before with the same inputs")


def _runs_check(plan: Plan, tally: Tally) -> Check:
    low, high = failure_interval(tally.failed_runs, tally.runs)
    measured: Json = {"runs": tally.runs, "failed": tally.failed_runs, "interval": [low, high]}
    how = "runs with other orders, seeds, hash seeds, time zones and times"
    return Check("runs", "passed", how, "this host", measured)
