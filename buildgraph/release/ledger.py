"""The ledger: one record for each release, append-only, each with the digest of the one before.

It is the file `ledger.jsonl` on the branch `buildgraph-ledger`, which has a root of its own. Git
objects and the ref are written directly: work tree, index and HEAD stay as they are. A record is a
line of canonical JSON, and `previous` is the SHA-256 of the line before, with its newline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..explain.git import Repository
from ..types.errors import BuildError
from .documents import canonical, sha256

BRANCH, FILE = "buildgraph-ledger", "ledger.jsonl"
REF = f"refs/heads/{BRANCH}"
SCHEMA = 1
RELEASE, ATTESTATION = "release", "attestation"
_ATTEMPTS = 32  # appends that lose a race against another process


@dataclass(frozen=True, slots=True)
class Record:
    """A record: its number from 0, kind, fields, and the digest of its line."""

    number: int
    kind: str
    fields: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The records of a ledger, its text, and the commit that holds it ('' if there is none)."""

    commit: str = ""
    text: bytes = b""
    records: tuple[Record, ...] = field(default=())

    def release(self, tag: str) -> Record | None:
        """Return the release with a tag; None if there is none."""
        return next(
            (
                record
                for record in self.records
                if record.kind == RELEASE and record.fields.get("tag") == tag
            ),
            None,
        )

    def attestations(self, content: str) -> tuple[Record, ...]:
        """Return the attestations of rebuilders for the content digest of a release."""
        return tuple(
            record
            for record in self.records
            if record.kind == ATTESTATION and record.fields.get("content") == content
        )


def read_ledger(repository: Repository) -> Ledger:
    """Read the ledger and verify its chain; raise BuildError (reason "broken") for a break.

    Of the local branch and those of remotes, the one that contains all others is read.
    """
    commit = _tip(repository)
    if not commit:
        return Ledger()
    ran = repository.run("cat-file", "blob", f"{commit}:{FILE}")
    if ran.returncode:
        raise _broken(f"the commit {commit[:12]} of {BRANCH} has no file {FILE}")
    return Ledger(commit, ran.stdout, verify_chain(ran.stdout))


def verify_chain(text: bytes) -> tuple[Record, ...]:
    """Return the records of a ledger's text; raise BuildError (reason "broken") for a break."""
    records: list[Record] = []
    tags: set[str] = set()
    previous = ""
    for number, line in enumerate(text.splitlines(keepends=True)):
        try:
            fields = json.loads(line)
            is_next = fields["previous"] == previous and fields["number"] == number
            is_canonical = canonical(fields) + b"\n" == line
            kind, version = str(fields["kind"]), fields["schema"]
        except (ValueError, KeyError, TypeError) as error:
            raise _broken(f"line {number + 1} is no record: {error}") from None
        if version != SCHEMA:
            raise _broken(f"line {number + 1} has the unknown version {version}")
        if not is_next or not is_canonical:
            raise _broken(f"line {number + 1} does not continue the line before")
        if kind == RELEASE:
            tag = str(fields.get("tag"))
            if tag in tags:
                raise _broken(f"line {number + 1} releases {tag} a second time")
            tags.add(tag)
        previous = sha256(line)
        records.append(Record(number, kind, fields, previous))
    return tuple(records)


def append(repository: Repository, kind: str, fields: Mapping[str, Any]) -> Record:
    """Append a record and return it; for a release with a tag and content that exist, that one.

    Raises BuildError (reason "released") if the tag exists with other content.
    """
    for _ in range(_ATTEMPTS):
        ledger = read_ledger(repository)
        if kind == RELEASE:
            same = check_tag(ledger, str(fields["tag"]), str(fields["content"]))
            if same is not None:
                return same
        previous = ledger.records[-1].digest if ledger.records else ""
        number = len(ledger.records)
        chain = {"schema": SCHEMA, "number": number, "previous": previous, "kind": kind}
        document = {**fields, **chain}
        line = canonical(document) + b"\n"
        if _commit(repository, ledger, line, f"{kind} {fields.get('tag', '')}".strip()):
            return Record(number, kind, document, sha256(line))
    raise BuildError(
        f"the branch {BRANCH} keeps changing", None, "run the command again", "environment"
    )


def check_tag(ledger: Ledger, tag: str, content: str) -> Record | None:
    """Return the release of a tag with this content; None if there is none.

    Raises BuildError (reason "released") if the tag exists with other content.
    """
    record = ledger.release(tag)
    if record is not None and record.fields.get("content") != content:
        raise BuildError(
            f"{tag} is released already with other content: the ledger has "
            f"{record.fields.get('content')}, this is {content}",
            None,
            "use a new tag: a tag cannot be moved",
            "released",
        )
    return record


def _tip(repository: Repository) -> str:
    """Return the commit of the ledger; '' if there is none."""
    ran = repository.run("for-each-ref", "--format=%(objectname)", REF, f"refs/remotes/*/{BRANCH}")
    tips = list(dict.fromkeys(ran.stdout.decode().split()))
    for tip in tips:
        if all(_contains(repository, tip, other) for other in tips):
            return tip
    if not tips:
        return ""
    raise BuildError(
        f"the branch {BRANCH} and that of a remote have different records",
        None,
        f"`git fetch`, choose the true one, and reset the other: `git branch -f {BRANCH} COMMIT`",
        "broken",
    )


def _contains(repository: Repository, tip: str, other: str) -> bool:
    return tip == other or not repository.run("merge-base", "--is-ancestor", other, tip).returncode


def _commit(repository: Repository, ledger: Ledger, line: bytes, message: str) -> bool:
    """Commit the text of a ledger with one more line; False if the branch has changed."""
    blob = _write(repository, ("hash-object", "-w", "--stdin"), ledger.text + line)
    tree = _write(repository, ("mktree",), f"100644 blob {blob}\t{FILE}\n".encode())
    parents = ("-p", ledger.commit) if ledger.commit else ()
    commit = _write(repository, ("commit-tree", tree, *parents), f"{message}\n".encode())
    old = repository.run("rev-parse", "--verify", "--quiet", REF).stdout.decode().strip()
    if old and not _contains(repository, ledger.commit, old):
        return False
    # An empty old value requires that the ref does not exist.
    return not repository.run("update-ref", "-m", message, REF, commit, old).returncode


def _write(repository: Repository, words: Sequence[str], data: bytes) -> str:
    ran = repository.run(*words, stdin=data)
    if ran.returncode:
        lines = ran.stderr.decode(errors="replace").strip().splitlines()
        raise BuildError(
            f"git {words[0]} failed: {lines[-1] if lines else 'no reason given'}",
            None,
            "check that the repository can be written, and that git has your name: "
            "git config user.name, git config user.email",
            "environment",
        )
    return ran.stdout.decode().strip()


def _broken(what: str) -> BuildError:
    return BuildError(
        f"the ledger is damaged: {what}",
        None,
        f"`git log -p {BRANCH}` shows what changed it; restore the last good commit",
        "broken",
    )
