"""`buildgraph docs`: topics, pages, links in the terminal, completion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.cli import main
from buildgraph.cli.verbs import docs
from buildgraph.types.errors import BuildError
from buildgraph.ui.json_document import SCHEMA

PAGES = {
    "index": "# Docs\n\n* [Start](tutorial.md)\n* [CI](howto/ci.md#cache)\n* [gone](gone.md)\n",
    "changelog": "# Changelog\n",
    "tutorial": "# Your `first` agent\n\n"
    "See [CI](howto/ci.md), [below](#below) and [us](https://example.org/x).\n",
    "howto/ci": "# Build in CI\n\n"
    "Back to [the start](../tutorial.md). ![A house](../images/house.svg)\n",
    "design/cache": "no heading\n",
    "howto/cache": "# Cache\n",
}
TOPICS = ["index", "tutorial", "howto/ci", "changelog", "design/cache", "howto/cache"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pages in place of those that ship."""
    for topic, text in PAGES.items():
        (tmp_path / f"{topic}.md").parent.mkdir(exist_ok=True)
        (tmp_path / f"{topic}.md").write_text(text)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/house.svg").touch()
    monkeypatch.setattr(docs, "FOLDER", str(tmp_path))
    return tmp_path


def test_topics_are_in_the_order_of_the_index(folder: Path) -> None:
    assert docs.list_topics() == TOPICS


@pytest.mark.parametrize("word", ["howto/ci", "ci", "howto/ci.md", "CI", "/howto/ci/"])
def test_a_topic_is_found_by_its_path_or_its_last_part(word: str) -> None:
    assert docs.find_topic(word, TOPICS) == "howto/ci"


@pytest.mark.parametrize(
    ("word", "what", "fix"),
    [
        ("tutorail", "no topic 'tutorail'", "did you mean 'tutorial'?"),
        ("howto/c", "no topic 'howto/c'", "did you mean 'howto/ci'?"),
        ("../secret", "no topic '../secret'", "`buildgraph docs` lists the topics"),
        ("cache", "the topic 'cache' names 2 pages", "write design/cache or howto/cache"),
    ],
)
def test_another_word_is_refused_with_a_hint(word: str, what: str, fix: str) -> None:
    with pytest.raises(BuildError) as error:
        docs.find_topic(word, TOPICS)
    assert (error.value.what, error.value.fix, error.value.code) == (what, fix, 2)


def test_the_list_names_every_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs"]) == 0
    assert capsys.readouterr().out == (
        "index         Docs\ntutorial      Your first agent\n\nhowto/ci      Build in CI\n\n"
        "changelog     Changelog\n\ndesign/cache  design/cache\n\nhowto/cache   Cache\n\n"
        "`buildgraph docs TOPIC` shows a page\n"
    )


def test_a_pipe_gets_the_markdown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "ci"]) == 0
    assert capsys.readouterr().out == PAGES["howto/ci"]


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "--json", "ci"]) == main(["docs", "--json"]) == 0
    page, listed = map(json.loads, capsys.readouterr().out.splitlines())
    assert page == {
        "schema": SCHEMA,
        "topic": "howto/ci",
        "title": "Build in CI",
        "text": PAGES["howto/ci"],
    }
    assert [row["topic"] for row in listed["topics"]] == TOPICS


def test_completion_offers_topics_and_short_names(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["__complete", "docs", "c"]) == main(["__complete", "docs", "howto/"]) == 0
    assert capsys.readouterr().out.split() == ["changelog", "ci", "howto/cache", "howto/ci"]


@pytest.mark.parametrize(
    ("topic", "address", "target"),
    [
        ("tutorial", "howto/ci.md#cache", "howto/ci"),
        ("howto/ci", "../tutorial.md", "tutorial"),
        ("tutorial", "#below", ""),
        ("tutorial", "https://example.org/x", "https://example.org/x"),
        ("howto/ci", "../images/house.svg", "{folder}/images/house.svg"),
        ("tutorial", "../../LICENSE-x", "LICENSE-x"),
    ],
)
def test_a_link_is_what_a_reader_of_the_terminal_can_use(
    folder: Path, topic: str, address: str, target: str
) -> None:
    assert docs.format_target(docs.read_page(topic), address) == target.format(folder=folder)
