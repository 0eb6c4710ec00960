"""Rebuild a release from its git tag: in a work tree of its own, with an empty cache, offline.

The text of the tag has the digests that the rebuild must reproduce. The documents of a release are
needed only to show the first difference.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..explain.git import Repository
from ..types.errors import OK, BuildError
from ..types.request import Request
from .build_release import ReleasePlan, all_tools, collector, write_documents
from .checkout import head_commit
from .documents import PAYLOAD_TYPE, canonical, content_digest
from .git_tag import existing_tag
from .ledger import ATTESTATION, Record, append, read_ledger
from .lock import check_lock
from .provenance import STATEMENT
from .release_difference import release_difference
from .run_release import Build, release_settings
from .verify_files import refused

if TYPE_CHECKING:
    from ..signing.keys import PrivateKey

_LINE = re.compile(r"(release|content|//\S*) (sha256:[0-9a-f]{64})(?: \S+)?\Z")
_CACHE = "BUILDGRAPH_CACHE"
PREDICATE = "https://buildgraph.dev/attestation/rebuild/v1"


@dataclass(frozen=True, slots=True)
class TaggedRelease:
    """A release as its git tag states it: commit, digests, and each target's digest by label."""

    tag: str
    commit: str
    release: str
    content: str
    targets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A rebuilt release: exit code of the build, `release.json`, and its content digest.

    Without a release, `code` is not 0.
    """

    code: int
    release: Mapping[str, Any]
    content: str


def tagged_release(repository: Repository, tag: str) -> TaggedRelease:
    """Read the tag of a release; BuildError (reason "usage") if it is no tag of one.

    Raises BuildError (reason "verify") if the ledger has the release with another commit or
    content.
    """
    tagged = existing_tag(repository, tag)
    if tagged is None:
        raise BuildError(
            f"the repository has no tag {tag}", fix="fetch it: git fetch --tags", reason="usage"
        )
    commit, message = tagged
    digests: dict[str, str] = {}
    for line in message.splitlines():
        if match := _LINE.match(line):
            digests[match[1]] = match[2]
    if not {"release", "content"} <= digests.keys():
        raise BuildError(
            f"the tag {tag} is not the tag of a release: its text has no digests",
            fix="name a tag that `buildgraph release` made",
            reason="usage",
        )
    release, content = digests.pop("release"), digests.pop("content")
    stated = TaggedRelease(tag, commit, release, content, digests)
    _check_ledger(read_ledger(repository).release(tag), stated)
    return stated


def _check_ledger(record: Record | None, stated: TaggedRelease) -> None:
    if record is None:
        return
    if record.fields.get("commit") != stated.commit:
        raise refused(
            f"the git tag {stated.tag} was moved: it is on the commit {stated.commit[:12]}, and "
            f"{str(record.fields.get('commit'))[:12]} was released"
        )
    if record.fields.get("content") != stated.content:
        raise refused(
            f"the text of the git tag {stated.tag} has another content digest than the ledger"
        )


@contextmanager
def checkout(repository: Repository, commit: str) -> Iterator[Path]:
    """Yield a temporary work tree of a commit, with an empty cache; both are removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="buildgraph-verify-"))
    tree, saved = folder / "tree", os.environ.get(_CACHE)
    try:
        ran = repository.run("worktree", "add", "--detach", "--force", str(tree), commit)
        if ran.returncode:
            raise BuildError(
                f"git worktree failed: {ran.stderr.decode(errors='replace').strip()}",
                fix="`git fsck` shows what the repository lacks",
                reason="environment",
            )
        os.environ[_CACHE] = str(folder / "cache")
        yield tree
    finally:
        if saved is None:
            os.environ.pop(_CACHE, None)
        else:
            os.environ[_CACHE] = saved
        repository.run("worktree", "remove", "--force", "--force", str(tree))
        shutil.rmtree(folder, ignore_errors=True)
        repository.run("worktree", "prune")


def rebuild(root: str, stated: TaggedRelease, build: Build, to: Path) -> Rebuilt:
    """Build the targets of a release in a workspace of its commit; write the documents to `to`.

    BuildError (reason "lock") if a tool differs from the lock of the commit.
    """
    repository = Repository.around(root)
    try:
        settings = release_settings(root, "")
        source = head_commit(root, repository).document(settings.release.source)
    finally:
        repository.close()
    plan = ReleasePlan(stated.tag, settings.name, source, settings.release, twice=False)
    collected = collector(root, to, twice=False)
    request = Request(tuple(sorted(stated.targets)), list_all=True)
    code = build(replace(request, on_finish=collected.on_finish), collected)
    if code != OK:
        return Rebuilt(code, {}, "")
    check_lock(root, all_tools(collected))
    release = write_documents(to, plan, collected)
    return Rebuilt(OK, release, content_digest(release))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a rebuild: what the tag states, and what its commit gives.

    `code` is the exit code of the build; if it is not 0, the rest is empty. `images` are the
    digests of the rebuilt targets by label. `difference` is the first one.
    """

    stated: TaggedRelease
    code: int
    content: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    difference: str = ""

    @property
    def is_identical(self) -> bool:
        """True if the rebuild has the content that the tag states."""
        return self.code == OK and self.content == self.stated.content


def rebuild_release(
    here: tuple[str, Repository],
    tag: str,
    released: Path | None,
    builder: Callable[[Path], Build],
) -> Verdict:
    """Rebuild the release of a tag, and compare it with the digests of the tag.

    `here` is the root of the workspace and its repository. `released` is the folder of the release,
    if it is here: it shows the first difference. `builder` returns the function that builds in a
    workspace.
    """
    root, repository = here
    stated = tagged_release(repository, tag)
    folder = os.path.relpath(os.path.realpath(root), repository.top)
    with checkout(repository, stated.commit) as tree:
        to = tree.parent / "rebuilt"
        to.mkdir()
        workspace = tree / folder
        rebuilt = rebuild(str(workspace), stated, builder(workspace), to)
        if rebuilt.code != OK:
            return Verdict(stated, rebuilt.code)
        images = {
            str(target["label"]): str(target.get("image", {}).get("digest", target["provenance"]))
            for target in rebuilt.release["targets"]
        }
        difference = ""
        if rebuilt.content != stated.content:
            difference = release_difference(released, to) if released else ""
            difference = difference or _changed_target(stated, images)
    return Verdict(stated, OK, rebuilt.content, images, difference)


def _changed_target(stated: TaggedRelease, images: Mapping[str, str]) -> str:
    """Name the first target with another digest than the tag states."""
    for label in sorted(stated.targets.keys() | images.keys()):
        before, after = stated.targets.get(label, "nothing"), images.get(label, "nothing")
        if before != after:
            return f"{label}: {before} -> {after}; --folder DIR with the release shows the byte"
    return "release.json: tools or versions; --folder DIR with the release shows the line"


def attest(repository: Repository, verdict: Verdict, key: PrivateKey) -> int:
    """Sign the content that was rebuilt, and append it to the ledger; return the record's number.

    A rebuild with other content is attested, too: it is evidence against the release.
    """
    from ..signing.dsse import sign

    tag, commit = verdict.stated.tag, verdict.stated.commit
    subjects = {"release": verdict.content, **verdict.images}
    statement = {
        "_type": STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}
            for name, digest in subjects.items()
        ],
        "predicateType": PREDICATE,
        "predicate": {"tag": tag, "commit": commit, "content": verdict.content},
    }
    envelope = sign(canonical(statement), PAYLOAD_TYPE, key)
    fields = {
        "tag": tag,
        "content": verdict.content,
        "envelope": json.loads(envelope.to_json()),
    }
    return append(repository, ATTESTATION, fields).number
