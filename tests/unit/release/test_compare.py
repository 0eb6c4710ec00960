"""Comparison of two releases from their folders, and its text."""

from __future__ import annotations

import json
import shutil
from array import array
from pathlib import Path
from typing import Any

import assemble_image
import pytest

from buildgraph.release import compare
from buildgraph.release.agent_program import AgentProgram, CannotRun
from buildgraph.release.compare import Release, compare_releases
from buildgraph.release.format_diff import format_targets
from tests.unit.explain.test_model_diff import LABELS, model_files
from tests.unit.ociimage.test_assemble import inputs

_LABEL = "//exports:jetson"
_NAME = "exports-jetson"
_INTERFACE = {"num_obs": [2, 3], "num_states": [2, 3], "num_controls": [2], "n_policies": 2}
_FACTS = {"episodes": 1, "steps": 2, "modalities": 2, "controls": 1}


def _release(folder: Path, tag: str, **changes: Any) -> Release:
    """A release of one target with one agent; `changes` are its values in release.json."""
    agent = folder / f"{_NAME}.agents/scout"
    (agent / "ir").mkdir(parents=True)
    (agent / "probe").mkdir()
    for name, data in model_files().items():
        (agent / "ir" / name).write_bytes(data)
    (agent / "labels.json").write_text(json.dumps(_labels()))
    (agent / "interface.json").write_text(json.dumps(_INTERFACE))
    (agent / "probe/probe.json").write_text(json.dumps(_FACTS))
    (agent / "probe/obs.i32").write_bytes(array("i", [0, 1, 1, 2]).tobytes())
    (agent / "probe/executed.i32").write_bytes(array("i", [0, 1]).tobytes())
    report = folder / f"{_NAME}.files/report/report.json"
    report.parent.mkdir(parents=True)
    report.write_text(json.dumps({"program_bytes": 5000, "memory_bytes": 90000}))
    target = {
        "label": _LABEL,
        "name": _NAME,
        "image": {"digest": f"sha256:{tag}", "built": "sha256:0123456789abcdef", "size": 1000},
        "files": [{"path": f"{_NAME}.files/report/report.json"}],
        **changes.pop("target", {}),
    }
    gates = [{"label": _LABEL, "gate": "fitness", "verdict": "passed"}]
    document = {"schema": 1, "tag": tag, "checks": {"gates": gates}, "targets": [target], **changes}
    return Release(folder, document)


def _labels() -> dict[str, Any]:
    sizes = {"observations": (2, 3), "states": (2, 3), "controls": (2,)}
    return {
        kind: [{**axis, "size": size} for axis, size in zip(LABELS[kind], sizes[kind], strict=True)]
        for kind in sizes
    }


def _replay_like(actions: dict[bytes, list[int]]) -> Any:
    def replay(program: AgentProgram, agent: str, records: bytes) -> bytes:
        replies = b""
        for action in actions[program.data]:
            replies += array("f", [0.5] * 7).tobytes() + array("i", [action, 0]).tobytes()
        return replies

    return replay


def _text(old: Release, new: Release, behaviour: bool = False) -> list[str]:
    return list(format_targets(compare_releases(old, new, behaviour)))


def _add_layouts(*releases: Release) -> None:
    for release in releases:
        layout = release.folder / _NAME
        layout.mkdir()
        (layout / "oci-layout").write_text("")


@pytest.fixture
def old(tmp_path: Path) -> Release:
    """The older release."""
    return _release(tmp_path / "old", "v1")


def test_equal_targets_are_one_line_and_their_agents(tmp_path: Path, old: Release) -> None:
    new = _release(tmp_path / "new", "v2")
    assert _text(old, new) == [
        f"{_LABEL}: the image is equal",
        "  agent scout: the model is equal",
    ]


def test_parameters_are_compared_entry_by_entry(tmp_path: Path, old: Release) -> None:
    new = _release(tmp_path / "new", "v2")
    for name, data in model_files({"gamma": (8.0).hex()}, B0={1: 0.75}).items():
        (new.folder / f"{_NAME}.agents/scout/ir/{name}").write_bytes(data)
    assert _text(old, new)[1:] == [
        "  agent scout: the model differs",
        "    gamma: 16 -> 8",
        "    B0: 1 of 8 entries, by at most 0.25: B0[here, here, go] 0.50 -> 0.75",
    ]


def test_agents_and_targets_that_came_or_went_are_named(tmp_path: Path, old: Release) -> None:
    new = _release(tmp_path / "new", "v2")
    shutil.move(new.folder / f"{_NAME}.agents/scout", new.folder / f"{_NAME}.agents/picker")
    assert _text(old, new)[1:] == ["  agent picker: added", "  agent scout: removed"]
    empty = Release(new.folder, {**new.document, "targets": []})
    assert _text(old, empty) == [f"{_LABEL}: removed"]
    assert _text(empty, old) == [f"{_LABEL}: added"]


def test_sizes_gates_and_declared_limits_are_listed_where_they_differ(
    tmp_path: Path, old: Release
) -> None:
    why = {"label": _LABEL, "gate": "fitness", "verdict": "not checked", "why": "qemu is missing"}
    image = {"built": "sha256:0123456789abcdef", "size": 1024}
    new = _release(tmp_path / "new", "v2", target={"image": image}, checks={"gates": [why]})
    for release, limit in ((old, "2MiB"), (new, "1MiB")):
        values = {_LABEL: {"rule": "export", "budget": {"image": limit}}}
        (release.folder / f"{_NAME}.declared.json").write_text(json.dumps(values))
    assert _text(old, new)[1:4] == [
        "  image: 1000 B -> 1.0 KiB (+24 bytes)",
        "  gate fitness: passed -> not checked (qemu is missing)",
        f"  declared {_LABEL}.budget.image: 2MiB -> 1MiB",
    ]


def test_other_actions_are_shown_with_names(
    tmp_path: Path, old: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = _release(tmp_path / "new", "v2")
    _add_layouts(old, new)
    programs = iter([AgentProgram(b"old", "linux/amd64"), AgentProgram(b"new", "linux/amd64")])
    monkeypatch.setattr(compare, "read_program", lambda layout: next(programs))
    replay = _replay_like({b"old": [0, 0], b"new": [0, 1]})
    monkeypatch.setattr(compare, "replay", replay)
    assert _text(old, new, True)[2:] == [
        "    behaviour on the probe set of v1 and v2: another action in 1 of 2 states, "
        "in 1 of 1 episode",
        "      episode 0, step 1:",
        "        observed cue=left, tone=1, did move=stay",
        "        observed cue=right, tone=2",
        "        old: move=stay   new: move=go",
    ]


def test_behaviour_that_cannot_be_compared_has_a_reason(
    tmp_path: Path, old: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = _release(tmp_path / "new", "v2")
    assert _text(old, new, True)[2:] == [
        "    behaviour: not compared: the target has no image with a program to run"
    ]
    _add_layouts(old, new)
    monkeypatch.setattr(compare, "read_program", lambda layout: AgentProgram(b"", "linux/riscv64"))

    def replay(program: AgentProgram, agent: str, records: bytes) -> bytes:
        raise CannotRun("qemu-riscv64-static is not installed")

    monkeypatch.setattr(compare, "replay", replay)
    assert _text(old, new, True)[2:] == [
        "    behaviour on the probe set of v1 and v2: not compared: "
        "qemu-riscv64-static is not installed"
    ]
    other = {**_INTERFACE, "num_obs": [2, 4]}
    path = new.folder / f"{_NAME}.agents/scout/interface.json"
    path.write_text(json.dumps(other))
    assert _text(old, new, True)[2:] == [
        "    behaviour: not compared: its observations have other shapes: [2, 3] -> [2, 4]"
    ]


def test_the_first_difference_names_file_and_byte(tmp_path: Path, old: Release) -> None:
    new = _release(tmp_path / "new", "v2", target={"image": {"built": "sha256:f", "size": 1000}})
    for release, extra in ((old, b""), (new, b"!")):
        words = inputs(tmp_path / f"image{len(extra)}")
        path = tmp_path / f"image{len(extra)}/agent"
        path.write_bytes(path.read_bytes() + extra)
        assert assemble_image.main(words) == 0
        shutil.copytree(tmp_path / f"image{len(extra)}/out", release.folder / _NAME)
    assert _text(old, new)[-1] == (
        "  first difference: layer 0: bin/agent: line 1: '\\x7fELF agent' -> '\\x7fELF agent!'"
    )


def test_an_agent_that_changed_equally_on_two_boards_is_shown_once(
    tmp_path: Path, old: Release
) -> None:
    new = _release(tmp_path / "new", "v2")
    (new.folder / f"{_NAME}.agents/scout/ir/D0.f64").write_bytes(
        model_files(D0={0: 0.75})["D0.f64"]
    )
    for release in (old, new):
        (target,) = release.document["targets"]
        for end in (".agents", ".files"):
            shutil.copytree(release.folder / f"{_NAME}{end}", release.folder / f"pi{end}")
        files = [{"path": "pi.files/report/report.json"}]
        release.document["targets"].append(
            {**target, "label": "//exports:pi", "name": "pi", "files": files}
        )
    assert _text(old, new)[1:] == [
        "  agent scout: the model differs",
        "    D0: 1 of 2 entries, by at most 0.25: D0[here] 0.50 -> 0.75",
        "//exports:pi: the image is equal",
        f"  agent scout: as in {_LABEL}",
    ]


def test_a_model_without_labels_has_numbers_for_names(tmp_path: Path, old: Release) -> None:
    new = _release(tmp_path / "new", "v2")
    agent = new.folder / f"{_NAME}.agents/scout"
    (agent / "labels.json").unlink()
    (agent / "ir/B0.f64").write_bytes(model_files(B0={1: 0.75})["B0.f64"])
    assert "    B0: 1 of 8 entries, by at most 0.25: B0[0, 0, 1] 0.50 -> 0.75" in _text(old, new)
