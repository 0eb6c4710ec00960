"""`buildgraph cache stats|gc|verify|rm|export|import`: the user's cache."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict

from ...types.errors import BROKEN, OK, BuildError
from ...ui.json_document import print_document

COMMANDS = {
    "stats": "print the number and size of files",
    "gc": "remove results that were not used recently",
    "verify": "hash every file and report damaged ones",
    "rm": "remove the results of targets",
    "export": "write the results that targets need to FILE",
    "import": "add the results of FILE to the cache",
}


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument("what", choices=tuple(COMMANDS), help="command to run (see below)")
    parser.add_argument(
        "labels",
        nargs="*",
        metavar="LABEL|FILE",
        help="rm: targets whose results are removed; export: targets (default: //...), then the "
        "file to write; import: the file to read",
    )
    parser.add_argument(
        "--for",
        dest="needed",
        action="append",
        default=[],
        metavar="LABEL",
        help="gc: keep every result that a build of this target needs now (may be repeated)",
    )
    parser.add_argument(
        "--max-size",
        default="",
        metavar="SIZE",
        help="gc: remove the least recently used results until the cache is smaller than this "
        "(default: BUILDGRAPH_CACHE_SIZE or 10GiB); the results of each workspace's last builds "
        "are kept",
    )
    parser.add_argument(
        "--max-age",
        default="",
        metavar="AGE",
        help="gc: remove results that were not used for this long "
        "(default: BUILDGRAPH_CACHE_AGE or 30d; units: s, min, h, d, w)",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="gc: print what would be removed and why, without removing it",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="verify: move damaged files to quarantine; the next build makes them again",
    )
    commands = (f"  {name:<8}{summary}" for name, summary in COMMANDS.items())
    parser.epilog = "\n".join(["commands:", *commands])


def run(options: Namespace) -> int:
    """Run the command; `verify` returns 3 if the cache is damaged and was not repaired."""
    from ...store.cache_dir import default_root

    if options.labels and options.what in ("stats", "gc", "verify"):
        raise BuildError(
            f"cache {options.what} takes no label",
            fix="`cache gc --for LABEL` keeps the results of a target"
            if options.what == "gc"
            else "`cache rm` and `cache export` take labels",
            reason="usage",
        )
    root = default_root(os.environ)
    match options.what:
        case "gc":
            return _gc(root, options)
        case "verify":
            return _verify(root, options)
        case "rm":
            from .cache_rm import remove_results_of

            return remove_results_of(root, options)
        case "export":
            from .cache_transfer import export_results

            return export_results(root, options)
        case "import":
            from .cache_transfer import import_results

            return import_results(root, options)
    return _stats(root, options)


def _stats(root: str, options: Namespace) -> int:
    """Print the statistics of the store; a store that does not exist is empty, and not created."""
    from ...store.ledger import totals
    from ...store.stats import measure_store
    from ...ui.format import format_size, plural

    stats, (since, *counts) = measure_store(root), totals(root)
    if options.json:
        names = ("builds", "ran", "ran_milliseconds", "hits", "saved_milliseconds")
        print_document(
            {"root": root, **asdict(stats), "since": since, **dict(zip(names, counts, strict=True))}
        )
        return OK
    print(root)
    print(f"  {plural(stats.blobs, 'blob'):<16} {format_size(stats.blob_bytes):>10}")
    print(f"  {plural(stats.results, 'result'):<16} {format_size(stats.result_bytes):>10}")
    if stats.quarantined:
        print(f"  {plural(stats.quarantined, 'damaged file')} in quarantine/")
    if since:
        print(f"  {format_savings(since, counts)}")
    return OK


def format_savings(since: int, counts: Sequence[int]) -> str:
    """Format the totals of the ledger; builds in which nothing changed are not recorded there.

    `counts` are the builds, the actions that ran and their milliseconds, the hits and the
    milliseconds that they saved.
    """
    from ...ui.format import format_seconds, plural

    builds, ran, ran_ms, hits, saved_ms = counts
    return (
        f"since {time.strftime('%Y-%m-%d', time.localtime(since))}: {plural(builds, 'build')}, "
        f"{plural(ran, 'action')} ran in {format_seconds(ran_ms)}, "
        f"{plural(hits, 'hit')} saved {format_seconds(saved_ms)}"
    )


def _gc(root: str, options: Namespace) -> int:
    from ...store.auto_gc import limits_from_environment, mark_gc_done
    from ...store.disk import DiskStore
    from ...store.gc import plan, run
    from ..format_gc import format_plan, to_json
    from .cache_transfer import keys_needed

    limits = {"BUILDGRAPH_CACHE_SIZE": options.max_size, "BUILDGRAPH_CACHE_AGE": options.max_age}
    set_limits = {name: value for name, value in limits.items() if value}
    now = time.time()
    merged = limits_from_environment(dict(os.environ) | set_limits)
    gc_plan = plan(root, merged, now, keys_needed(options.needed))
    if options.dry_run or not os.path.isdir(root):
        freed = gc_plan.freed
    else:
        freed = run(DiskStore(root), gc_plan)
        mark_gc_done(root)
    if options.json:
        print_document(
            {"root": root, "dry_run": options.dry_run, "freed": freed, **to_json(gc_plan, now)}
        )
    else:
        print("\n".join(format_plan(gc_plan, now, freed, options.dry_run)))
    return OK


def _verify(root: str, options: Namespace) -> int:
    from ...store.disk import DiskStore
    from ...store.fsck import FsckReport, check_store
    from ...ui.format import plural

    if os.path.isdir(root):
        report = check_store(DiskStore(root), options.repair)
    else:
        report = FsckReport(0, (), ())
    errors = len(report.damaged) + len(report.dangling)
    if options.json:
        print_document({"root": root, "repaired": options.repair and errors > 0, **asdict(report)})
    else:
        for name in report.damaged:
            print(f"damaged: {name}")
        for name in report.dangling:
            print(f"missing blob: result {name}")
        print(
            f"{plural(report.checked, 'file')} checked, {len(report.damaged)} damaged, "
            f"{plural(len(report.dangling), 'result')} with a missing blob"
        )
        if errors and options.repair:
            print("moved to quarantine; the next build makes them again")
        elif errors:
            print("help: `buildgraph cache verify --repair` moves them to quarantine")
    return BROKEN if errors and not options.repair else OK
