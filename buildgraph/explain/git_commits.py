"""Find the commit that a user names, and explain why there is none."""

from __future__ import annotations

from collections.abc import Iterator

from ..types.errors import BuildError, did_you_mean
from .git import Repository


def resolve_commit(repository: Repository, text: str) -> str:
    """Return the hash of the commit that `text` names; raise BuildError if there is none.

    `A...` is the merge base of A and HEAD, `A...B` that of A and B.
    """
    start, dots, end = text.partition("...")
    commit = _resolve(repository, start if start or not dots else "HEAD")
    if not dots:
        return commit
    merge_base = repository.run("merge-base", commit, _resolve(repository, end or "HEAD"))
    if merge_base.returncode:
        raise unknown_revision(repository, f"{text!r} has no merge base", start)
    return merge_base.stdout.decode().strip()


def _resolve(repository: Repository, text: str) -> str:
    commit = repository.commit(text)
    if commit is None:
        raise unknown_revision(repository, f"git knows no revision {text!r}", text)
    return commit


def unknown_revision(repository: Repository, what: str, text: str) -> BuildError:
    """Return the error for a revision that the repository does not have, with the likely remedy."""
    message, fix = _explain_unknown(repository, what, text)
    return BuildError(message, None, fix, "usage")


def _explain_unknown(repository: Repository, what: str, text: str) -> tuple[str, str]:
    """Return (message, help)."""
    name = text.removeprefix("origin/")
    is_plain = bool(name) and not set(name) & set("~^@{}: ") and ".." not in name
    if repository.run("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        only = f", or only that commit: `git fetch --depth=1 origin {name}`" if is_plain else ""
        return f"{what}: this clone is shallow", f"`git fetch --unshallow`{only}"
    if repository.commit("HEAD") is None and name.startswith("HEAD"):
        fix = "commit something first, or name another branch; `buildgraph build //...` builds all"
        return f"{what}: HEAD has no commit yet", fix
    if ".." in text and "..." not in text:
        fix = (
            "name one revision to compare the work tree with; `main...` is the merge base with main"
        )
        return what, fix
    fetch = f"`git fetch origin{f' {name}' if is_plain else ''}`"
    hint = did_you_mean(text, sorted(_branches_and_tags(repository)))
    if hint:
        return what, f"{hint.removesuffix('?')}? If not: {fetch}"
    return what, f"{fetch}, or check the spelling"


def _branches_and_tags(repository: Repository) -> Iterator[str]:
    refs = repository.run(
        "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags"
    )
    yield from refs.stdout.decode(errors="replace").split("\n")[:-1]
