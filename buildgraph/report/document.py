"""The data of a report page: one JSON document, described in docs/design/report.md.

It is a function of artifacts and evidence, so equal workspaces give equal bytes. Only `builds`
is of one machine; it is empty by default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..explain.image_content import Image, LayoutSource, read_images
from ..types.label import Label
from ..types.target import Target
from .collect import Outcome

SCHEMA = 1
"""Version of the document. A page refuses another one."""
_ORDER = ("failed", "not checked", "passed")


@dataclass(frozen=True)
class Export:
    """An export, its coalition and its outcome."""

    target: Target
    coalition: Target
    outcome: Outcome


def encode_export(export: Export, root: Path) -> dict[str, Any]:
    """Return the entry of an export; an export that was not built has its failure only."""
    outcome, coalition = export.outcome, export.coalition
    report = _read_report(root, outcome)
    return {
        "label": str(export.target.label),
        "coalition": str(coalition.label),
        "board": report.get("board", ""),
        "hardware": str(export.target.values.get("hardware", "")),
        "budget": export.target.values.get("budget", {}),
        "verdict": judge(outcome),
        "failure": outcome.failure,
        "gates": outcome.gates,
        "image": _encode_image(root, outcome),
        "report": report,
        "agents": agents_of(coalition),
        "links": coalition.values.get("links", []),
        "blankets": coalition.values.get("blankets", []),
    }


def judge(outcome: Outcome) -> str:
    """Return the worst verdict of the gates; "failed" if an action failed, "" without a gate."""
    verdicts = {gate["verdict"] for gate in outcome.gates}
    if outcome.failure:
        return "failed"
    return next((verdict for verdict in _ORDER if verdict in verdicts), "")


def agents_of(coalition: Target) -> list[dict[str, Any]]:
    """Return name and model of each agent, and how many replicas it has."""
    rows = []
    for name, value in coalition.values.get("agents", {}).items():
        table = value if isinstance(value, dict) else {"model": value}
        label = Label.parse(str(table.get("model", "")), coalition.label.package)
        rows.append({"name": name, "model": str(label), "replicas": table.get("replicas", 1)})
    return rows


def encode_graph(
    rules: Mapping[str, str], edges: Iterable[tuple[str, str]], failures: Mapping[str, str]
) -> dict[str, Any]:
    """Return the target graph: rows of targets, and dependencies as pairs of row numbers."""
    labels = sorted(rules)
    number = {label: i for i, label in enumerate(labels)}
    return {
        "targets": [
            {"label": label, "rule": rules[label], "failure": failures.get(label, "")}
            for label in labels
        ],
        "edges": sorted([number[user], number[dep]] for user, dep in edges),
    }


def encode_builds(logs: Sequence[Sequence[tuple[int, dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Return the last builds, newest first: their actions with times in microseconds."""
    builds = []
    for records in logs:
        started: dict[int, int] = {}
        actions: list[dict[str, Any]] = []
        end: dict[str, Any] = {}
        for time, event in records:
            kind = event["event"]
            if kind == "started":
                started[event["number"]] = time
            elif kind in ("done", "failed"):
                first = started.get(event["number"], time)
                how = event.get("how", "failed")
                row = {"label": event["label"], "title": event["title"], "how": how}
                saved = event.get("milliseconds", 0) if how in ("hit", "shared") else 0
                actions.append({**row, "start": first, "end": time, "saved_ms": saved})
            elif kind == "finished":
                end = {"code": event["code"], "milliseconds": event["milliseconds"]}
        builds.append({"actions": actions, **end})
    return builds


def encode(document: Mapping[str, Any]) -> str:
    """Return the document as JSON that is safe inside a script element."""
    text = json.dumps({"schema": SCHEMA, **document}, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _read_report(root: Path, outcome: Outcome) -> dict[str, Any]:
    if "report" not in outcome.outputs:
        return {}
    path = root / outcome.outputs["report"] / "report.json"
    report: dict[str, Any] = json.loads(path.read_bytes())
    return report


def _encode_image(root: Path, outcome: Outcome) -> dict[str, Any] | None:
    if "image" not in outcome.outputs:
        return None
    images = read_images(LayoutSource(root / outcome.outputs["image"]))
    return {"digest": outcome.image, "layers": [row for one in images for row in _layers(one)]}


def _layers(image: Image) -> list[dict[str, Any]]:
    return [
        {
            **layer.descriptor.document(),
            "platform": image.platform,
            "created_by": layer.created_by,
            "unpacked": layer.unpacked,
            "files": [asdict(file) for file in layer.files],
        }
        for layer in image.layers
    ]
