"""Release targets: check the commit and the machine, build, write all documents, publish."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..build.from_source import evaluate_request
from ..explain.git import Repository
from ..host.environment import choose_level
from ..sandbox.job import LEVELS
from ..store.cache_dir import default_root
from ..types.action import Source
from ..types.errors import OK, BuildError
from ..types.events import Judged
from ..types.request import Request
from ..workspace.release_settings import ReleaseSettings
from ..workspace.settings import Settings
from ..workspace.workspace import Workspace
from . import ledger
from .attest import Builder, build_statement, complete
from .build_release import ReleasePlan, all_tools, collector, write_documents
from .checkout import Commit, check_committed, check_tracked, check_unchanged, head_commit
from .collect import Collector
from .documents import content_digest, load_release
from .git_tag import check_identity, check_tag, check_tag_name, create_tag
from .lock import check_installed, check_lock, write_lock
from .publish import check_room, install, new_folder, record

if TYPE_CHECKING:
    from ..signing.keys import PrivateKey

Build = Callable[[Request, Collector], int]


@dataclass(frozen=True, slots=True)
class ReleaseOptions:
    """The options of `release`.

    Without `strict` any gate may be "not checked". `key` is the path of the private key, '' for an
    unsigned release. `sandbox` replaces that of the workspace's settings, if it is given.
    """

    tag: str
    key: str = ""
    twice: bool = True
    sandbox: str = ""
    git_tag: bool = True
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Released:
    """A release: exit code, folder, `release.json`, and the number of its record in the ledger.

    `is_new` is False if the tag was released before with the same content. Without a release,
    `folder` is None.
    """

    code: int
    folder: Path | None = None
    release: Mapping[str, Any] | None = None
    number: int = -1
    is_new: bool = True


def release(root: str, request: Request, options: ReleaseOptions, build: Build) -> Released:
    """Build the targets of a request and release them; BuildError if the release is refused.

    `build` runs a request and reports to the collector. Nothing is left of a release that fails.
    """
    repository = Repository.around(root)
    try:
        settings = release_settings(root, options.sandbox)
        commit = _check_repository(root, repository, options)
        key = _read_key(options.key)
        check_level(settings.release.sandbox)
        check_installed(root)
        check_sources(root, request)
        source = commit.document(settings.release.source)
        plan = ReleasePlan(options.tag, settings.name, source, settings.release, options.twice)
        prepared = _Prepared(root, repository, plan, key, options)
        return _build_and_publish(prepared, request, build)
    finally:
        repository.close()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A release whose requirements are met, before its build."""

    root: str
    repository: Repository
    plan: ReleasePlan
    key: PrivateKey | None
    options: ReleaseOptions


def lock(root: str, request: Request, build: Build) -> tuple[int, str]:
    """Build the targets of a request and write the lock of their tools; (exit code, path)."""
    with new_folder(root, "lock") as folder:
        collected = collector(root, folder, twice=False)
        code = build(replace(request, on_finish=collected.on_finish), collected)
        return code, write_lock(root, all_tools(collected)) if code == OK else ""


def release_settings(root: str, sandbox: str) -> Settings:
    """Return the settings of a workspace; BuildError if it has no declared name."""
    settings = Workspace(root).settings
    if not settings.declared_name:
        raise BuildError(
            "the workspace has no name, and released images are named after it",
            None,
            'add name = "..." to [workspace]: the name of the folder differs between clones',
            "workspace",
        )
    level = sandbox or settings.release.sandbox
    return replace(settings, release=replace(settings.release, sandbox=level))


def _check_repository(root: str, repository: Repository, options: ReleaseOptions) -> Commit:
    """Check all that can be known before the build; return the commit of HEAD."""
    check_tag_name(repository, options.tag)
    commit = head_commit(root, repository)
    check_tracked(repository)
    check_tag(repository, options.tag, commit.hash)
    check_room(root, options.tag)
    check_identity(repository)
    ledger.read_ledger(repository)
    return commit


def _read_key(path: str) -> PrivateKey | None:
    if not path:
        return None
    from ..signing.key_files import read_private_key

    return read_private_key(path)


def check_level(required: str) -> None:
    """Raise BuildError unless actions run at the required sandbox level, or a stronger one."""
    best = choose_level("", default_root(os.environ))
    if LEVELS.index(best) > [*LEVELS].index(required):  # type: ignore[arg-type]
        raise BuildError(
            f"a release needs the sandbox level {required}, and the best here is {best}",
            None,
            f"`buildgraph doctor` shows the reason; --sandbox {best} accepts results at that level",
            "environment",
        )


def check_sources(root: str, request: Request) -> None:
    """Raise BuildError unless the commit has everything that the targets of a request read."""
    graph = evaluate_request(root, request, lambda program: True)
    top = os.path.realpath(root)
    names = {
        artifact.name
        for action in graph.steps.actions
        for _, artifact in action.inputs
        if isinstance(artifact, Source)
    }
    names |= {
        output.artifact.name for output in graph.outputs if isinstance(output.artifact, Source)
    }
    for path in graph.inputs.paths:
        if os.path.isfile(path):
            names.add(os.path.relpath(path, top))
    check_committed(root, names)


def _build_and_publish(prepared: _Prepared, request: Request, build: Build) -> Released:
    root, repository, plan = prepared.root, prepared.repository, prepared.plan
    started = time.time()
    with new_folder(root, plan.tag) as folder:
        collected = collector(root, folder, plan.twice)
        code = build(replace(request, on_finish=collected.on_finish), collected)
        if code != OK:
            return Released(code)
        if not collected.targets:
            raise BuildError(
                f"{' '.join(request.patterns)} has no outputs to release",
                None,
                "name an export, an index, or another target with outputs",
                "usage",
            )
        check_gates(collected.gates, plan.settings, prepared.options.strict)
        check_lock(root, all_tools(collected))
        _check_still_committed(root, repository, plan, collected)
        document = write_documents(folder, plan, collected)
        statement = build_statement(document, collected, Builder.here(started))
        complete(folder, document, statement, prepared.key)
        known = ledger.read_ledger(repository)
        is_known = ledger.check_tag(known, plan.tag, content_digest(document)) is not None
        place = install(root, folder, document)
    entry = record(repository, place)
    document = load_release(place)
    is_tagged = prepared.options.git_tag and create_tag(repository, document)
    return Released(OK, place, document, entry.number, is_tagged or not is_known)


def check_gates(gates: list[Judged], settings: ReleaseSettings, strict: bool = True) -> None:
    """Raise BuildError for a gate that did not pass, unless it may be "not checked".

    Without `strict` every gate may.
    """
    for gate in gates:
        if gate.verdict == "passed":
            continue
        may_be_open = not strict or gate.gate in settings.unchecked
        if gate.verdict == "not checked" and may_be_open:
            continue
        why = f": {gate.why}" if gate.why else ""
        raise BuildError(
            f"the gate {gate.gate} of {gate.label} is {gate.verdict!r}{why}",
            None,
            f'if that is allowed: unchecked = ["{gate.gate}"] in [workspace.release]',
            "gate",
        )


def _check_still_committed(
    root: str, repository: Repository, plan: ReleasePlan, collected: Collector
) -> None:
    """Check that HEAD and the files are those of the beginning, by content and not by stamps."""
    if head_commit(root, repository).hash != plan.source["commit"]:
        raise BuildError("HEAD changed during the build", None, "run it again", "dirty")
    check_tracked(repository)
    sources = {
        name: digest
        for target in collected.targets
        for name, digest in target.inputs.sources.items()
    }
    check_unchanged(root, sources)
    check_committed(root, sources)
