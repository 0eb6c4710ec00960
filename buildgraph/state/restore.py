"""Go on from the last build of an equal request, in another workspace or in this one.

The snapshot comes from the cache. Every source, shipped file and tool is compared with it, and the
store must remember every result that is taken over. Only the actions that a difference reaches are
dirty; the outputs of the others are copied from the store, which verifies them.
"""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING
from ..sandbox.job import LEVELS
from ..types.digest import Digest
from .incremental import shipped_files, source_row
from .request_graph import dirty_steps
from .start import Start, start_from_snapshot

if TYPE_CHECKING:
    from ..execution.executor import Attempt
    from ..host.source_files import SourceFiles
    from .graph_cache import CachedGraph
    from .snapshot import Snapshot


def start_from_cache(attempt: Attempt, graph: CachedGraph) -> Start | None:
    """The start of a build that uses results of a cached snapshot, or None.

    Results of a weaker sandbox than that of the attempt do not count.
    """
    snapshot, host = graph.snapshot, attempt.host
    if snapshot.results is None:
        return None
    level = snapshot.results.strings("facts")[0]
    if LEVELS.index(next(known for known in LEVELS if known == level)) > LEVELS.index(
        attempt.level
    ):
        return None
    changed = _changed_sources(snapshot, host.sources)
    if (
        changed is None
        or not _ships_same_files(snapshot, host.sources)
        or not host.tools.matches(snapshot.results.strings("tools"))
    ):
        return None
    records = snapshot.records(range(snapshot.count))
    if records is None:
        return None
    dirty, remembers = {*dirty_steps(snapshot, changed)}, host.store.remembers
    for number, last in enumerate(records):
        if number not in dirty and not remembers(Digest.parse(last.key)):
            return None
    return start_from_snapshot(attempt, snapshot, changed, inputs=graph.inputs)


def _changed_sources(snapshot: Snapshot, sources: SourceFiles) -> list[int] | None:
    """The numbers of sources with another content, or None if one is missing."""
    changed = []
    for number, name in enumerate(snapshot.graph.strings("sources")):
        if not sources.exists(name):
            return None
        if snapshot.set_source(number, source_row(*sources.digest(name))):
            changed.append(number)
    return changed


def _ships_same_files(snapshot: Snapshot, sources: SourceFiles) -> bool:
    return all(
        os.path.isfile(path) and sources.digest(path) == content
        for path, content in shipped_files(snapshot).items()
    )
