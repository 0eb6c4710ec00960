"""A workspace that another one equals goes on from the last build there: what it made is put in place, step by step.

The cache holds the snapshot of that build beside the evaluated graph. Here every source, shipped file and tool is looked at,
and every result that the build stands on must still be remembered; then only steps that a difference reaches are decoded.
What is put in place is verified as it is copied, as always.
"""

from __future__ import annotations

import os

from ..fastpath import manifest
from ..host.environment import choose_level, machine_identity
from ..lite import TYPE_CHECKING
from ..lite.pack import pack_strings
from ..outputs.output_tree import InstalledOutputs
from ..sandbox.job import LEVELS
from ..store import gc_roots
from ..types.digest import Digest
from ..ui.summary import format_unchanged
from .incremental import Increment
from .save import FOLDER, parse_digest, source_row, stamps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..host.environment import BuildEnvironment
    from ..sandbox.job import Cancel
    from ..types.events import Event, Listener
    from ..types.request import Request
    from .analysis_inputs import AnalysisInputs
    from .graph_cache import CachedGraph
    from .save import GateRecord
    from .snapshot_journal import SavedBuild


def restore(
    root: str,
    request: Request,
    listen: Listener,
    cancel: Cancel,
    of: tuple[BuildEnvironment, CachedGraph],
) -> int | None:
    """Build from where a build of the same work ended elsewhere, or None when that cannot be."""
    host, graph = of
    found = graph.last()
    if found is None:
        return None
    said, level = found.head.words("facts")[0], choose_level(request.sandbox, host.store.root)
    if LEVELS.index(next(known for known in LEVELS if known == said)) > LEVELS.index(level):
        return None  # what ran in a weaker sandbox does not count
    clone = Clone(root, request, listen, cancel, host)
    clone.level = level
    return clone.restore(found, graph.basis)


class Clone(Increment):
    """One attempt at a request, from the snapshot of a build in another workspace, or in this one long ago."""

    anew, still = True, False

    def restore(self, last: SavedBuild, basis: AnalysisInputs) -> int | None:
        """Find the steps that differences reach, drive them, show all that is wanted and remember."""
        self.basis = basis
        self._open(
            last, manifest.ManifestCheck(self.root, (self.request.words, self.request.package))
        )
        changed = self._differing()
        if (
            changed is None
            or not self._ships_as_before()
            or not self.host.tools.matches(self.head.words("tools"))
        ):
            return None
        if not last.load():
            return None
        reached = set(self._cone(changed))
        remembers = self.host.store.remembers
        if not all(
            number in reached or remembers(Digest.parse(key))
            for number, key in enumerate(last.keys())
        ):
            return None
        return self._go(changed, every=True)

    def _differing(self) -> list[int] | None:
        """The sources that hold something else than there; None when one is missing."""
        changed = []
        for number, name in enumerate(self.names):
            if not self.host.sources.exists(name):
                return None
            found = self.host.sources.digest(name)
            if found != parse_digest(self.last.rows[number].decode()):
                changed.append(number)
                self._differs(number, source_row(*found))
        return changed

    def _ships_as_before(self) -> bool:
        said = iter(self.head.words("shipped"))
        return all(
            os.path.isfile(path)
            and self.host.sources.digest(path) == (Digest.parse(digest), bool(executable))
            for path, digest, executable in zip(said, said, said)
        )

    def _remember(self, gates: Sequence[GateRecord], shown: InstalledOutputs, untold: int) -> None:
        self._note(gates)
        gc_roots.save_roots(
            self.host.store.root, self.root, self.request.patterns, self.last.keys()
        )
        known, stamps = machine_identity(), stamps_of(self, self.basis, shown.files)
        if stamps is None or not known:
            return
        self.last.anew(
            os.path.join(self.root, FOLDER, self.look.name),
            {"facts": pack_strings([self.level, *known])},
        )
        told: list[Event] = [*self.told, *(gate.judged() for gate in gates)]
        text = format_unchanged(told, self.last.count, untold)
        manifest.write(self.root, self.look.request, stamps, text, self.last.mark)
