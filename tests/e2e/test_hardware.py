"""`buildgraph hardware` as text and as JSON; the table that it prints is a valid target."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.device_files import DEVICES, ORIN_SUPER, arm, jetson, tree, write
from tests.support.workspace import Space, space


@pytest.fixture
def folder(tmp_path: Path) -> Space:
    """A folder without a workspace, because the verb does not need one."""
    (tmp_path / "w").mkdir()
    return Space(tmp_path / "w", tmp_path / "cache")


def answer(folder: Space, *words: str, code: int = 0) -> dict[str, object]:
    """Run the verb with `--json` and parse its answer."""
    result: dict[str, object] = json.loads(folder.run("hardware", *words, "--json", code=code).out)
    return result


def test_list_and_show(folder: Space) -> None:
    table, micros = folder.run("hardware", "list").out.split("\n\n")
    lines = table.splitlines()
    assert lines[0].split()[:3] == ["profile", "compiled", "for"]
    orin = next(line for line in lines if line.startswith("jetson-orin-nano-8g"))
    assert (
        orin.split()
        == "jetson-orin-nano-8g cortex_a78ae 6 8 GiB Ampere 8.7 NVIDIA Jetson Orin Nano".split()
    )
    boards = answer(folder, "list")["boards"]
    assert isinstance(boards, dict) and len(boards) == len(lines) - 1 >= 13
    cores = answer(folder, "list")["micros"]
    assert isinstance(cores, dict) and [
        line.split()[0] for line in micros.splitlines()[1:]
    ] == list(cores)
    assert (
        "  memory_mib    8192  [jetson-stats]"
        in folder.run("hardware", "show", "jetson-orin-nano-8g").out
    )
    board = answer(folder, "show", "raspberry-pi-5")
    assert board["board"] == boards["raspberry-pi-5"] and "rpi-docs" in str(board["sources"])


def test_a_wrong_argument_is_a_usage_error(folder: Space) -> None:
    assert (
        "did you mean 'raspberry-pi-5'?"
        in folder.run("hardware", "show", "rasberry-pi-5", code=2).err
    )
    assert "no profile is named" in folder.run("hardware", "show", code=2).err
    assert "list takes no profile" in folder.run("hardware", "list", "raspberry-pi-5", code=2).err
    assert (
        "no folder 'nowhere'" in folder.run("hardware", "detect", "--root", "nowhere", code=2).err
    )


@pytest.mark.parametrize(
    "profile", ["jetson-nano", "jetson-orin-nx-16g", "raspberry-pi-zero-2w", "x86-64-v3"]
)
def test_the_detected_table_is_a_valid_target(profile: str, tmp_path: Path) -> None:
    root = write(tmp_path / "device", DEVICES[profile])
    workspace = space(tmp_path, "")
    text = workspace.run("hardware", "detect", "--root", str(root)).out
    assert text.startswith(f"profile    {profile}\n")
    table = text[text.index("[hardware.device]") :]
    workspace.write("BUILD.toml", f"[workspace]\n\n{table}")
    assert workspace.run("query", "list", "//...").out.split() == ["//hardware:device"]
    assert workspace.run("build", "//hardware:device").code == 0
    mode = {"jetson-nano": 'power_mode = "MAXN"', "jetson-orin-nx-16g": 'power_mode = "40W"'}.get(
        profile
    )
    assert ("power_mode" in table) == bool(mode) and (mode or "") in table
    assert ("warning    memory cannot be limited" in text) == profile.startswith("raspberry")


def test_detect_in_json(folder: Space, tmp_path: Path) -> None:
    detected = answer(
        folder, "detect", "--root", str(write(tmp_path / "device", DEVICES["jetson-orin-nano-8g"]))
    )
    assert (
        isinstance(detected["match"], dict)
        and detected["match"]["profile"] == "jetson-orin-nano-8g"
    )
    assert detected["jetpack"] == "6.2" and isinstance(detected["device"], dict)
    assert detected["device"]["modes"] == {str(number): name for number, name in ORIN_SUPER.items()}


def test_facts_missing_from_the_catalogue_are_reported(folder: Space, tmp_path: Path) -> None:
    files = (
        tree("NVIDIA Jetson Orin NX", "nvidia,p3768-0000+p3767-0000", "nvidia,tegra234")
        | arm(8, 16018432, (0x41, 0xD42))
        | jetson(40, "1.0", {0: "MAXN_SUPER", 1: "60W"}, 1)
    )
    text = folder.run("hardware", "detect", "--root", str(write(tmp_path / "device", files))).out
    assert "system     L4T 40.1.0, not a JetPack release in the catalogue" in text
    assert "power modes that the catalogue lacks: 60W" in text
    assert (
        "L4T 40.1.0 is not in the catalogue's list for this board: 35, 36.2, 36.3, 36.4, 36.5, 39"
        in text
    )
    assert "not known  whether memory can be limited" in text and "power_mode" not in text


def test_without_a_profile_the_exit_code_is_1(folder: Space, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    text = folder.run("hardware", "detect", "--root", str(tmp_path / "empty"), code=1).out
    assert text.startswith(
        "profile    no match\nnot known  which board it is: there is no device tree"
    )
    assert "[hardware.device]" not in text
    assert answer(folder, "detect", "--root", str(tmp_path / "empty"), code=1)["jetpack"] == ""


BOARDS = """
[hardware.orange]
rule = "hardware"
cpu = "cortex-a7"
memory = "1GiB"

[hardware.nano]
rule = "hardware"
profile = "jetson-nano"
power_mode = "5W"
memory_cgroup = false

[bases.debian]
rule = "base_image"
image = "docker.io/library/debian@sha256:DIGEST"
""".replace("DIGEST", "0" * 64)


def test_a_board_of_the_workspace_is_shown_as_exports_read_it(tmp_path: Path) -> None:
    workspace = space(tmp_path, f"[workspace]\n{BOARDS}")
    lines = workspace.run("hardware", "show", "//hardware:orange").out.splitlines()
    rows = {line.split()[0]: line.split()[1:3] for line in lines[1:]}
    assert lines[0] == "//hardware:orange"
    assert rows["triple"] == ["arm-linux-musleabihf", "input"]
    assert rows["memory"] == ["1GiB", "limit"] and rows["reserved"] == ["128MiB", "limit"]
    assert rows["clock_mhz"][0] == "unknown" and rows["power_mode"][0] == "none"
    text = workspace.run("hardware", "show", "//hardware:nano").out
    assert "  clock_mhz      918 " in text and "  memory_cgroup  false" in text
    shown = answer(workspace, "show", "//hardware:nano")
    assert isinstance(shown["hardware"], dict) and isinstance(shown["facts"], list)
    assert shown["target"] == "//hardware:nano" and shown["hardware"]["cores"] == 2
    assert [fact["hardware"] for fact in shown["facts"]] == list(shown["hardware"])


def test_only_a_board_of_the_workspace_can_be_shown(tmp_path: Path) -> None:
    workspace = space(tmp_path, f"[workspace]\n{BOARDS}")
    assert "names 0 boards" in workspace.run("hardware", "show", "//bases:debian", code=2).err
    assert "names 2 boards" in workspace.run("hardware", "show", "//hardware:all", code=2).err
    assert "no target" in workspace.run("hardware", "show", "//hardware:other", code=2).err


@pytest.mark.parametrize("profile", ["raspberry-pi-5", "jetson-orin-nano-8g", "visionfive-2"])
def test_list_show_and_detect_agree(profile: str, folder: Space, tmp_path: Path) -> None:
    row = next(
        line.split()
        for line in folder.run("hardware", "list").out.splitlines()
        if line.split()[:1] == [profile]
    )
    board = answer(folder, "show", profile)["board"]
    assert isinstance(board, dict) and row[1:3] == [board["core"]["cpu"], str(board["cores"])]
    root = write(tmp_path / "device", DEVICES[profile])
    text = folder.run("hardware", "detect", "--root", str(root)).out
    workspace = space(tmp_path / "other", "")
    workspace.write("BUILD.toml", f"[workspace]\n\n{text[text.index('[hardware.device]') :]}")
    shown = answer(workspace, "show", "//hardware:device")["hardware"]
    assert isinstance(shown, dict) and shown["cpu"] == row[1] and str(shown["cores"]) == row[2]
    assert shown["memory"] == board["memory_mib"] << 20
