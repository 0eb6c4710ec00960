"""Names of the files of a release. The end-to-end tests collect real builds."""

from __future__ import annotations

from buildgraph.release.collect import release_names


def test_names_are_unique_and_valid_paths() -> None:
    labels = ["//:top", "//a:b-c", "//a/b:c", "//exports:rooms.pi", "//a-b:c"]
    names = release_names(dict.fromkeys(labels))
    assert names == {
        "//:top": "top",
        "//a-b:c": "a-b-c",
        "//a/b:c": "a-b-c-2",
        "//a:b-c": "a-b-c-3",
        "//exports:rooms.pi": "exports-rooms.pi",
    }
