"""A workspace that another one equals goes on from the last build there: what it made is put in place, step by step.

The cache holds the snapshot of that build beside the evaluated graph. Here every source, shipped file and tool is looked at,
and every result that the build stands on must still be remembered; then only steps that a difference reaches are decoded.
What is put in place is verified as it is copied, as always.
"""
from __future__ import annotations

import os

from . import receipt
from .execute.job import LEVELS
from .host import here, level_of
from .increment import Increment
from .left import FOLDER, digest_of_row, source_row, stamps_of
from .materialise import Shown
from .digest import Digest
from .snapshot import STEPS, replace, words, write
from .ui.summary import unchanged_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .basis import Basis
    from .drive import Request
    from .events import Event, Listener
    from .execute.job import Cancel
    from .host import Host
    from .left import Row
    from .snapshot import Snapshot
    from .work import Graph


def restore(root: str, request: Request, listen: Listener, cancel: Cancel, of: tuple[Host, Graph]) -> int | None:
    """Build from where a build of the same work ended elsewhere, or None when that cannot be."""
    host, graph = of
    found = graph.last()
    if found is None:
        return None
    said, level = found[1].words("facts")[0], level_of(request.sandbox, host.store.root)
    if LEVELS.index(next(known for known in LEVELS if known == said)) > LEVELS.index(level):
        return None   # what ran in a weaker sandbox does not count
    clone = Clone(root, request, listen, cancel, host)
    clone.level = level
    return clone.restore(*found, graph.basis)


class Clone(Increment):
    """One attempt at a request, from the snapshot of a build in another workspace, or in this one long ago."""

    anew, still = True, False

    def restore(self, path: str, snapshot: Snapshot, basis: Basis) -> int | None:
        """Find the steps that differences reach, drive them, show all that is wanted and remember."""
        self.path, self.basis = path, basis
        self._open(snapshot, receipt.Look(self.root, (self.request.words, self.request.package)))
        changed = self._differing()
        if changed is None or not self._ships_as_before() or not self.host.tools.agrees(snapshot.words("tools")):
            return None
        reached = set(self._cone(changed))
        remembers = self.host.store.remembers
        if not all(number in reached or remembers(Digest.parse(key.decode())) for number, key in enumerate(self.key_lines)):
            return None
        return self._go(path, changed, every=True)

    def _differing(self) -> list[int] | None:
        """The sources that hold something else than there; None when one is missing."""
        changed = []
        for number, name in enumerate(self.names):
            if not self.host.sources.stands(name):
                return None
            found = self.host.sources.digest(name)
            if found != digest_of_row(self.rows[number].decode()):
                changed.append(number)
                self.rows[number] = source_row(*found)
        return changed

    def _ships_as_before(self) -> bool:
        said = iter(self.snapshot.words("shipped"))
        return all(os.path.isfile(path) and self.host.sources.digest(path) == (Digest.parse(digest), bool(executable))
                   for path, digest, executable in zip(said, said, said))

    def _remember(self, gates: Sequence[Row], shown: Shown, untold: int) -> None:
        known, parts = here(), self._parts(gates)
        stamps = stamps_of(self, self.basis, set(shown.files), self.began)
        if stamps is None or not known:
            return
        try:
            with open(self.path + STEPS, "rb") as file:
                steps = file.read()
        except OSError:
            return
        target = os.path.join(self.root, FOLDER, self.look.name)
        mark = write(target, parts | {"facts": words([self.level, *known])}) if replace(target + STEPS, steps) else 0
        told: list[Event] = [*self.told, *(gate.judged() for gate in gates)]
        text = unchanged_text(told, len(self.key_lines), untold)
        receipt.write(self.root, self.look.request, stamps, text, mark)
