"""The agents of a release: their models, labels, sizes and probe sets, by export and agent.

A release has them as files in `<target>.agents/<agent>/`, so that two releases can be compared
without the sources of either: `labels.json`, `interface.json`, `ir/...` and `probe/...`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..explain.diff import list_entries
from ..explain.model_diff import ModelFiles
from ..types.action import Action, Output
from ..types.digest import Digest
from ..types.errors import BuildError
from ..types.label import Label
from ..types.result import File, Result
from ..workspace.workspace import Workspace
from .behaviour import Interface, ProbeSet

_STAGED = re.compile(r"in/([^/]+)/(ir|interface|labels|probe)\Z")
_NAMES = {"interface": "interface.json", "labels": "labels.json"}
_PROBE_FILES = ("probe/probe.json", "probe/obs.i32", "probe/executed.i32")
AGENTS, DECLARED = ".agents", ".declared.json"
"""Ends of the names of a target's folder of agents and of its declared values."""


@dataclass(frozen=True, slots=True)
class AgentFile:
    """A file of an agent: its path in the folder of the target's agents, and its content."""

    path: str
    digest: Digest


def agent_files(
    label: Label,
    actions: Iterable[Action],
    results: Mapping[Action, Result],
    read: Callable[[Digest], bytes],
) -> tuple[AgentFile, ...]:
    """Return the files of all agents of an export, sorted by path; none for other targets.

    They are found among the inputs of the export's actions, where each agent has a folder
    `in/<agent>/`. `read` returns the bytes of a blob.
    """
    digests = {
        path: digest
        for action in actions
        if action.owner == label
        for path, digest in _files_of_action(action, results, read)
    }
    return tuple(AgentFile(path, digests[path]) for path in sorted(digests))


def _files_of_action(
    action: Action, results: Mapping[Action, Result], read: Callable[[Digest], bytes]
) -> Iterator[tuple[str, Digest]]:
    for staged, artifact in action.inputs:
        match = _STAGED.match(staged)
        if match is None or not isinstance(artifact, Output):
            continue
        agent, kind = match.groups()
        artifacts = [(kind, artifact)]
        if kind == "probe":
            artifacts += _model_of_probe(artifact.action, results)
        for name, source in artifacts:
            node = dict(results[source.action].outputs)[source.name]
            for path, entry in list_entries(_NAMES.get(name, name), node, read):
                if isinstance(entry, File) and (name != "probe" or path in _PROBE_FILES):
                    yield f"{agent}/{path}", entry.digest


def _model_of_probe(
    probe: Action, results: Mapping[Action, Result]
) -> Iterator[tuple[str, Output]]:
    """Yield the model that a probe set was made from, and its labels: firmware has no others."""
    for _, artifact in probe.inputs:
        if isinstance(artifact, Output) and artifact.tree:
            yield "ir", artifact
            if "labels.json" in dict(results[artifact.action].outputs):
                yield "labels", Output("labels.json", artifact.action)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent of a release: the folder of its files."""

    name: str
    folder: Path

    def read(self, name: str) -> bytes:
        """Return a file, such as `ir/A0.f64`; BuildError (reason "broken") if there is none."""
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise BuildError(
                f"{self.folder / name} cannot be read: {error.strerror}",
                fix="`buildgraph verify` names what differs from the release",
                reason="broken",
            ) from None

    def interface(self) -> Interface:
        """Return the sizes of the agent."""
        return Interface.parse(json.loads(self.read("interface.json")))

    def labels(self) -> bytes:
        """Return the names of its axes as labels.json; axes without names if there is none."""
        if (self.folder / "labels.json").exists():
            return self.read("labels.json")
        model = json.loads(self.read("ir/model.json"))
        sizes = {
            "observations": model["num_obs"],
            "states": model["num_states"],
            "controls": [size for size in model["num_controls"] if size > 1],
        }
        axes = {
            kind: [{"name": None, "elements": None, "size": size} for size in sizes[kind]]
            for kind in sizes
        }
        return json.dumps(axes).encode()

    def probe(self) -> ProbeSet:
        """Return the probe set of its proof."""
        facts, observed, executed = map(self.read, _PROBE_FILES)
        return ProbeSet.parse(json.loads(facts), observed, executed)

    def probe_identity(self) -> tuple[bytes, ...]:
        """Return the content of its probe set, equal for equal sets."""
        return tuple(map(self.read, _PROBE_FILES))

    def model(self) -> ModelFiles:
        """Return the files of its model."""
        contents = {path.name: path.read_bytes() for path in sorted(self.folder.glob("ir/*"))}
        return ModelFiles(contents, contents.__getitem__)


def load_agents(release: Path, target: str) -> dict[str, Agent]:
    """Return the agents of a target of a release by name; none if its agents were not kept."""
    folder = release / f"{target}{AGENTS}"
    if not folder.is_dir():
        return {}
    return {path.name: Agent(path.name, path) for path in sorted(folder.iterdir())}


def declared_values(workspace: Workspace, label: Label) -> dict[str, Any]:
    """Return the tables of a target and of the targets that its values name, by label.

    They have limits such as `budget.image`, `tick` and `profile`, as written in BUILD.toml.
    """
    target = workspace.target(label)
    tables = {str(label): {"rule": target.rule, **target.values}}
    for value in target.values.values():
        if isinstance(value, str) and value.startswith(("//", ":")):
            dependency = workspace.target(Label.parse(value, label.package))
            tables[str(dependency.label)] = {"rule": dependency.rule, **dependency.values}
    return tables
