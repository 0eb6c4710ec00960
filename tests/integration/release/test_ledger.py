"""The ledger in real repositories: chain, races, clones, and damage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from buildgraph.explain.git import Repository
from buildgraph.release.documents import sha256
from buildgraph.release.ledger import FILE, REF, append, read_ledger, verify_chain
from buildgraph.types.errors import BuildError
from tests.support.release_workspace import GIT, git

CONTENT = sha256(b"content")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with one commit."""
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)
    git(tmp_path, "init", "-q", "-b", "main", "w")
    (tmp_path / "w/file").write_text("text\n")
    git(tmp_path / "w", "add", "-A")
    git(tmp_path / "w", "commit", "-q", "-m", "one")
    return Repository(str(tmp_path / "w"))


def release(repository: Repository, tag: str, content: str = CONTENT) -> int:
    """Append a release; return the number of its record."""
    return append(repository, "release", {"tag": tag, "content": content}).number


def rewrite(repository: Repository, text: bytes) -> None:
    """Replace the text of the ledger on its branch, as an attacker would."""
    folder = Path(repository.top)
    git(folder, "worktree", "add", "-q", str(folder / "../l"), "buildgraph-ledger")
    (folder / "../l" / FILE).write_bytes(text)
    git(folder / "../l", "commit", "-qam", "rewritten")
    git(folder, "worktree", "remove", "--force", str(folder / "../l"))


def test_records_are_chained_and_nothing_else_changes(repository: Repository) -> None:
    folder = Path(repository.top)
    (folder / "file").write_text("edited\n")
    before = git(folder, "status", "--porcelain"), git(folder, "rev-parse", "HEAD")
    assert read_ledger(repository).records == ()
    assert [release(repository, tag) for tag in ("v1", "v2", "v3")] == [0, 1, 2]
    assert (git(folder, "status", "--porcelain"), git(folder, "rev-parse", "HEAD")) == before
    lines = git(folder, "show", f"{REF}:{FILE}").splitlines(keepends=True)
    previous = ""
    for number, line in enumerate(lines):
        record = json.loads(line)
        assert (record["number"], record["previous"]) == (number, previous)
        previous = sha256(line.encode())
    assert git(folder, "rev-list", "--count", REF) == "3\n"


def test_a_tag_has_one_content_for_ever(repository: Repository) -> None:
    assert release(repository, "v1") == 0
    append(repository, "attestation", {"tag": "v1", "content": CONTENT, "envelope": {}})
    assert release(repository, "v1") == 0
    with pytest.raises(BuildError, match="released already with other content") as raised:
        release(repository, "v1", sha256(b"other"))
    assert raised.value.reason == "released" and raised.value.code == 2
    ledger = read_ledger(repository)
    assert len(ledger.records) == 2 and len(ledger.attestations(CONTENT)) == 1


def test_appends_at_the_same_time_are_all_kept(repository: Repository) -> None:
    program = (
        "import sys; from buildgraph.explain.git import Repository; "
        "from buildgraph.release.ledger import append; "
        "r = Repository(sys.argv[1]); "
        "[append(r, 'release', {'tag': f'{sys.argv[2]}-{n}', 'content': 'x'}) for n in range(4)]"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, repository.top, str(number)])
        for number in range(3)
    ]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    records = read_ledger(repository).records
    tags = {record.fields["tag"] for record in records}
    assert tags == {f"{process}-{number}" for process in range(3) for number in range(4)}
    assert [record.number for record in records] == list(range(12))


@pytest.mark.parametrize("change", ["edit", "drop", "swap", "first", "twice", "text", "version"])
def test_a_changed_record_breaks_the_chain(repository: Repository, change: str) -> None:
    for tag in ("v1", "v2", "v3"):
        release(repository, tag)
    text = read_ledger(repository).text
    first, second, third = text.splitlines(keepends=True)
    changed = {
        "edit": first + second.replace(b'"v2"', b'"v9"') + third,
        "drop": first + third,
        "swap": second + first + third,
        "first": second + third,
        "twice": text + third,
        "text": first + b"nonsense\n" + third,
        "version": text + third.replace(b'"schema":1', b'"schema":2'),
    }[change]
    with pytest.raises(BuildError, match="the ledger is damaged") as raised:
        verify_chain(changed)
    assert raised.value.reason == "broken" and raised.value.code == 3


def test_a_tag_that_is_recorded_twice_breaks_the_chain(repository: Repository) -> None:
    release(repository, "v1")
    text = read_ledger(repository).text
    fields = json.loads(text) | {"number": 1, "previous": sha256(text), "content": "other"}
    line = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(BuildError, match="releases v1 a second time"):
        verify_chain(text + line)


def test_nothing_is_appended_to_a_damaged_ledger(repository: Repository) -> None:
    release(repository, "v1")
    rewrite(repository, read_ledger(repository).text.replace(b'"v1"', b'"v9"') * 2)
    before = git(Path(repository.top), "rev-parse", REF)
    with pytest.raises(BuildError, match="damaged"):
        release(repository, "v2")
    assert git(Path(repository.top), "rev-parse", REF) == before


def test_a_clone_continues_the_ledger_of_its_remote(repository: Repository, tmp_path: Path) -> None:
    release(repository, "v1")
    git(tmp_path, "clone", "-q", repository.top, "clone")
    clone = Repository(str(tmp_path / "clone"))
    assert [record.fields["tag"] for record in read_ledger(clone).records] == ["v1"]
    assert release(clone, "v2") == 1
    assert len(read_ledger(clone).records) == 2
    release(repository, "v3")
    git(tmp_path / "clone", "fetch", "-q")
    with pytest.raises(BuildError, match="different records"):
        read_ledger(clone)


def test_the_reason_of_git_is_reported(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "no date")
    with pytest.raises(BuildError, match="git commit-tree failed: .*date") as raised:
        release(repository, "v1")
    assert raised.value.code == 30
