"""Run-time options of a coalition: replicas, copies, deadlines and HTTP, and what reruns."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.workspace import Space

X86 = "//exports:rooms.x86"
AGENTS = 'agents = { heater = "//models:heater", vent = "//models:vent" }'


def edit(space: Space, old: str, new: str) -> None:
    """Replace a text that occurs once in BUILD.toml."""
    text = (space.root / "BUILD.toml").read_text()
    assert text.count(old) == 1, text
    space.write("BUILD.toml", text.replace(old, new))


def answers(space: Space, *lines: str) -> list[dict[str, object]]:
    """Run the program for x86 and return its answers."""
    result = subprocess.run(
        [space.root / "out/exports/rooms.x86/agent"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_replicas_and_copies_change_only_the_main_file(rooms: Space) -> None:
    rooms.build(X86)
    [single] = answers(rooms, '{"heater":[1],"vent":[null,2]}')
    edit(
        rooms,
        AGENTS,
        'agents = { heater = "//models:heater", vent = { model = "//models:vent", replicas = 2 } }'
        "\ncopies = 3",
    )
    titles = rooms.build(X86).titles()
    assert {"emit the program", "compile main for x86_64", "link"} <= set(titles)
    assert not any("heater" in title or "vent" in title for title in titles)
    replies = answers(
        rooms,
        *(
            '{"copy":%d,"heater":[1],"vent.0":[null,2],"vent.1":[null,2]}' % copy
            for copy in range(3)
        ),
    )
    vents = {"vent.0": single["vent"], "vent.1": single["vent"]}
    assert replies == [{"copy": copy, "heater": single["heater"], **vents} for copy in range(3)]


def test_http_is_linked_only_on_request(rooms: Space) -> None:
    edit(rooms, 'memory = "256KiB"', 'memory = "512KiB"')
    rooms.build(X86)
    plain = (rooms.root / "out/exports/rooms.x86/agent").read_bytes()
    edit(rooms, AGENTS, AGENTS + '\nio = "http"')
    rooms.build(X86)
    served = (rooms.root / "out/exports/rooms.x86/agent").read_bytes()
    assert (
        b"/metrics" in served
        and b"/metrics" not in plain
        and len(plain) + 6000 < len(served) < len(plain) + 18000
    )
    index = json.loads((rooms.root / "out/exports/rooms.x86/image/index.json").read_text())
    blobs = rooms.root / "out/exports/rooms.x86/image/blobs/sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"].partition(":")[2]).read_text())
    config = json.loads((blobs / manifest["config"]["digest"].partition(":")[2]).read_text())[
        "config"
    ]
    assert (config["Entrypoint"], config["Cmd"]) == (["/agent"], ["--listen", ":8080"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            AGENTS,
            AGENTS.replace('"//models:vent"', '{ model = "//models:vent", replicas = 0 }'),
            "vent has 0 replicas",
        ),
        (
            AGENTS,
            AGENTS.replace('"//models:vent"', '{ model = "//models:vent", replica = 2 }'),
            "replicas",
        ),
        (AGENTS, AGENTS + "\ncopies = 0", "0 copies"),
        (AGENTS, AGENTS + "\ncopies = 99999", "65536 instances in all"),
        (AGENTS, AGENTS + '\nio = "mqtt"', "http"),
        (AGENTS, AGENTS + '\ndeadline = "soon"', "deadline"),
        ('from = "heater.action.burner"', 'from = "heater.belif.0"', "is not a port"),
    ],
)
def test_invalid_options_are_refused_before_any_action_runs(
    rooms: Space, old: str, new: str, message: str
) -> None:
    edit(rooms, old, new)
    stderr = rooms.run("build", X86, code=2).err
    assert message in stderr and "BUILD.toml:" in stderr and "Traceback" not in stderr


def test_a_link_to_a_missing_replica_is_refused(rooms: Space) -> None:
    edit(rooms, 'to = "vent.observation.burner"', 'to = "vent.1.observation.burner"')
    assert "vent has no replica 1" in rooms.run("build", X86, code=2).err
