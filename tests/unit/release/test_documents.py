"""Documents of a release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.release.documents import (
    RELEASE,
    canonical,
    content_digest,
    file_digest,
    load_release,
    paths_below,
    sums,
)
from buildgraph.types.errors import BuildError


def test_canonical_json_is_sorted_compact_and_unescaped() -> None:
    assert canonical({"b": [1, 2], "a": "\u00fc"}) == '{"a":"\u00fc","b":[1,2]}'.encode()


def test_checks_are_no_part_of_the_content() -> None:
    release = {"schema": 1, "tag": "v1", "checks": {"twice": True}}
    assert content_digest(release) == content_digest({"schema": 1, "tag": "v1"})
    assert content_digest(release) != content_digest({**release, "tag": "v2"})


def test_sums_name_all_files_but_themselves(tmp_path: Path) -> None:
    for name in ("b/c", "a", "SHA256SUMS", "SHA256SUMS.sig"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "folder").symlink_to("b")
    assert list(paths_below(tmp_path)) == [
        "SHA256SUMS",
        "SHA256SUMS.sig",
        "a",
        "b/c",
        "folder",
        "link",
    ]
    lines = sums(tmp_path).decode().splitlines()
    assert [line.partition("  ")[2] for line in lines] == ["a", "b/c"]
    assert lines[0].partition("  ")[0] == file_digest(tmp_path / "a")


@pytest.mark.parametrize(
    "text, message, reason",
    [
        (None, "is not the document of a release", "usage"),
        ("{", "is not the document of a release", "broken"),
        ("[1]", "is not the document of a release", "broken"),
        (json.dumps({"schema": 9}), "has the version 9", "usage"),
    ],
)
def test_other_documents_are_refused(
    tmp_path: Path, text: str | None, message: str, reason: str
) -> None:
    if text is not None:
        (tmp_path / RELEASE).write_text(text)
    with pytest.raises(BuildError, match=message) as raised:
        load_release(tmp_path)
    assert raised.value.reason == reason
