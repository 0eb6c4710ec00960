"""JSON text of plain values. The package `json` costs more to import than a build in which little changed may take."""
from __future__ import annotations

from ..digest import Digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from json.encoder import encode_basestring_ascii as quoted
else:
    from _json import encode_basestring_ascii as quoted

_WORDS = {True: "true", False: "false", None: "null"}


def text_of(value: object) -> str:
    """One line of ASCII JSON, equal to what `json.dumps` gives with separators "," and ":"; digests as their text.

    AssertionError on what is no text, number, truth, None, sequence or mapping of such.
    """
    kind = type(value)
    if kind is str:
        return quoted(value)  # type: ignore[arg-type]
    if kind is int or kind is float:
        return repr(value)
    if kind is bool or value is None:
        return _WORDS[value]  # type: ignore[index]
    if kind is Digest:
        return quoted(str(value))
    if isinstance(value, dict):
        return "{%s}" % ",".join([f"{quoted(name)}:{quoted(held) if type(held) is str else text_of(held)}"
                                  for name, held in value.items()])
    assert isinstance(value, (list, tuple)), f"no JSON: {value!r}"
    return "[%s]" % ",".join(map(text_of, value))
