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
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Digest):
        return quoted(str(value))
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{%s}" % ",".join(f"{quoted(name)}:{text_of(held)}" for name, held in value.items())
    assert isinstance(value, (list, tuple)), f"no JSON: {value!r}"
    return "[%s]" % ",".join(map(text_of, value))
