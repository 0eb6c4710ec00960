"""The first difference between a release and its rebuild: file, table and column, line or byte."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..explain.content_diff import first_difference
from ..explain.model_diff import model_difference
from .agent_files import AGENTS, DECLARED, Agent
from .documents import (
    BUILD,
    BUILD_ENVELOPE,
    FILES,
    PROVENANCE,
    PROVENANCE_ENVELOPE,
    PUBLIC_KEY,
    RELEASE,
    SBOM,
    SIGNATURE,
    SUMS,
    VERIFY,
    canonical,
    file_digest,
    paths_below,
)
from .first_difference import layout_difference

_LARGE = 256 << 20  # bytes
_OF_ONE_MACHINE = {BUILD, BUILD_ENVELOPE, SIGNATURE, SUMS, PUBLIC_KEY, VERIFY}
_ORDER = (DECLARED, AGENTS, FILES, "", SBOM, PROVENANCE)
_AGENT = re.compile(rf"(.*{re.escape(AGENTS)})/([^/]+)/ir/")


def release_difference(old: Path, new: Path) -> str:
    """Return the first difference of two folders of releases; '' if their content is equal.

    Causes come first: declared values, models, programs, then images, and the documents last.
    """
    names = sorted(set(_names(old)) | set(_names(new)), key=_order)
    differences = (_difference(old, new, name) for name in names)
    return next((difference for difference in differences if difference), "")


def _names(folder: Path) -> Iterator[str]:
    for name in paths_below(folder):
        if name not in _OF_ONE_MACHINE and not name.endswith(PROVENANCE_ENVELOPE):
            yield name


def _order(name: str) -> tuple[int, str]:
    if name == RELEASE:
        return len(_ORDER), name
    top = name.partition("/")[0]
    kind = next((end for end in _ORDER if end and top.endswith(end)), "")
    return _ORDER.index(kind), name


def _difference(old: Path, new: Path, name: str) -> str:
    before, after = old / name, new / name
    for path, other in ((before, "rebuild"), (after, "release")):
        if not os.path.lexists(path):
            return f"{name} is only in the {other}"
    if before.is_symlink() or after.is_symlink():
        targets = [os.readlink(path) if path.is_symlink() else "a file" for path in (before, after)]
        return "" if targets[0] == targets[1] else f"{name}: {' -> '.join(targets)}"
    if file_digest(before) == file_digest(after):
        return ""
    if name == RELEASE:
        return _document_difference(before, after)
    if match := _AGENT.match(name):
        difference = _model_difference(old / match[1] / match[2], new / match[1] / match[2])
        if difference:
            return f"{match[1]}/{match[2]}/ir: {difference}"
    target = name.partition("/")[0]
    if (old / target / "oci-layout").exists() and (new / target / "oci-layout").exists():
        return f"{target}: {layout_difference(old / target, new / target) or name}"
    if max(path.stat().st_size for path in (before, after)) > _LARGE:
        return f"{name}: sha256:{file_digest(before)} -> sha256:{file_digest(after)}"
    return f"{name}: {first_difference(before.read_bytes(), after.read_bytes())}"


def _document_difference(before: Path, after: Path) -> str:
    """Return the first difference of two release.json, without what is claimed and not rebuilt."""
    documents = [json.loads(path.read_bytes()) for path in (before, after)]
    for document in documents:
        document.pop("checks", None)
    difference = first_difference(*map(canonical, documents))
    return f"{RELEASE}: {difference}" if difference else ""


def _model_difference(old: Path, new: Path) -> str:
    agents = [Agent(folder.name, folder) for folder in (old, new)]
    return model_difference(agents[0].model(), agents[1].model(), agents[1].labels())
