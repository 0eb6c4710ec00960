"""Affected targets for the verbs that take `--since REV`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ..explain.affected import Affected
from ..explain.affected_actions import ActionForecast, forecast, labels_to_build
from ..explain.compare_revisions import Comparison, compare_revision
from ..explain.predict import Machine
from ..host.environment import choose_level, own_folder, trust_of
from ..host.host_tools import HostTools
from ..host.source_files import SourceFiles
from ..store.cache_dir import default_root
from ..store.disk import DiskStore
from .invocation import Invocation


def forecast_of(
    invocation: Invocation, comparison: Comparison, affected: Sequence[Affected], sandbox: str
) -> ActionForecast:
    """Predict the actions of those affected labels that can be built, at a sandbox level."""
    store = DiskStore(default_root(os.environ))
    try:
        store.trust = trust_of(invocation.root, lambda text: None)
        level = choose_level(sandbox, own_folder(invocation.root, store))
        machine = Machine(store, HostTools(SourceFiles(invocation.root)), level)
        labels = [
            entry.label
            for entry in affected
            if entry.change != "gone" and not comparison.now.hashes.is_group(entry.label)
        ]
        return forecast(invocation.root, comparison, labels, machine)
    finally:
        store.close()


def patterns_since(
    invocation: Invocation, revision: str, patterns: Sequence[str]
) -> tuple[str, ...]:
    """Return the labels that patterns select and that differ from a revision.

    Without patterns, all that differ. BuildError as `compare_revision` and for a pattern that
    matches no target.
    """
    comparison = compare_revision(invocation.root, revision)
    labels = labels_to_build(comparison, patterns, invocation.package)
    if not labels:
        print(f"no selected target differs from {revision}", file=sys.stderr)
    return tuple(map(str, labels))
