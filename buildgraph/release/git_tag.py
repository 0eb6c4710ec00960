"""The git tag of a release: annotated, on the released commit, with the digests in its message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..explain.git import Repository
from ..types.errors import BuildError
from .documents import canonical, content_digest, sha256

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def check_tag_name(repository: Repository, tag: str) -> None:
    """Raise BuildError unless a text can be a git tag, the tag of an image, and a folder."""
    allowed = (
        _TAG.fullmatch(tag)
        and not repository.run("check-ref-format", f"refs/tags/{tag}").returncode
    )
    if not allowed:
        raise BuildError(
            f"--tag {tag!r} cannot be the tag of an image and of git",
            None,
            "use letters, digits, dots and hyphens, such as v1.4.0",
            "usage",
        )


def tag_message(release: Mapping[str, Any]) -> bytes:
    """Return the message of the tag of a release."""
    document = sha256(canonical(release) + b"\n")
    lines = [release["tag"], "", f"release {document}", f"content {content_digest(release)}"]
    for target in release["targets"]:
        image = target.get("image")
        if image:
            lines.append(f"{target['label']} {image['digest']} {image['content_tag']}")
        else:
            lines.append(f"{target['label']} {target['provenance']}")
    return "\n".join(lines).encode() + b"\n"


def existing_tag(repository: Repository, tag: str) -> tuple[str, str] | None:
    """Return (commit, message) of a git tag; None if there is none."""
    ref = f"refs/tags/{tag}"
    commit = repository.run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if commit.returncode:
        return None
    message = repository.run("for-each-ref", "--format=%(contents)", ref).stdout
    return commit.stdout.decode().strip(), message.decode(errors="replace").strip()


def check_tag(repository: Repository, tag: str, commit: str) -> None:
    """Raise BuildError (reason "released") if a git tag exists on another commit."""
    tagged = existing_tag(repository, tag)
    if tagged is not None and tagged[0] != commit:
        raise _moved(tag, f"it is on the commit {tagged[0][:12]}, and HEAD is {commit[:12]}")


def create_tag(repository: Repository, release: Mapping[str, Any]) -> bool:
    """Create the git tag of a release; False if it exists with this message on this commit.

    Raises BuildError (reason "released") if it exists with another message or commit.
    """
    tag, commit = release["tag"], release["source"]["commit"]
    message = tag_message(release)
    tagged = existing_tag(repository, tag)
    if tagged is not None:
        if tagged == (commit, message.decode().strip()):
            return False
        raise _moved(tag, "its message has other digests")
    words = ("tag", "--annotate", "--no-sign", "--cleanup=verbatim", "--file=-", "--", tag, commit)
    ran = repository.run(*words, stdin=message)
    if ran.returncode:
        raise BuildError(
            f"git tag failed: {ran.stderr.decode(errors='replace').strip()}",
            None,
            "repair that, and run the command again: it finishes the release",
            "environment",
        )
    return True


def check_identity(repository: Repository) -> None:
    """Raise BuildError if git does not know the user, whom a tag and the ledger name."""
    if repository.run("var", "GIT_COMMITTER_IDENT").returncode:
        raise BuildError(
            "git has no name of a committer, and the tag and the ledger need one",
            None,
            "git config user.name NAME; git config user.email ADDRESS",
            "environment",
        )


def _moved(tag: str, why: str) -> BuildError:
    return BuildError(
        f"the git tag {tag} exists: {why}", None, "use a new tag: a tag is never moved", "released"
    )
