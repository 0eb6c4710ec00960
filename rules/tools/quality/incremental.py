"""Check what changed: the files whose verdict is not recorded under their key.

Their imports are in the scratch folder with them. For a checker that sees only interfaces, files
that are not checked have no bodies there: so the checker cannot see what the key does not name.
"""

from __future__ import annotations

import os
from pathlib import Path

from quality import archive
from quality.findings import Finding
from quality.graph import reachable
from quality.plan import Files, Plan
from quality.rows import ROWS, Row
from quality.scratch import Ran, copy_files, run
from quality.sources import Sees, Sources
from quality.verdict import conclude_files, print_findings


def check_sources(files: Files, previous: Path, temporary: Path, out: Path) -> int:
    """Run a gate of `run_quality`; returns the exit code of its evidence."""
    plan, row = files.plan, ROWS[files.plan.tool]
    records = archive.load(previous, temporary / "cache")
    sources = Sources(files, row.language, records.facts)
    units = [path for path in plan.srcs if row.is_unit(path, files)]
    sees = row.sees_here(files)
    keys = sources.keys(units, sees)
    due = [path for path in units if records.passed.get(path) != keys[path]]
    work = temporary / "work"
    failed: dict[str, list[Finding]] = {}
    if due:
        work.mkdir()
        _fill(sources, sees, due, work)
        ran = run(row.command(plan, _named(sources, due, work), work), work, plan.roots)
        failed = judge(row, plan, ran, work)
    unproved = set(due) if "" in failed else set()
    records.passed = {path: keys[path] for path in units if path not in {*failed, *unproved}}
    archive.save(records, sources, temporary)
    print(f"checked {len(due)} of {len(units)} files")
    print_findings(plan, [finding for rows in failed.values() for finding in rows])
    return conclude_files(plan, failed, len(units), out)


def judge(row: Row, plan: Plan, ran: Ran, work: Path) -> dict[str, list[Finding]]:
    """The findings by file; under '' those that say that not all files were checked."""
    failed: dict[str, list[Finding]] = {}
    for finding in sorted(set(row.findings(ran, plan, work))):
        failed.setdefault(finding.path, []).append(finding)
    if ran.code not in row.judged or (ran.code and not failed):
        last = [line for line in (ran.err + "\n" + ran.out).splitlines() if line.strip()]
        if not failed:
            print(ran.out, ran.err, sep="\n")
        reason = f"{row.tool} ended with exit code {ran.code}: {(last or ['no output'])[-1]}"
        failed.setdefault("", []).append(Finding("", 0, 0, reason))
    return failed


def _named(sources: Sources, due: list[str], work: Path) -> list[str]:
    """The files to name to the checker: for tsc also those whose declarations all files see."""
    if sources.files.plan.tool != "tsc":
        return due
    seen_by_all = [path for path in sources.paths if sources.fact(path)["global"]]
    return sorted({*due, *seen_by_all})


def _fill(sources: Sources, sees: Sees, due: list[str], work: Path) -> None:
    """Fill the scratch folder: checked files, settings, data, and what the files may import."""
    files, plan = sources.files, sources.files.plan
    other: set[str] = set()
    if sees == "all":
        other = set(plan.srcs)
    elif sees != "file":
        other = reachable(sources.graph_of(sees), due)
    replaced: dict[str, str] = {}
    if sees == "interfaces":
        for path in other - {*due}:
            replaced[path] = sources.fact(path)["stub"]
    named = {*due, *other, *plan.data, *filter(None, (plan.config,))}
    copy_files(files.top, sorted(named), work, replaced)
    (work.parent / "home").mkdir(exist_ok=True)
    if plan.tree:
        os.symlink(Path(plan.tree).resolve(), work / "node_modules")
