"""JSON text of plain values. The package `json` costs more to import than a build in which little changed may take."""
from __future__ import annotations

from ..digest import Digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from json.encoder import encode_basestring_ascii as quoted

    def make_encoder(*how: object) -> Callable[[object, int], Iterable[str]]: ...
else:
    from _json import encode_basestring_ascii as quoted
    from _json import make_encoder


def _other(value: object) -> str:
    assert type(value) is Digest, f"no JSON: {value!r}"
    return str(value)


_pieces = make_encoder(None, _other, quoted, None, ":", ",", False, False, True)


def text_of(value: object) -> str:
    """One line of ASCII JSON, equal to what `json.dumps` gives with separators "," and ":"; digests as their text.

    AssertionError on what is no text, number, truth, None, sequence or mapping of such.
    """
    return "".join(_pieces(value, 0))
