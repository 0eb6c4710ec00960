"""Requests: one outcome for each modality that no link feeds."""

from __future__ import annotations

import json
from pathlib import Path

from board.request import Agent, compose


def agent(folder: Path, name: str, num_obs: list[int], replicas: int = 0) -> Agent:
    """Write the interface of an agent."""
    interface, labels = folder / f"{name}.json", folder / f"{name}.labels.json"
    interface.write_text(json.dumps({"num_obs": num_obs, "num_controls": [2], "num_states": [3]}))
    labels.write_text("{}")
    return Agent(name, interface, labels, replicas)


def test_linked_modalities_are_null(tmp_path: Path) -> None:
    agents = [agent(tmp_path, "scout", [3]), agent(tmp_path, "picker", [2, 4], replicas=2)]
    links = tmp_path / "links.json"
    links.write_text('[{"from": "scout.action.0", "to": "picker.observation.0"}]')
    request, names = compose(agents, links, 1)
    assert json.loads(request) == {"scout": [0], "picker.0": [None, 0], "picker.1": [None, 0]}
    assert names == ("scout", "picker.0", "picker.1")


def test_copies_are_named(tmp_path: Path) -> None:
    links = tmp_path / "links.json"
    links.write_text("[]")
    request, _ = compose([agent(tmp_path, "scout", [3])], links, 5)
    assert json.loads(request) == {"scout": [0], "copy": 0} and "\n" not in request
