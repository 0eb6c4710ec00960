"""Provenance of a released target: an in-toto Statement v1 with a SLSA v1 predicate.

It names no time, host, user or folder, so two machines write the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import __version__
from .collect import CollectedTarget

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://buildgraph.dev/build/v1"
BUILDER = "https://buildgraph.dev/builder/local"


def statement(
    target: CollectedTarget, entry: Mapping[str, Any], source: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the statement for a target.

    `entry` is the target in `release.json` (without the digest of this statement), and `source` the
    `source` of `release.json`.
    """
    return {
        "_type": STATEMENT,
        "subject": list(_subjects(entry)),
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "label": target.label,
                    "source": _repository(source),
                    "workspace": source["folder"],
                },
                "internalParameters": {
                    "buildgraph": __version__,
                    "actions": [
                        {
                            "key": facts.key,
                            "label": facts.label,
                            "title": facts.title,
                            "outputs": dict(facts.outputs),
                        }
                        for facts in target.inputs.actions
                    ],
                },
                "resolvedDependencies": [_repository(source), *_dependencies(target)],
            },
            "runDetails": {"builder": {"id": BUILDER, "version": {"buildgraph": __version__}}},
        },
    }


def _subjects(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    image = entry.get("image")
    if image:
        yield {"name": image["name"], "digest": _digest(image["digest"])}
    for file in entry["files"]:
        yield {"name": file["path"], "digest": _digest(file["digest"])}


def _digest(text: str) -> dict[str, str]:
    algorithm, _, value = text.partition(":")
    return {algorithm: value}


def _repository(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the descriptor of the commit; `uri` is there if the workspace declares its address."""
    where = {"uri": f"git+{source['url']}"} if source.get("url") else {}
    return {
        "name": "source",
        **where,
        "digest": {"gitCommit": source["commit"], "gitTree": source["tree"]},
    }


def _dependencies(target: CollectedTarget) -> Iterator[dict[str, Any]]:
    inputs = target.inputs
    for name, digest in sorted(inputs.sources.items()):
        yield {"name": name, "digest": _digest(digest), "annotations": {"kind": "source"}}
    for name, digest in sorted(inputs.shipped.items()):
        name = f"buildgraph/rules/{name}"
        yield {"name": name, "digest": _digest(digest), "annotations": {"kind": "buildgraph"}}
    for tool, identity in sorted(inputs.tools.items()):
        kind, _, name = tool.partition(":")
        yield _tool(kind, name, identity)


def _tool(kind: str, name: str, identity: str) -> dict[str, Any]:
    """Return the descriptor of a program or distribution.

    The digest of a program is that of its file. That of a distribution is the one of the lines of
    its RECORD, which lists the digest of each installed file.
    """
    words = identity.split(" ")
    digests = [word.partition(":")[2] for word in words if word.startswith("sha256:")]
    version = "" if words[0].startswith("sha256:") else words[0]
    notes = {"kind": kind, "identity": identity} | ({"version": version} if version else {})
    if kind == "distribution":
        purl = f"pkg:pypi/{name}@{version}"
        return {
            "name": name,
            "uri": purl,
            "digest": {"recordSha256": digests[0]},
            "annotations": notes,
        }
    return {"name": name, "digest": {"sha256": digests[0]}, "annotations": notes}
