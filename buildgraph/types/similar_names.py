"""Suggest a name for a misspelt one, and explain how names that look the same differ."""

from __future__ import annotations

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Letters of other scripts that look like Latin letters in most fonts, and those Latin letters.
_LOOKALIKES = str.maketrans(
    "\u0430\u0431\u0432\u0435\u0456\u0441\u0458\u043a\u043c\u043d\u043e\u0440\u051b\u0455\u0442"
    "\u0443\u0445\u051d\u0501\u04bb\u04cf\u03b1\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7"
    "\u2010\u2011\u2012\u2013\u2014\u2212\u02bc\u2019\u2018\u201c\u201d",
    "abbeicjkmhopqstyxwdhlaikvoptux------'''\"\"",
)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word; empty if no known name is similar.

    For a name that looks the same, the hint gives the code points that differ.
    """
    import difflib  # slow to import, so only after an error

    names = list(known)
    folded = fold_similar(word)
    lookalikes = [name for name in names if fold_similar(name) == folded]
    near = lookalikes[:1] or difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if not near:
        return ""
    difference = _describe_difference(word, near[0]) if lookalikes else ""
    return f"did you mean {_quote(near[0])}?{difference}"


def fold_similar(text: str) -> str:
    """The text without invisible differences: equal results mean that two texts look the same.

    Removes case, Unicode normalisation forms, invisible characters, kinds of spaces, and letters of
    other scripts that look like Latin ones.
    """
    if text.isascii():
        return " ".join(text.casefold().split())
    import unicodedata

    normal = unicodedata.normalize("NFKC", text).casefold().translate(_LOOKALIKES)
    visible = "".join(c for c in normal if unicodedata.category(c) not in ("Cf", "Cc"))
    return " ".join(visible.split())


def describe_unusual(text: str) -> str:
    """The code points other than printable ASCII, such as "U+00A0 NO-BREAK SPACE"."""
    return ", ".join(
        dict.fromkeys(_format_point(c) for c in text if not c.isascii() or not c.isprintable())
    )


def _quote(name: str) -> str:
    return repr(name) if name.isascii() else ascii(name)


def _describe_difference(word: str, name: str) -> str:
    """The difference between two names that look the same; empty if only the case differs."""
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
    opcodes = difflib.SequenceMatcher(None, word, name, False).get_opcodes()
    _, a, b, c, d = next(opcode for opcode in opcodes if opcode[0] != "equal")
    return f" It has {_format_points(name[c:d])} where {word!a} has {_format_points(word[a:b])}"


def _format_points(text: str) -> str:
    return ", ".join(map(_format_point, text[:3])) or "nothing"


def _format_point(character: str) -> str:
    import unicodedata

    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()
