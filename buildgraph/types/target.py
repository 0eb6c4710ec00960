"""A target: one table of BUILD.toml, with the location of each of its values."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import Record
from .errors import Location
from .label import Label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    Positions: TypeAlias = Mapping[tuple[str | int, ...], Location]


class Target(Record, eq=False):
    """One table of BUILD.toml with a `rule` key.

    `values` are plain values. `folder` is the folder of the file, to which paths are relative;
    `label.package` adds the names of the tables above. `positions` maps a key path such as
    `("agents", "scout")` to its location; `()` is the table itself. `nested` are the key paths of
    tables below that are targets themselves, and not part of `values`.
    """

    label: Label
    rule: str
    values: dict[str, Any]
    folder: str
    positions: Positions
    nested: tuple[tuple[str | int, ...], ...] = ()

    def place(self, *path: str | int) -> Location:
        """The location of a value, or that of its nearest ancestor that has one."""
        return _nearest(self.positions, self.folder, path)

    def lazy_location(self, *path: str | int) -> Location:
        """The same location, determined at its first use, because that scans the whole file."""
        return _LazyLocation(self.positions, self.folder, path)


def _nearest(positions: Positions, folder: str, path: tuple[str | int, ...]) -> Location:
    for end in range(len(path), -1, -1):
        if path[:end] in positions:
            return positions[path[:end]]
    return Location(folder)


class _LazyLocation(Location):
    """A location that is determined at its first use.

    It has no reference to the target, whose values would otherwise live as long as its actions.
    """

    __slots__ = ("_lookup", "_resolved")

    def __init__(self, *lookup: Any) -> None:
        object.__setattr__(self, "_lookup", lookup)
        object.__setattr__(self, "_resolved", None)

    def resolved(self) -> Location:
        location: Location | None = getattr(self, "_resolved")
        if location is None:
            location = _nearest(*getattr(self, "_lookup"))
            object.__setattr__(self, "_resolved", location)
        return location

    def __eq__(self, other: object) -> bool:
        return self.resolved() == (other.resolved() if isinstance(other, Location) else other)

    def __hash__(self) -> int:
        return hash(self.resolved())

    path = property(lambda self: self.resolved().path)
    line = property(lambda self: self.resolved().line)
    column = property(lambda self: self.resolved().column)
    length = property(lambda self: self.resolved().length)
