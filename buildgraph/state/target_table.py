"""The targets that an analysis read, as it is kept in a snapshot for the analysis after an edit.

    units          path of a BUILD.toml, number of units, (unit, digest) * number, ...
    targets        label, rule, folder of the BUILD.toml, ...; the analysed ones are first
    target_deps    of each analysed target, the numbers of the targets that it depends on
    owners         of each action, the number of the target that declares it
    makers         of each requested output, the number of its action, or -1
    output_counts  of each requested label, the number of its outputs

A unit is a table that can be parsed alone (`workspace/toml_units.py`). The rule of a target that
belongs to a matrix begins with `matrix `.
"""

from __future__ import annotations

from itertools import pairwise

from ..lite import TYPE_CHECKING
from ..lite.pack import pack_ints, pack_strings
from ..lite.record import Record
from ..types.action import Output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..keys.action_graph import ActionGraph, RequestedOutput
    from .snapshot import Snapshot

MATRIX = "matrix "
_NONE = -1


class TargetRow(Record):
    """A target: label, rule, and the folder of its BUILD.toml."""

    label: str
    rule: str
    folder: str

    @property
    def is_of_matrix(self) -> bool:
        """True for a matrix and for its cells."""
        return self.rule.startswith(MATRIX)

    @property
    def is_group(self) -> bool:
        """True for a group, also that of the cells of a matrix."""
        return self.rule in ("group", f"{MATRIX}group")


class TargetTable(Record, eq=False):
    """The targets of all BUILD.toml files that an analysis read; those that it analysed are first.

    `units` are the digests of the units of each file. `deps` are the numbers of the targets that
    each analysed target depends on. `is_known` is false if the workspace cannot be analysed in
    parts, as with rules of its own.
    """

    units: Mapping[str, Mapping[str, str]] = {}
    targets: Sequence[TargetRow] = ()
    deps: Sequence[Sequence[int]] = ()

    @property
    def is_known(self) -> bool:
        """True if targets can be analysed with this table."""
        return bool(self.units)

    def sections(
        self, steps: ActionGraph, labels: Sequence[str], outputs: Sequence[RequestedOutput]
    ) -> dict[str, bytes]:
        """The sections of a snapshot with this table, actions and requested outputs."""
        number = {row.label: at for at, row in enumerate(self.targets)}
        counts = dict.fromkeys(labels, 0)
        for output in outputs:
            counts[str(output.label)] = counts.get(str(output.label), 0) + 1
        return {
            **self.target_sections(),
            "owners": pack_ints(number.get(str(action.owner), _NONE) for action in steps.actions),
            "makers": pack_ints(
                steps.number[output.artifact.action]
                if isinstance(output.artifact, Output)
                else _NONE
                for output in outputs
            ),
            "output_counts": pack_ints(counts.values()),
        }

    def target_sections(self) -> dict[str, bytes]:
        """The sections of targets and units."""
        return {
            "units": pack_strings(_unit_strings(self.units)),
            "targets": pack_strings(
                string for row in self.targets for string in (row.label, row.rule, row.folder)
            ),
            **int_table("target_dep", self.deps),
        }


def decode_targets(snapshot: Snapshot) -> TargetTable:
    """The table of targets of a snapshot."""
    strings, units, at = snapshot.graph.strings("units"), dict[str, dict[str, str]](), 0
    while at < len(strings):
        end = at + 2 + 2 * int(strings[at + 1])
        units[strings[at]] = dict(zip(strings[at + 2 : end : 2], strings[at + 3 : end : 2]))
        at = end
    rows = iter(snapshot.graph.strings("targets"))
    targets = [TargetRow(label, rule, folder) for label, rule, folder in zip(rows, rows, rows)]
    offsets, deps = map(snapshot.graph.ints, ("target_dep_offsets", "target_deps"))
    lists = [deps[start:end] for start, end in pairwise(offsets)]
    return TargetTable(units, targets, lists)


def int_table(name: str, lists: Iterable[Sequence[int]]) -> dict[str, bytes]:
    """Lists as two sections: the offset of each list, and all items."""
    offsets, items = [0], list[int]()
    for numbers in lists:
        items += numbers
        offsets.append(len(items))
    return {f"{name}_offsets": pack_ints(offsets), f"{name}s": pack_ints(items)}


def _unit_strings(units: Mapping[str, Mapping[str, str]]) -> Iterable[str]:
    for path, digests in units.items():
        yield from (path, str(len(digests)))
        for item in digests.items():
            yield from item
