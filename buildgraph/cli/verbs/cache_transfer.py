"""`buildgraph cache export [LABEL...] FILE` and `cache import FILE`: results in one file."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from dataclasses import asdict

from ...types.digest import Digest
from ...types.errors import OK, BuildError
from ...types.request import Request
from ...ui.json_document import print_document
from ..invocation import Invocation


def export_results(cache: str, options: Namespace) -> int:
    """Write the results of labels (default: of all targets) to a file."""
    from ...build.cache_export import export_cache, needed_results
    from ...host.environment import trust_of
    from ...store.disk import DiskStore
    from ...ui.format import format_size, plural

    *labels, path = options.labels or [""]
    if not path or path.startswith(("//", ":", "-")):
        raise BuildError(
            "no file is named",
            fix="name it last, such as `buildgraph cache export //... cache.bin`",
            reason="usage",
        )
    invocation = Invocation.find()
    request = Request(tuple(labels) or ("//...",), package=invocation.package)
    needed = needed_results(invocation.root, request)
    store = DiskStore(cache)
    store.trust = trust_of(invocation.root, print_warning)
    try:
        report = export_cache(store, os.path.abspath(path), needed, request)
    finally:
        store.close()
    if options.json:
        print_document({"path": path, **asdict(report)})
        return OK
    print(
        f"exported {plural(report.results, 'result')} and {plural(report.blobs, 'blob')} "
        f"({format_size(report.size)}) to {path}"
    )
    if report.missing:
        print(
            f"{plural(report.missing, 'action')} without a result in the cache: "
            "build the targets before the export"
        )
    return OK


def import_results(cache: str, options: Namespace) -> int:
    """Add the results of a file to the cache."""
    from ...build.cache_import import import_cache
    from ...host.environment import trust_of
    from ...store.disk import DiskStore
    from ...ui.format import plural

    if len(options.labels) != 1:
        raise BuildError(
            "cache import takes one file",
            fix="name a file that `cache export` wrote",
            reason="usage",
        )
    (path,) = options.labels
    store = DiskStore(cache)
    try:
        # Elsewhere everything is imported, and the builds that use it apply their policy.
        store.trust = trust_of(Invocation.find().root, print_warning)
    except BuildError as error:
        if error.reason != "workspace":
            raise
    try:
        report = import_cache(store, path)
    finally:
        store.close()
    if options.json:
        print_document({"path": path, **asdict(report)})
        return OK
    known = f", {report.known} known already" if report.known else ""
    print(
        f"imported {plural(report.results, 'result')}{known}, {plural(report.blobs, 'blob')} "
        f"and {plural(report.graphs, 'graph')}"
    )
    if report.untrusted:
        print(f"skipped, for lack of a trusted signature: {report.untrusted}")
    if report.other_version:
        print(f"skipped, of another version of buildgraph: {report.other_version}")
    return OK


def print_warning(text: str) -> None:
    """Print a warning of the store."""
    print(f"warning: {text}", file=sys.stderr)


def keys_needed(labels: list[str]) -> dict[Digest, str]:
    """The keys of the results that labels need, for `cache gc --for`."""
    from ...build.cache_export import needed_results

    if not labels:
        return {}
    invocation = Invocation.find()
    request = Request(tuple(labels), package=invocation.package)
    keys = needed_results(invocation.root, request).keys
    return dict.fromkeys(keys, invocation.root)
