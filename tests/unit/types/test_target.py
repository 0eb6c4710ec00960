"""Locations of the values of a target."""

from __future__ import annotations

from collections.abc import Mapping

from buildgraph.types.errors import BuildError, Location
from buildgraph.types.label import Label
from buildgraph.types.target import Target


class Counting(dict[tuple[str | int, ...], Location]):
    """Positions that count their lookups."""

    lookups = 0

    def __contains__(self, key: object) -> bool:
        self.lookups += 1
        return super().__contains__(key)


def target(positions: Mapping[tuple[str | int, ...], Location]) -> Target:
    """A target with these positions."""
    return Target(Label("p", "t"), "rule", {}, "p", positions)


def test_a_value_without_location_has_that_of_its_nearest_ancestor() -> None:
    table, agents = Location("f", 1), Location("f", 2)
    positions: dict[tuple[str | int, ...], Location] = {(): table, ("agents",): agents}
    assert target(positions).place("agents", "scout", 3) == agents
    assert target(positions).place("other") == target(positions).place() == table
    assert target({}).place("other") == Location("p")


def test_a_lazy_location_is_determined_once_at_its_first_use() -> None:
    positions = Counting({("a",): Location("f", 2, 3, 4)})
    location = target(positions).lazy_location("a", "b")
    assert positions.lookups == 0
    assert (location.path, location.line, location.column, location.length) == ("f", 2, 3, 4)
    lookups = positions.lookups
    assert location == Location("f", 2, 3, 4) and hash(location) == hash(Location("f", 2, 3, 4))
    assert str(location) == "f:2:3" and positions.lookups == lookups > 0
    assert type(BuildError("x", location).at) is Location
