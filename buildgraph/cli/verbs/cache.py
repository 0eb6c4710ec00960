"""`buildgraph cache WHAT`: look at the store of all builds, check it, and let go of what is of no use any more."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict

from ...types.errors import BROKEN, OK, BuildError
from ...ui.json_document import print_document

WHAT = {
    "stats": "count and size of what is held",
    "gc": "let go of what was not used of late",
    "verify": "hash everything",
    "rm": "forget the results of labels",
}


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    told = "; ".join(f"{name}: {what}" for name, what in WHAT.items())
    parser.add_argument("what", choices=tuple(WHAT), help=told)
    parser.add_argument("labels", nargs="*", metavar="LABEL", help="rm: the targets to forget")
    parser.add_argument(
        "--max-size",
        default="",
        metavar="SIZE",
        help="gc: let the least recently used results go beyond "
        "this (default: BUILDGRAPH_CACHE_SIZE or 10GiB); what the last builds of workspaces stand on stays",
    )
    parser.add_argument(
        "--max-age",
        default="",
        metavar="AGE",
        help="gc: let results go that nobody used for so long "
        "(default: BUILDGRAPH_CACHE_AGE or 30d; units s, min, h, d, w)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="gc: say what would go and why, and let nothing go"
    )
    parser.add_argument(
        "--repair", action="store_true", help="verify: set what is damaged aside: it is made again"
    )


def run(options: Namespace) -> int:
    """Do what the first word says; verify ends with 3 when something is damaged and stays so."""
    from ...store.cache_dir import default_root

    if options.labels and options.what != "rm":
        raise BuildError(
            f"cache {options.what} takes no label", fix="only `cache rm` does", reason="usage"
        )
    root = default_root(os.environ)
    match options.what:
        case "gc":
            return _gc(root, options)
        case "verify":
            return _verify(root, options)
        case "rm":
            from .cache_rm import forget

            return forget(root, options)
    return _stats(root, options)


def _stats(root: str, options: Namespace) -> int:
    """Print the counts of the user's store; an absent one is empty, and is not made for the question."""
    from ...store.ledger import totals
    from ...store.stats import measure_store
    from ...ui.format import format_size, plural

    found, (since, *ledger) = measure_store(root), totals(root)
    if options.json:
        names = ("builds", "ran", "ran_milliseconds", "hits", "saved_milliseconds")
        print_document(
            {"root": root, **asdict(found), "since": since, **dict(zip(names, ledger, strict=True))}
        )
        return OK
    print(root)
    print(f"  {plural(found.blobs, 'blob'):<16} {format_size(found.blob_bytes):>10}")
    print(f"  {plural(found.results, 'result'):<16} {format_size(found.result_bytes):>10}")
    if found.quarantined:
        print(f"  {plural(found.quarantined, 'damaged file')} set aside in quarantine/")
    if since:
        print(f"  {saved(since, ledger)}")
    return OK


def saved(since: int, ledger: Sequence[int]) -> str:
    """What the ledger tells, in words; builds in which nothing changed at all do not come to it."""
    import time

    from ...ui.format import format_seconds, plural

    builds, ran, took, hits, spared = ledger
    return (
        f"since {time.strftime('%Y-%m-%d', time.localtime(since))}: {plural(builds, 'build')}, "
        f"{plural(ran, 'action')} ran in {format_seconds(took)}, {plural(hits, 'hit')} saved {format_seconds(spared)}"
    )


def _gc(root: str, options: Namespace) -> int:
    import time

    from ...store.auto_gc import limits_from_environment, mark_gc_done
    from ...store.disk import DiskStore
    from ...store.gc import plan, run
    from ..format_gc import format_plan, to_json

    asked = {"BUILDGRAPH_CACHE_SIZE": options.max_size, "BUILDGRAPH_CACHE_AGE": options.max_age}
    now = time.time()
    sweep = plan(
        root,
        limits_from_environment(
            dict(os.environ) | {name: value for name, value in asked.items() if value}
        ),
        now,
    )
    if options.dry_run or not os.path.isdir(root):
        freed = sweep.freed
    else:
        freed = run(DiskStore(root), sweep)
        mark_gc_done(root)
    if options.json:
        print_document(
            {"root": root, "dry_run": options.dry_run, "freed": freed, **to_json(sweep, now)}
        )
    else:
        print("\n".join(format_plan(sweep, now, freed, options.dry_run)))
    return OK


def _verify(root: str, options: Namespace) -> int:
    from ...store.disk import DiskStore
    from ...store.fsck import FsckReport, check_store
    from ...ui.format import plural

    found = (
        check_store(DiskStore(root), options.repair)
        if os.path.isdir(root)
        else FsckReport(0, (), ())
    )
    bad = len(found.damaged) + len(found.dangling)
    if options.json:
        print_document({"root": root, "repaired": options.repair and bad > 0, **asdict(found)})
    else:
        for name in found.damaged:
            print(f"damaged: {name}")
        for name in found.dangling:
            print(f"lacks a blob: the result {name}")
        print(
            f"{plural(found.checked, 'file')} checked, {len(found.damaged)} damaged, "
            f"{len(found.dangling)} lack a blob"
        )
        if bad:
            print(
                "set aside: what needs them makes them again"
                if options.repair
                else "mend: buildgraph cache verify --repair"
            )
    return BROKEN if bad and not options.repair else OK
