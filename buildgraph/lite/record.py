"""Frozen classes with slots, as `dataclasses` makes them, for the modules that every build imports.

Importing `dataclasses` costs more than a bare interpreter's whole start, and so does what it compiles for some ten
classes. Here nothing is imported, and what a class needs is compiled when it is much used: most of it never is. For
`dataclasses.fields`, `replace` and `asdict` a noun is a dataclass like any other.
"""

from __future__ import annotations

from . import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar, dataclass_transform, overload

    T = TypeVar("T")

    @overload
    @dataclass_transform(frozen_default=True)
    def record(cls: type[T]) -> type[T]: ...
    @overload
    @dataclass_transform(frozen_default=True)
    def record(
        *, eq: bool = True, order: bool = False, aside: str = ""
    ) -> Callable[[type[T]], type[T]]: ...

    def record(cls: Any = None, **how: Any) -> Any:
        """Make a class frozen, with the fields that it annotates; a field `aside` is not compared.

        `eq=False` compares by identity, `order` also orders. Such a class must not use `super()` without arguments.
        """
else:

    def record(cls=None, *, eq=True, order=False, aside=""):
        """Make a class frozen, with the fields that it annotates; a field `aside` is not compared."""
        return (
            (lambda found: _made(found, eq, order, aside))
            if cls is None
            else _made(cls, eq, order, aside)
        )


_NONE = object()
_FEW = 40  # instances that are made by hand
_ORDER = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}


def _made(cls: Any, eq: bool, order: bool, aside: str) -> Any:
    space = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in ("__dict__", "__weakref__")
    }
    own = tuple(space.get("__annotations__", ()))
    before: Any = getattr(cls, "_noun", ((), {}, True, ""))
    defaults = before[1] | {name: space.pop(name) for name in own if name in space}
    names = before[0] + own
    space |= {
        "__slots__": own,
        "__match_args__": names,
        "_noun": (names, defaults, eq, aside),
        "_made": _FEW,
        "__init__": _first,
        "__setattr__": _frozen,
        "__delattr__": _frozen,
        "__repr__": _repr,
        "__dataclass_fields__": _Fields(),
        "__reduce__": _reduce,
    }
    if eq:
        space |= {"__eq__": _first_equal, "__hash__": _first_hash}
    if order:
        space |= {name: _ordered(name, sign) for name, sign in _ORDER.items()}
    return type(cls)(cls.__name__, cls.__bases__, space)


def _first(self: Any, *args: Any, **words: Any) -> None:
    """The first instances of a class are made by hand: to compile for them would cost more than they do."""
    cls = _owner(type(self), "__init__")
    names, defaults, _, _ = cls._noun
    cls._made -= 1
    given = dict(zip(names, args)) | words
    every = defaults | given
    if cls._made < 0 or len(given) != len(args) + len(words) or every.keys() != set(names):
        _compile(cls, _making(cls), ("__init__",))  # it also says what is wrong with the arguments
        cls.__init__(self, *args, **words)
        return
    for name in names:
        getattr(cls, name).__set__(self, every[name])


def _first_equal(self: Any, other: object) -> Any:
    cls = _owner(type(self), "__eq__")
    _compile(cls, _comparing(cls), ("__eq__", "__hash__"))
    return self == other


def _first_hash(self: Any) -> int:
    cls = _owner(type(self), "__hash__")
    _compile(cls, _comparing(cls), ("__eq__", "__hash__"))
    return hash(self)


def _owner(cls: type, name: str) -> Any:
    """The noun whose method this is. Another thread may have compiled it between the look for it and the call."""
    return next(
        found for found in cls.__mro__ if "_noun" in found.__dict__ and name in found.__dict__
    )


def _compile(cls: Any, text: str, names: Sequence[str]) -> None:
    _, defaults, _, _ = cls._noun
    space: dict[str, Any] = {f"_d_{name}": value for name, value in defaults.items()}
    space |= {f"_s_{name}": getattr(cls, name).__set__ for name in cls._noun[0]}
    exec(text, space)
    for name in names:
        made = space[name]
        made.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, made)


def _making(cls: Any) -> str:
    names, defaults, _, _ = cls._noun
    given = ", ".join(f"{name}=_d_{name}" if name in defaults else name for name in names)
    body = "".join(f" _s_{name}(self, {name})\n" for name in names) or " pass\n"
    return f"def __init__(self{', ' if given else ''}{given}):\n{body}"


def _fields(cls: Any) -> list[str]:
    """What is compared, as an expression each for two operands."""
    names, _, _, aside = cls._noun
    return [
        f"({''.join(f'{who}.{name},' for name in names if name != aside)})"
        for who in ("self", "other")
    ]


def _comparing(cls: Any) -> str:
    mine, others = _fields(cls)
    return (
        "def __eq__(self, other):\n if other.__class__ is not self.__class__:\n  return NotImplemented\n"
        f" return {mine} == {others}\ndef __hash__(self):\n return hash({mine})\n"
    )


def _ordered(name: str, sign: str) -> Callable[[Any, Any], bool]:
    """A comparison that compiles itself when it is first wanted."""

    def first(self: Any, other: Any) -> bool:
        cls = _owner(type(self), name)
        mine, others = _fields(cls)
        _compile(cls, f"def {name}(self, other):\n return {mine} {sign} {others}\n", (name,))
        return bool(getattr(self, name)(other))

    return first


def _repr(self: Any) -> str:
    return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._noun[0])})"


def _frozen(self: Any, name: str, value: object = _NONE) -> None:
    raise AttributeError(f"cannot change {name!r}: a {type(self).__name__} is frozen")


def _reduce(self: Any) -> tuple[type, tuple[Any, ...]]:
    return type(self), tuple(getattr(self, name) for name in self._noun[0])


class _Fields:
    """What `dataclasses` asks a class for, made when it is asked."""

    def __get__(self, instance: object, owner: Any) -> Any:
        from dataclasses import field, make_dataclass

        names, defaults, _, aside = owner._noun
        made = make_dataclass(
            owner.__name__,
            [
                (
                    name,
                    object,
                    field(
                        compare=name != aside,
                        **({"default": defaults[name]} if name in defaults else {}),
                    ),
                )
                for name in names
            ],
        )
        found = getattr(made, "__dataclass_fields__")
        setattr(owner, "__dataclass_fields__", found)
        return found
