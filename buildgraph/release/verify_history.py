"""Verify what git has about a release: the tag, its text, the ledger, and the rebuilders' votes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..explain.git import Repository
from ..types.errors import BuildError
from .documents import PAYLOAD_TYPE, canonical, content_digest, sha256
from .git_tag import existing_tag, tag_message
from .ledger import ATTESTATION, Ledger, Record, read_ledger
from .verify_files import refused

if TYPE_CHECKING:
    from ..signing.keys import PublicKey

_FETCH = "fetch what the clone lacks: git fetch --tags origin 'refs/heads/buildgraph-ledger:*'"


@dataclass(frozen=True, slots=True)
class Vote:
    """An attestation of a rebuilder: key id, the content digest that was rebuilt, agreement."""

    key_id: str
    content: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class History:
    """A release in git: its number in the ledger, and the newest release if it is another."""

    record: int
    newest: str


def verify_history(
    repository: Repository, release: Mapping[str, Any], trusted: Sequence[PublicKey]
) -> History:
    """Compare a release with its git tag and its record in the ledger.

    Raises BuildError (reason "verify") for a tag or a record that is missing, moved or different.
    """
    tag = str(release["tag"])
    ledger = read_ledger(repository)
    record = release_record(ledger, tag)
    _check_record(record, release)
    _check_record_signature(record, trusted)
    _check_tag(repository, release, record)
    newest = [entry for entry in ledger.records if entry.kind == "release"][-1]
    other = str(newest.fields["tag"])
    return History(record.number, "" if other == tag else other)


def release_record(ledger: Ledger, tag: str) -> Record:
    """Return the record of a tag; BuildError (reason "verify") if the ledger has none."""
    record = ledger.release(tag)
    if record is None:
        raise refused(f"the ledger has no release {tag}", _FETCH)
    return record


def _check_record(record: Record, release: Mapping[str, Any]) -> None:
    tag = release["tag"]
    pairs = {
        "commit": release["source"]["commit"],
        "content": content_digest(release),
        "release": sha256(canonical(release) + b"\n"),
    }
    for name, value in pairs.items():
        if record.fields.get(name) != value:
            raise refused(
                f"{tag} is another release than the ledger's: {name} {value} is not "
                f"{record.fields.get(name)} of record {record.number}"
            )


def _check_record_signature(record: Record, trusted: Sequence[PublicKey]) -> None:
    from ..signing.dsse import parse_envelope, verify

    name = f"record {record.number} of the ledger"
    document = record.fields.get("envelope")
    if not document:
        raise refused(f"{name} is not signed")
    envelope = parse_envelope(json.dumps(document).encode(), name)
    verify(envelope, trusted, PAYLOAD_TYPE, name=name)
    predicate = json.loads(envelope.payload)["predicate"]
    for key in ("tag", "content"):
        if predicate.get(key) != record.fields[key]:
            raise refused(
                f"{name} has the signature of another release: its {key} is {predicate.get(key)}"
            )


def _check_tag(repository: Repository, release: Mapping[str, Any], record: Record) -> None:
    tag = str(release["tag"])
    tagged = existing_tag(repository, tag)
    if tagged is None:
        raise refused(f"the repository has no tag {tag}", _FETCH)
    commit, message = tagged
    if commit != record.fields["commit"]:
        raise refused(
            f"the git tag {tag} was moved: it is on the commit {commit[:12]}, and "
            f"{str(record.fields['commit'])[:12]} was released"
        )
    if message != tag_message(release).decode().strip():
        raise refused(f"the text of the git tag {tag} has other digests than the release")


def count_votes(ledger: Ledger, record: Record, trusted: Sequence[PublicKey]) -> tuple[Vote, ...]:
    """Return the votes of trusted rebuilders on a release, one for each key.

    A key that attested several contents counts with one that disagrees. The keys that signed the
    release are left out, because their vote is not independent. Attestations without a trusted
    signature are left out, too.
    """
    releasers = {key.key_id for key in _signers(record, trusted)}
    votes: dict[str, Vote] = {}
    for entry in ledger.records:
        if entry.kind == ATTESTATION and entry.fields.get("tag") == record.fields["tag"]:
            for vote in _votes(entry, record, trusted):
                known = votes.get(vote.key_id)
                if vote.key_id not in releasers and (known is None or known.agrees):
                    votes[vote.key_id] = vote
    return tuple(votes[key_id] for key_id in sorted(votes))


def _votes(entry: Record, record: Record, trusted: Sequence[PublicKey]) -> Iterator[Vote]:
    signers = _signers(entry, trusted)
    if not signers:
        return
    statement = json.loads(_payload(entry))
    predicate = statement.get("predicate", {})
    # The signed text counts; the fields of the record beside it can be written by anyone.
    if predicate.get("tag") != record.fields["tag"]:
        return
    content = str(predicate.get("content"))
    for key in signers:
        yield Vote(key.key_id, content, content == record.fields["content"])


def _payload(entry: Record) -> bytes:
    from ..signing.dsse import parse_envelope

    document = json.dumps(entry.fields["envelope"]).encode()
    return parse_envelope(document, f"record {entry.number} of the ledger").payload


def _signers(entry: Record, trusted: Sequence[PublicKey]) -> tuple[PublicKey, ...]:
    from ..signing.dsse import parse_envelope

    document = entry.fields.get("envelope")
    if not document:
        return ()
    try:
        envelope = parse_envelope(json.dumps(document).encode(), f"record {entry.number}")
    except BuildError:
        return ()
    return envelope.signers(trusted) if envelope.payload_type == PAYLOAD_TYPE else ()
