"""Build the targets of a release and write its reproducible files.

Two clones of a commit with equal tools write the same bytes, in any folder. `attest` adds the
signatures, and the statement that names the builder and the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..types.errors import BuildError
from ..types.events import Judged
from ..types.image_name import image_name
from ..types.label import Label
from ..types.request import Request
from ..workspace.release_settings import ReleaseSettings
from .agent_files import AGENTS, DECLARED
from .collect import CollectedTarget, Collector
from .documents import FILES, PROVENANCE, RELEASE, SBOM, SCHEMA, canonical, file_digest, paths_below
from .image_layout import PlatformImage, platform_images, top_descriptor, total_size
from .stamp import Stamp, rfc3339, stamp_labels, stamp_layout

if TYPE_CHECKING:
    from ..execution.executor import Executor

CONTENT_TAG_DIGITS = 12
Build = Callable[[Request, Collector], int]
"""Builds a request, reports to the collector too, and returns the exit code."""


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """Parameters of a release: tag, workspace, settings, `source` of `release.json`, checks.

    `twice` says that each action runs a second time in a varied environment.
    """

    tag: str
    workspace: str
    source: Mapping[str, Any]
    settings: ReleaseSettings
    twice: bool


def collector(root: str, folder: Path, twice: bool) -> Collector:
    """Return the collector of a build for a release; `twice` checks all actions again."""

    def check(executor: Executor, code: int) -> int:
        from ..checks.reproducibility import check

        return check(executor, code)

    return Collector(root, folder, check if twice else None)


def write_documents(folder: Path, plan: ReleasePlan, collected: Collector) -> dict[str, Any]:
    """Stamp the images, write SBOMs, provenance and `release.json`; return the last."""
    from .provenance import statement
    from .sbom import sbom

    entries = []
    for target in collected.targets:
        entry = _entry(folder, plan, target)
        if "image" in entry:
            text = sbom(folder / target.name, entry["image"]["name"], plan.settings.licenses)
            entry["sbom"] = _write(folder / f"{target.name}{SBOM}", text)
        text = canonical(statement(target, entry, plan.source)) + b"\n"
        entry["provenance"] = _write(folder / f"{target.name}{PROVENANCE}", text)
        entries.append(entry)
    licenses = {"licenses": plan.settings.licenses} if plan.settings.licenses else {}
    release = {
        "schema": SCHEMA,
        "tag": plan.tag,
        "workspace": plan.workspace,
        "source": dict(plan.source),
        **licenses,
        "buildgraph": __version__,
        "checks": {
            "twice": plan.twice,
            "sandbox": plan.settings.sandbox,
            "gates": [_gate(event) for event in collected.gates],
        },
        "tools": all_tools(collected),
        "targets": entries,
    }
    (folder / RELEASE).write_bytes(canonical(release) + b"\n")
    return release


def all_tools(collected: Collector) -> dict[str, str]:
    """Return the identities of all tools in the keys of the targets' actions."""
    return {
        name: identity
        for target in collected.targets
        for name, identity in target.inputs.tools.items()
    }


def _gate(event: Judged) -> dict[str, str]:
    facts = {"label": event.label, "gate": event.gate, "verdict": event.verdict}
    return facts | ({"why": event.why} if event.why else {})


def _write(path: Path, text: bytes) -> str:
    path.write_bytes(text)
    return f"sha256:{file_digest(path)}"


def _entry(folder: Path, plan: ReleasePlan, target: CollectedTarget) -> dict[str, Any]:
    """Return the target of `release.json`, without SBOM and provenance; stamps its image."""
    entry: dict[str, Any] = {
        "label": target.label,
        "name": target.name,
        "files": [_file(folder / path, path) for path in _paths(folder, target.name)],
    }
    built = target.image
    if built is None:
        return entry
    label = Label.parse(target.label)
    name = f"{image_name(plan.workspace, label).rpartition(':')[0]}:{plan.tag}"
    labels = stamp_labels(plan.tag, plan.source, plan.settings.licenses)
    layout = folder / target.name
    digest = stamp_layout(layout, Stamp(labels, rfc3339(plan.source["time"]), name))
    images = platform_images(layout, top_descriptor(layout))
    entry["image"] = {
        "digest": digest,
        "built": built.image,
        "content_tag": f"{label.name}-{built.image.removeprefix('sha256:')[:CONTENT_TAG_DIGITS]}",
        "name": name,
        "platforms": [_platform(image) for image in images],
        "size": total_size(layout),
    }
    return entry


def _paths(folder: Path, name: str) -> list[str]:
    """Return the paths of a target's files: outputs, agents, and declared values."""
    paths = [
        f"{name}{end}/{path}"
        for end in (FILES, AGENTS)
        for path in paths_below(folder / f"{name}{end}")
    ]
    return [*paths, f"{name}{DECLARED}"]


def _file(path: Path, name: str) -> dict[str, Any]:
    """Return the entry of a file; that of a link has the content to which it leads."""
    if not path.is_file():
        raise BuildError(
            f"{name} is a link to a folder or to nothing, which `sha256sum` cannot check",
            None,
            "let the target write files, or links to files",
            "refused",
        )
    status = path.stat()
    return {
        "path": name,
        "digest": f"sha256:{file_digest(path)}",
        "size": status.st_size,
        "executable": bool(status.st_mode & 0o100),
    }


def _platform(image: PlatformImage) -> dict[str, Any]:
    diff_ids = image.config["rootfs"]["diff_ids"]
    layers = zip(image.manifest["layers"], diff_ids, strict=True)
    return {
        "platform": image.platform,
        "manifest": image.digest,
        "config": image.manifest["config"]["digest"],
        "layers": [
            {"digest": layer["digest"], "size": layer["size"], "diff_id": diff_id}
            for layer, diff_id in layers
        ],
    }
