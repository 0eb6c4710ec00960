"""A plain installation has every page of the repository, its pictures, and the report page."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from buildgraph.report.html import BUNDLE
from tests.bench.installed import shared
from tests.docs.pages import DOCS

pytestmark = pytest.mark.slow


def test_an_installation_has_every_page_and_picture_and_the_bundle(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = shared(tmp_path_factory)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def printed(*words: str) -> str:
        return subprocess.run(
            [program, *words], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
        ).stdout

    topics = {row["topic"] for row in json.loads(printed("docs", "--json"))["topics"]}
    assert topics == {
        path.relative_to(DOCS).as_posix().removesuffix(".md") for path in DOCS.rglob("*.md")
    }
    assert printed("docs", "changelog") == (DOCS / "changelog.md").read_text()
    [shipped] = program.parents[1].glob("lib/python*/site-packages/buildgraph/docs")
    assert sorted(_files(shipped)) == sorted(_files(DOCS))
    assert sorted(_files(shipped.parent / "report/bundle")) == sorted(_files(BUNDLE))


def _files(folder: Path) -> list[tuple[str, bytes]]:
    return [
        (path.relative_to(folder).as_posix(), path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    ]
