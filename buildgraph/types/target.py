"""A target: one table of BUILD.toml, with the place of each of its values."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import record
from .errors import Location
from .label import Label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    Positions: TypeAlias = Mapping[tuple[str | int, ...], Location]


@record(eq=False)
class Target:
    """One table of BUILD.toml with a `rule` key: plain values, and the place where each was written.

    `folder` is the folder of the file (paths are relative to it); `label.package` adds the tables above.
    `positions` maps a key path such as `("agents", "scout")` to where it stands; `()` is the table itself.
    `nested` are the paths below the table that are targets themselves; they are no part of `values`.
    """

    label: Label
    rule: str
    values: dict[str, Any]
    folder: str
    positions: Positions
    nested: tuple[tuple[str | int, ...], ...] = ()

    def place(self, *path: str | int) -> Location:
        """Where a value was written; the nearest ancestor's place when it has none of its own."""
        return _nearest(self.positions, self.folder, path)

    def lazy_location(self, *path: str | int) -> Location:
        """The same place, looked for when somebody asks: hardly anybody does, and it means to scan the file."""
        return _Later(self.positions, self.folder, path)


def _nearest(places: Positions, folder: str, path: tuple[str | int, ...]) -> Location:
    for end in range(len(path), -1, -1):
        if path[:end] in places:
            return places[path[:end]]
    return Location(folder)


class _Later(Location):
    """A place that is not looked for yet. It does not hold the target, whose values would then live as long as its actions."""

    __slots__ = ("_found", "_of")
    _of: tuple[Positions, str, tuple[str | int, ...]]
    _found: Location | None

    def __init__(self, *of: Any) -> None:
        object.__setattr__(self, "_of", of)
        object.__setattr__(self, "_found", None)

    def resolved(self) -> Location:
        known = self._found
        if known is None:
            known = _nearest(*self._of)
            object.__setattr__(self, "_found", known)
        return known

    def __eq__(self, other: object) -> bool:
        return self.resolved() == (other.resolved() if isinstance(other, Location) else other)

    def __hash__(self) -> int:
        return hash(self.resolved())

    path = property(lambda self: self.resolved().path)
    line = property(lambda self: self.resolved().line)
    column = property(lambda self: self.resolved().column)
    length = property(lambda self: self.resolved().length)
