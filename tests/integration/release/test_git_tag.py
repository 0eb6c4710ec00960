"""Git tags of releases in real repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from buildgraph.explain.git import Repository
from buildgraph.release.git_tag import (
    check_identity,
    check_tag,
    check_tag_name,
    create_tag,
    existing_tag,
)
from buildgraph.types.errors import BuildError
from tests.support.release_workspace import GIT, git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with two commits."""
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)
    git(tmp_path, "init", "-q", "-b", "main")
    for number in range(2):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", str(number))
    return Repository(str(tmp_path))


def release(repository: Repository, revision: str = "HEAD", digest: str = "1") -> dict[str, Any]:
    """The part of `release.json` that a tag needs."""
    commit = git(Path(repository.top), "rev-parse", revision).strip()
    image = {"digest": f"sha256:{digest}", "content_tag": "x-1"}
    target = {"label": "//:x", "image": image}
    return {"tag": "v1", "source": {"commit": commit}, "targets": [target]}


def test_a_tag_is_annotated_and_created_once(repository: Repository) -> None:
    git(Path(repository.top), "config", "tag.gpgSign", "true")
    assert create_tag(repository, release(repository))
    assert not create_tag(repository, release(repository))
    assert git(Path(repository.top), "cat-file", "-t", "v1") == "tag\n"
    tagged = existing_tag(repository, "v1")
    assert tagged is not None and tagged[1].endswith("//:x sha256:1 x-1")


def test_a_tag_is_never_moved(repository: Repository) -> None:
    create_tag(repository, release(repository))
    before = git(Path(repository.top), "rev-parse", "v1")
    for other in (release(repository, "HEAD^"), release(repository, digest="2")):
        with pytest.raises(
            BuildError, match="a tag is never moved|the git tag v1 exists"
        ) as raised:
            create_tag(repository, other)
        assert raised.value.reason == "released"
    with pytest.raises(BuildError, match="it is on the commit"):
        check_tag(repository, "v1", release(repository, "HEAD^")["source"]["commit"])
    assert git(Path(repository.top), "rev-parse", "v1") == before


@pytest.mark.parametrize("tag", ["", "a b", "-x", "../x", "a/b", "x.lock", "a..b", "v1.", "\u00fc"])
def test_a_name_that_git_or_an_image_cannot_have_is_refused(
    repository: Repository, tag: str
) -> None:
    with pytest.raises(BuildError, match="cannot be the tag"):
        check_tag_name(repository, tag)


def test_names_of_versions_are_accepted(repository: Repository) -> None:
    for tag in ("v1.4.0", "2026-11-29", "v1.0.0-rc.1", "V_1"):
        check_tag_name(repository, tag)


def test_a_committer_is_required(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    check_identity(repository)
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    git_config = Path(repository.top, ".git/config")
    git_config.write_text(git_config.read_text() + "[user]\n\tuseConfigOnly = true\n")
    with pytest.raises(BuildError, match="no name of a committer") as raised:
        check_identity(repository)
    assert raised.value.code == 30
