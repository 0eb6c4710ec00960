"""Names that look alike: what differs between two that a person cannot tell apart, and the nearest of those known."""

from __future__ import annotations

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Letters of other scripts that look like Latin ones in most fonts, and the Latin ones.
_ALIKE = str.maketrans(
    "\u0430\u0431\u0432\u0435\u0456\u0441\u0458\u043a\u043c\u043d\u043e\u0440\u051b\u0455\u0442"
    "\u0443\u0445\u051d\u0501\u04bb\u04cf\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7"
    "\u2010\u2011\u2012\u2013\u2014\u2212\u02bc\u2019\u2018\u201c\u201d",
    "abbeicjkmhopqstyxwdhlaikvoptux------'''\"\"",
)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The hint for a misspelt word, or an empty string when nothing known is near.

    Names that look alike are shown with their code points.
    """
    import difflib  # for a mistake only

    names = list(known)
    folded = fold_similar(word)
    same = [name for name in names if fold_similar(name) == folded]
    near = same[:1] or difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if not near:
        return ""
    return f"did you mean {_shown(near[0])}?{_difference(word, near[0]) if same else ''}"


def fold_similar(text: str) -> str:
    """A text without what the eye does not see: case, Unicode forms, invisible characters, kinds of spaces, look-alikes."""
    if text.isascii():
        return " ".join(text.casefold().split())
    import unicodedata

    plain = unicodedata.normalize("NFKC", text).casefold().translate(_ALIKE)
    seen = "".join(c for c in plain if unicodedata.category(c) not in ("Cf", "Cc"))
    return " ".join(seen.split())


def describe_unusual(text: str) -> str:
    """The code points of a text beyond ASCII, by name, such as "U+00A0 NO-BREAK SPACE"; empty when there is none."""
    return ", ".join(
        dict.fromkeys(_point(c) for c in text if not c.isascii() or not c.isprintable())
    )


def _shown(name: str) -> str:
    return repr(name) if name.isascii() else ascii(name)


def _difference(word: str, name: str) -> str:
    """What differs between two names that look alike; nothing for those whose letters differ in case only."""
    import difflib
    import unicodedata

    if unicodedata.normalize("NFC", word) == name:
        return f" Its letters are precomposed (Unicode NFC); {word!a} has decomposed ones"
    if unicodedata.normalize("NFD", word) == name:
        return f" Its letters are decomposed (Unicode NFD); {word!a} has precomposed ones"
    if word.isascii() and name.isascii():
        return (
            " There is a space at the beginning or end of the word"
            if word != name and word.strip() == name
            else ""
        )
    pieces = difflib.SequenceMatcher(None, word, name, False).get_opcodes()
    _kind, a, b, c, d = next(piece for piece in pieces if piece[0] != "equal")
    return f" It has {_points(name[c:d])} where {word!a} has {_points(word[a:b])}"


def _points(text: str) -> str:
    return ", ".join(map(_point, text[:3])) or "nothing"


def _point(character: str) -> str:
    import unicodedata

    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()
