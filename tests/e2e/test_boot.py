"""Whole boards in QEMU: Debian's kernel, boardinit, and an image's root as the only user space."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agentc.toolchain.zig import SMALL, link_program
from board import initramfs, power_cuts, program
from board.bundle import Bundle, Image, pack, read_image
from board.errors import BoardError
from board.machine import Hardware, Machine, Software, make_disk
from board.power_cuts import Phase, Recording, Tools
from board.trial import CHECKS, OPTIONS, Board, Trial, bad_bundle

from tests.support.compiled_objects import compiled
from tests.support.fault_counts import Tally
from tests.support.kernels import debian_kernel
from tests.support.requirements import need
from tests.support.workspace import Space

# One build serves all tests of this file.
pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.xdist_group("boot")]

BUILD = """
[kernels.debian]
rule = "kernel"
package = "linux.deb"

[coalitions.pair]
rule = "coalition"
agents = { lead = "//models:forager", rest = { model = "//models:forager", replicas = 2 } }
links = [{ from = "lead.action.0", to = "rest.observation.0" }]
io = "http"

[exports.plain]
rule = "export"
coalition = "//coalitions:foragers"
hardware = "//hardware:pi5"

[exports.board]
rule = "export"
coalition = "//coalitions:foragers"
hardware = "//hardware:pi5"
boot = "//kernels:debian"

[exports.served]
rule = "export"
coalition = "//coalitions:pair"
hardware = "//hardware:pi5"
"""
REQUEST = '{"forager":[0,0]}'
CORE = "cortex-a76"
ARM = ("aarch64-linux-musl", "cortex_a76")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """Return a workspace whose exports have been built."""
    for name in ("qemu-system-aarch64", "qemu-aarch64-static", "mke2fs", "e2fsck", "debugfs"):
        need(name)
    folder = tmp_path_factory.mktemp("boot")
    space = Space(folder / "w", folder / "cache")
    space.root.mkdir(exist_ok=True)
    space.run("init")
    shutil.copy(debian_kernel(), space.root / "linux.deb")
    text = (space.root / "BUILD.toml").read_text()
    space.write("BUILD.toml", text + BUILD)
    space.build("//exports:plain", "//exports:board", "//exports:served", "//kernels:debian")
    yield space
    shutil.rmtree(folder)


def evidence(space: Space, gate: str) -> dict[str, Any]:
    """Return the evidence of a gate of //exports:board."""
    path = space.root / f".buildgraph/gates/exports/board/{gate}.json"
    return dict(json.loads(path.read_bytes()))


def test_a_board_survives_an_update_a_bad_one_and_200_power_cuts(
    workspace: Space, tally: Callable[[str, int], Tally]
) -> None:
    count = tally("board", power_cuts.POINTS)
    document = evidence(workspace, "boot")
    assert document["verdict"] == "passed"
    checks = {check["name"]: check for check in document["checks"]}
    assert tuple(checks) == CHECKS
    assert checks["steps"]["measured"] == 3 and checks["restart"]["measured"] == 5
    assert checks["update"]["measured"] == "kept"
    assert checks["roll back"]["measured"] == checks["roll back is readable"]["measured"]
    assert "the program ended with 2" in checks["roll back"]["measured"]
    assert checks["power cuts"]["measured"] == {"points": 200, "booted": power_cuts.BOOTED}
    count.survived(power_cuts.POINTS)


def test_a_kernel_changes_no_image_and_an_unchanged_board_costs_nothing(workspace: Space) -> None:
    built = workspace.build("//exports:plain", "//exports:board")
    assert built.titles() == []
    plain, board = (workspace.root / f"out/exports/{name}" for name in ("plain", "board"))
    assert (plain / "agent").read_bytes() == (board / "agent").read_bytes()
    layers = [
        json.loads(next((folder / "image").glob("manifest.json")).read_bytes())[0]["Layers"]
        for folder in (plain, board)
    ]
    assert layers[0] == layers[1]


def software(workspace: Space, folder: Path, text: str = "") -> tuple[Software, Tools]:
    """Return a new board with a bundle of //exports:plain, and with another text of boardinit."""
    source, output = folder / "boardinit.c", folder / "boardinit.o"
    source.write_text(text or program.emit())
    compiled(source, ARM, output, SMALL)
    link_program([output], ARM[0], folder / "boardinit")
    kernel = workspace.root / "out/kernels/debian/kernel"
    archive = initramfs.build((folder / "boardinit").read_bytes(), kernel)
    (folder / "initramfs").write_bytes(archive)
    tools = Tools(folder / "boardinit", ("qemu-aarch64-static", "-cpu", CORE))
    return Software(kernel / "Image", folder / "initramfs", folder / "disk"), tools


def board(workspace: Space, folder: Path, image: Image, request: str = REQUEST) -> Board:
    """Return a board for the trial of an image with a few power cuts."""
    files, tools = software(workspace, folder)
    fill(folder, image)
    names = tuple(name for name in json.loads(request))
    hardware = Hardware(CORE, 256 << 20, OPTIONS)
    return Board(hardware, files, image, request, names, tools, cuts=4, booted=1)


def fill(folder: Path, image: Image) -> None:
    """Make the disk of a new board."""
    first = pack(image)
    (folder / "data/slots").mkdir(parents=True)
    (folder / "data/slots" / first.name).write_bytes(first.content)
    make_disk(folder / "data", folder / "disk", 8 << 20)


def test_agents_with_links_and_replicas_are_served_by_http(
    workspace: Space, tmp_path: Path
) -> None:
    image = read_image(workspace.root / "out/exports/served/image")
    request = '{"lead":[0,0],"rest.0":[null,0],"rest.1":[null,0]}'
    checks = Trial(board(workspace, tmp_path, image, request)).run()
    assert [(check.name, check.verdict, check.why) for check in checks] == [
        (name, "passed", "") for name in CHECKS
    ]


def test_a_program_that_is_not_healthy_fails_with_its_reason(
    workspace: Space, tmp_path: Path
) -> None:
    image = read_image(workspace.root / "out/exports/plain/image")
    process = {**image.config["config"], "Healthcheck": {"Test": ["CMD", "/agent", "--no"]}}
    sick = replace(image, config={**image.config, "config": process})
    checks = {check.name: check for check in Trial(board(workspace, tmp_path, sick)).run()}
    assert checks["boots"].verdict == "passed"
    assert checks["healthy"].verdict == "failed"
    assert checks["healthy"].why == "/agent --no ended with 2"
    assert checks["steps"].verdict == "not checked"
    assert checks["steps"].why == "the check 'healthy' failed"


def test_other_agents_start_over_and_a_roll_back_restores_the_state(
    workspace: Space, tmp_path: Path
) -> None:
    image = read_image(workspace.root / "out/exports/plain/image")
    other = read_image(workspace.root / "out/exports/served/image")
    tried = board(workspace, tmp_path, image)
    with Machine(tried.hardware, tried.software) as machine:
        machine.wait_for("boardinit: healthy")
        for _ in range(2):
            machine.step(REQUEST)
        machine.update(bad_bundle(other))
        machine.wait_for("boardinit: rolled back: ")
        machine.wait_for("boardinit: healthy")
        restored = machine.status()
        assert (restored["slot"], restored["steps"], restored["state"]) == ("a", 2, "kept")
        assert "the program ended with 2" in restored["reason"]
        machine.update(pack(other))
        machine.wait_for("boardinit: committed slot b")
        assert machine.status() | {"bundle": ""} == {
            "slot": "b",
            "bundle": "",
            "trial": False,
            "healthy": True,
            "steps": 0,
            "state": "new",
            "reason": "",
        }
        assert "rest.1" in machine.step('{"lead":[0,0],"rest.0":[null,0],"rest.1":[null,0]}')
        machine.power_off()


def test_deliveries_that_do_not_fit_or_are_damaged_change_nothing(
    workspace: Space, tmp_path: Path
) -> None:
    image = read_image(workspace.root / "out/exports/plain/image")
    tried = board(workspace, tmp_path, image)
    with Machine(tried.hardware, tried.software) as machine:
        machine.wait_for("boardinit: healthy")
        before = machine.status()
        machine.update(Bundle(bytes(9 << 20)))
        assert machine.wait_for("the update was not received: ") == "no space left"
        machine.send_update("0" * 64, pack(image, "another").content)
        reason = machine.wait_for("boardinit: an update was refused: ")
        assert reason == "its content is not what its name says"
        machine.update(Bundle(b"not an archive"))
        reason = machine.wait_for("boardinit: an update was refused: ")
        assert reason == "it is not a bundle for this board"
        machine.update(pack(image))
        machine.wait_for("boardinit: already active: ")
        machine.step(REQUEST)
        after = machine.status()
        machine.power_off()
    assert after | {"steps": 0, "reason": ""} == before
    assert after["reason"] == f"an update was refused: {reason}"


def test_an_answer_without_an_agent_fails_with_its_name(workspace: Space, tmp_path: Path) -> None:
    image = read_image(workspace.root / "out/exports/plain/image")
    tried = replace(board(workspace, tmp_path, image), names=("forager", "nobody"))
    checks = {check.name: check for check in Trial(tried).run()}
    assert [checks[name].verdict for name in ("boots", "healthy")] == ["passed", "passed"]
    assert checks["steps"].verdict == "failed" and "the answer has no nobody" in checks["steps"].why
    assert checks["power cuts"].verdict == "not checked"


FLUSH = """    if (!error) error = sync_file(fd);
    close_file(fd);
    if (!error) error = rename_file(beside, path);
    return error ? error : sync_folder(folder);"""


def test_the_cuts_notice_a_record_that_is_not_flushed(workspace: Space, tmp_path: Path) -> None:
    """Otherwise the test above would prove nothing."""
    text = program.emit()
    assert FLUSH in text
    wrong = "    close_file(fd);\n    return error ? error : rename_file(beside, path);"
    files, tools = software(workspace, tmp_path, text.replace(FLUSH, wrong))
    image = read_image(workspace.root / "out/exports/plain/image")
    fill(tmp_path, image)
    hardware = Hardware(CORE, 256 << 20, OPTIONS)
    recording = record(tmp_path, image, hardware, files)
    tried = Board(hardware, files, image, REQUEST, ("forager",), tools, cuts=40, booted=0)
    with pytest.raises(BoardError, match="power cut after .* writes"):
        power_cuts.run(recording, tried)


def record(folder: Path, image: Image, hardware: Hardware, files: Software) -> Recording:
    """Record an update from the moment at which it is good."""
    second = pack(image, "again")
    new, log = folder / "new", folder / "log"
    shutil.copyfile(files.disk, new)
    with Machine(hardware, files, log) as machine:
        machine.wait_for("boardinit: healthy")
        machine.step(REQUEST)
        machine.update(second)
        machine.wait_for("boardinit: committed slot b")
        phase = Phase(log.stat().st_size, frozenset((second.digest,)), 1)
        machine.step(REQUEST)
        machine.power_off()
    return Recording(new, log, (phase,), bad_bundle(image).digest)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('package = "linux.deb"', 'package = "BUILD.toml"', "the file is not a Debian package"),
        ('profile = "raspberry-pi-5"', 'profile = "x86-64-generic"', "boards of arm64 are booted"),
    ],
)
def test_what_cannot_be_booted_is_refused_at_its_line(
    workspace: Space, tmp_path: Path, old: str, new: str, what: str
) -> None:
    other = Space(tmp_path / "w", workspace.cache)
    shutil.copytree(workspace.root / "models", other.root / "models")
    other.write("linux.deb", b"")
    other.write("BUILD.toml", (workspace.root / "BUILD.toml").read_text().replace(old, new))
    error = other.run("build", "//exports:board", code=2).err
    assert what in error and "BUILD.toml:" in error
