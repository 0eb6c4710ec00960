"""JSON text of plain values. The package `json` costs more to import than a build in which little changed may take."""

from __future__ import annotations

from . import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from json.encoder import encode_basestring_ascii as quoted

    def make_encoder(*how: object) -> Callable[[object, int], Iterable[str]]: ...
else:
    from _json import encode_basestring_ascii as quoted, make_encoder


def json_text(value: object, default: Callable[[object], str] | None = None) -> str:
    """One line of ASCII JSON, equal to what `json.dumps` gives with separators "," and ":".

    `default` gives the text of any other value; without it, such a value is a TypeError.
    """
    return "".join(
        make_encoder(None, default or _refuse, quoted, None, ":", ",", False, False, True)(value, 0)
    )


def _refuse(value: object) -> str:
    raise TypeError(f"{type(value).__name__} is not JSON: {value!r}")
