"""The files of agents among the inputs of a target's actions."""

from __future__ import annotations

import json
from pathlib import Path

from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.release.agent_files import agent_files, declared_values
from buildgraph.types.action import Action, Artifact, Out, Output
from buildgraph.types.digest import Digest
from buildgraph.types.label import Label
from buildgraph.types.result import File, Node, Result, Tree
from buildgraph.workspace.workspace import Workspace

_EXPORT, _MODEL = Label.parse("//exports:pc"), Label.parse("//models:walker")
_NO_LOG = Digest.of(b"")


def _action(owner: Label, *inputs: tuple[str, Artifact], outputs: tuple[str, ...] = ()) -> Action:
    return Action(("tool",), inputs, tuple(map(Out, outputs)), owner=owner)


def _result(**outputs: Node) -> Result:
    names = {"labels": "labels.json", "interface": "interface.json"}
    pairs = tuple((names.get(name, name), node) for name, node in outputs.items())
    return Result(pairs, _NO_LOG, "none", 1)


class Graph:
    """A model, its probe and plan, and the results of their actions; trees hold one file."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}
        imported = _action(_MODEL)
        self.ir = Output("ir", imported, tree=True)
        probed = _action(_MODEL, ("ir", self.ir))
        planned = _action(_MODEL, ("ir", self.ir))
        self.labels = Output("labels.json", imported)
        self.probe = Output("probe", probed, tree=True)
        self.interface = Output("interface.json", planned)
        self.results = {
            imported: _result(ir=self.tree("model.json"), labels=self.file(b"labels")),
            probed: _result(probe=self.tree("obs.i32", "qs.f64")),
            planned: _result(interface=self.file(b"interface")),
        }

    def file(self, data: bytes) -> File:
        """Return a file with some bytes."""
        return File(Digest.of(data))

    def tree(self, *names: str) -> Tree:
        """Return a folder of files, each with its name as content."""
        files = tuple((name, Digest.of(name.encode()), False) for name in sorted(names))
        message = encode_directory(Directory(files=files))
        self.blobs[Digest.of(message)] = message
        return Tree(Digest.of(message))

    def paths(self, *actions: Action) -> list[str]:
        """Return the paths of the agents of the export."""
        files = agent_files(_EXPORT, actions, self.results, self.blobs.__getitem__)
        return [file.path for file in files]


def test_the_inputs_of_an_export_name_its_agents() -> None:
    graph = Graph()
    emitted = _action(
        _EXPORT,
        ("in/guide/interface", graph.interface),
        ("in/guide/labels", graph.labels),
        ("in/guide/probe", graph.probe),
    )
    reported = _action(_EXPORT, ("in/guide/ir", graph.ir), ("in/program", graph.labels))
    assert graph.paths(emitted, reported) == [
        "guide/interface.json",
        "guide/ir/model.json",
        "guide/labels.json",
        "guide/probe/obs.i32",
    ]


def test_the_model_of_firmware_is_that_of_its_probe_set() -> None:
    graph = Graph()
    emulated = _action(_EXPORT, ("in/guide/probe", graph.probe))
    assert graph.paths(emulated) == [
        "guide/ir/model.json",
        "guide/labels.json",
        "guide/probe/obs.i32",
    ]


def test_actions_of_other_targets_do_not_count() -> None:
    graph = Graph()
    assert graph.paths(_action(_MODEL, ("in/guide/probe", graph.probe))) == []


def test_declared_values_are_those_of_the_target_and_its_direct_dependencies(
    tmp_path: Path,
) -> None:
    (tmp_path / "BUILD.toml").write_text(
        '[workspace]\n[exports.pc]\nrule = "export"\ncoalition = "//:swarm"\n'
        'budget = { image = "2MiB" }\n[swarm]\nrule = "coalition"\ntick = "1s"\n'
        'agents = { guide = "//:walker" }\n[walker]\nrule = "model"\nsource = "w.py"\n'
    )
    values = declared_values(Workspace(str(tmp_path)), _EXPORT)
    assert json.loads(json.dumps(values)) == {
        "//exports:pc": {"rule": "export", "coalition": "//:swarm", "budget": {"image": "2MiB"}},
        "//:swarm": {"rule": "coalition", "tick": "1s", "agents": {"guide": "//:walker"}},
    }
