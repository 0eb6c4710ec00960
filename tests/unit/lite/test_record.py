"""A record behaves like a frozen dataclass with slots."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from buildgraph.lite.record import Record


class Point(Record, order=True):
    """Two numbers."""

    x: int
    y: int = 2

    @property
    def total(self) -> int:
        """Their sum."""
        return self.x + self.y


class Annotated(Point, uncompared="note"):
    """A point with a note that is not compared."""

    note: str = ""


class Unique(Record, eq=False):
    """Equal only to itself."""

    x: int = 0


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Reference:
    """Point as a dataclass."""

    x: int
    y: int = 2


def test_it_is_compared_ordered_and_printed_like_a_dataclass() -> None:
    assert Point(1) == Point(1, 2) == Point(y=2, x=1) and Point(1) != Point(2)
    other: object = Reference(1)
    assert Point(1) != other
    assert (
        hash(Point(1, 3)) == hash(Reference(1, 3)) and len({Point(1), Point(1, 2), Point(2)}) == 2
    )
    assert sorted([Point(2, 1), Point(1, 9), Point(1, 3)]) == [
        Point(1, 3),
        Point(1, 9),
        Point(2, 1),
    ]
    assert (
        Point(1) < Point(2)
        and Point(1) <= Point(1)
        and Point(2) > Point(1)
        and Point(1) >= Point(1)
    )
    assert (
        repr(Point(1)) == repr(Reference(1)).replace("Reference", "Point") and Point(1).total == 3
    )
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]


def test_the_first_instances_equal_the_later_ones() -> None:
    """`__init__` is interpreted for the first 40 instances, and then compiled."""

    class Fresh(Record):
        """A class of its own."""

        x: int
        y: int = 2

    for number in range(100):
        assert (Fresh(number).x, Fresh(number).y, Fresh(y=number, x=1).y, Fresh(1, number).y) == (
            number,
            2,
            number,
            number,
        )
        for args, words in (((), {}), ((1, 2, 3), {}), ((1,), {"x": 2}), ((1,), {"z": 2})):
            with pytest.raises(TypeError):
                Fresh(*args, **words)


def test_it_cannot_be_changed_and_has_no_dictionary() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match="a Point is frozen"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del point.y
    assert not hasattr(point, "__dict__")


def test_a_subclass_has_the_fields_of_both_and_one_is_not_compared() -> None:
    assert Annotated(1, 2, "a") == Annotated(1, 2, "b") and hash(Annotated(1, 2, "a")) == hash(
        Annotated(1, 2, "b")
    )
    assert Annotated(1) != Point(1) and Annotated(1, 2, "a").note == "a" and Annotated(1).total == 3


def test_identity_without_eq() -> None:
    one = Unique()
    assert one == one and one != Unique() and len({one, Unique()}) == 2


def test_it_serves_match_dataclasses_and_pickle() -> None:
    match Annotated(1, 2, "a"):
        case Annotated(x, y, note):
            assert (x, y, note) == (1, 2, "a")
    assert [field.name for field in dataclasses.fields(Annotated)] == ["x", "y", "note"]
    assert dataclasses.replace(Point(1), y=5) == Point(1, 5) and dataclasses.asdict(Point(1)) == {
        "x": 1,
        "y": 2,
    }
    assert dataclasses.is_dataclass(Point) and pickle.loads(
        pickle.dumps(Annotated(1, 2, "a"))
    ) == Annotated(1, 2)


def test_a_method_that_another_thread_compiles_at_the_same_time() -> None:
    """One thread looks a method up; another replaces it by the compiled one before the call."""

    class Busy(Record, order=True):
        """Two numbers; no other test uses the class."""

        x: int
        y: int = 2

    class Subclass(Busy):
        """A subclass that is no record itself."""

    early = {name: getattr(Busy, name) for name in ("__init__", "__eq__", "__hash__", "__lt__")}
    many = [Busy(number) for number in range(99)]
    assert many[1] == Busy(1) and hash(many[1]) == hash(Busy(1)) and many[0] < many[1]
    for kind in (Busy, Subclass):
        first, second = object.__new__(kind), object.__new__(kind)
        early["__init__"](first, 1)
        early["__init__"](second, x=1)
        assert (first.x, first.y) == (1, 2) and early["__eq__"](first, second) is True
        assert early["__hash__"](first) == hash(second) and early["__lt__"](first, second) is False
    assert early["__init__"] is not Busy.__init__, "nothing was compiled"
