"""Names that look the same are recognised, and their difference is explained."""

from __future__ import annotations

import pytest

from buildgraph.types.similar_names import describe_unusual, did_you_mean, fold_similar


@pytest.mark.parametrize(
    "text",
    ["Export", " export", "e\u0445port", "ex\u200bport", "\uff45xport", "export\u00a0"],
)
def test_texts_that_look_the_same_are_folded_to_one(text: str) -> None:
    assert fold_similar(text) == "export"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("exprt", "did you mean 'export'?"),
        ("EXPORT", "did you mean 'export'?"),
        (
            "export ",
            "did you mean 'export'? There is a space at the beginning or end of the word",
        ),
        (
            "e\u0445port",
            "did you mean 'export'? It has U+0078 LATIN SMALL LETTER X where 'e\\u0445port' has "
            "U+0445 CYRILLIC SMALL LETTER HA",
        ),
        ("zzz", ""),
    ],
)
def test_a_hint_explains_the_difference(word: str, hint: str) -> None:
    assert did_you_mean(word, ["hardware", "export"]) == hint


def test_normalisation_forms_are_named() -> None:
    assert did_you_mean("caf\u00e9", ["cafe\u0301"]) == (
        "did you mean 'cafe\\u0301'? Its letters are decomposed (Unicode NFD); "
        "'caf\\xe9' has precomposed ones"
    )
    assert did_you_mean("cafe\u0301", ["caf\u00e9"]).endswith("has decomposed ones")


def test_unusual_code_points_are_named_once() -> None:
    assert describe_unusual("a\u00a0b\u00a0\u0445") == (
        "U+00A0 NO-BREAK SPACE, U+0445 CYRILLIC SMALL LETTER HA"
    )
    assert describe_unusual("plain text") == ""
