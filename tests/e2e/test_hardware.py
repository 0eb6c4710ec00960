"""`buildgraph hardware` as a person and a program use it; a table that it prints is a target that builds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.device_files import DEVICES, ORIN_SUPER, arm, jetson, tree, write
from tests.support.workspace import Space, space


@pytest.fixture
def here(tmp_path: Path) -> Space:
    """A folder that is no workspace: the verb needs none."""
    (tmp_path / "w").mkdir()
    return Space(tmp_path / "w", tmp_path / "cache")


def told(here: Space, *words: str, code: int = 0) -> dict[str, object]:
    """The one object that the verb prints for programs."""
    made: dict[str, object] = json.loads(here.run("hardware", *words, "--json", code=code).out)
    return made


def test_list_and_show(here: Space) -> None:
    table, micros = here.run("hardware", "list").out.split("\n\n")
    lines = table.splitlines()
    assert lines[0].split()[:3] == ["profile", "compiled", "for"]
    orin = next(line for line in lines if line.startswith("jetson-orin-nano-8g"))
    assert (
        orin.split()
        == "jetson-orin-nano-8g cortex_a78ae 6 8 GiB Ampere 8.7 NVIDIA Jetson Orin Nano".split()
    )
    boards = told(here, "list")["boards"]
    assert isinstance(boards, dict) and len(boards) == len(lines) - 1 >= 13
    cores = told(here, "list")["micros"]
    assert isinstance(cores, dict) and [
        line.split()[0] for line in micros.splitlines()[1:]
    ] == list(cores)
    assert (
        "  memory_mib   8192  [jetson-stats]"
        in here.run("hardware", "show", "jetson-orin-nano-8g").out
    )
    one = told(here, "show", "raspberry-pi-5")
    assert one["board"] == boards["raspberry-pi-5"] and "rpi-docs" in str(one["sources"])


def test_a_wrong_word_is_the_users_fault(here: Space) -> None:
    assert (
        "did you mean 'raspberry-pi-5'?"
        in here.run("hardware", "show", "rasberry-pi-5", code=2).err
    )
    assert "no profile is named" in here.run("hardware", "show", code=2).err
    assert "list takes no profile" in here.run("hardware", "list", "raspberry-pi-5", code=2).err
    assert "no folder 'nowhere'" in here.run("hardware", "detect", "--root", "nowhere", code=2).err


@pytest.mark.parametrize(
    "profile", ["jetson-nano", "jetson-orin-nx-16g", "raspberry-pi-zero-2w", "x86-64-v3"]
)
def test_what_is_detected_is_a_target(profile: str, tmp_path: Path) -> None:
    root = write(tmp_path / "device", DEVICES[profile])
    made = space(tmp_path, "")
    said = made.run("hardware", "detect", "--root", str(root)).out
    assert said.startswith(f"profile    {profile}\n")
    table = said[said.index("[hardware.device]") :]
    made.write("BUILD.toml", f"[workspace]\n\n{table}")
    assert made.run("query", "list", "//...").out.split() == ["//hardware:device"]
    assert made.run("build", "//hardware:device").code == 0
    mode = {"jetson-nano": 'power_mode = "MAXN"', "jetson-orin-nx-16g": 'power_mode = "40W"'}.get(
        profile
    )
    assert ("power_mode" in table) == bool(mode) and (mode or "") in table
    assert ("warning    memory cannot be limited" in said) == profile.startswith("raspberry")


def test_detect_for_programs(here: Space, tmp_path: Path) -> None:
    got = told(
        here, "detect", "--root", str(write(tmp_path / "device", DEVICES["jetson-orin-nano-8g"]))
    )
    assert isinstance(got["match"], dict) and got["match"]["profile"] == "jetson-orin-nano-8g"
    assert got["jetpack"] == "6.2" and isinstance(got["device"], dict)
    assert got["device"]["modes"] == {str(number): name for number, name in ORIN_SUPER.items()}


def test_what_the_catalogue_does_not_know_is_said(here: Space, tmp_path: Path) -> None:
    files = (
        tree("NVIDIA Jetson Orin NX", "nvidia,p3768-0000+p3767-0000", "nvidia,tegra234")
        | arm(8, 16018432, (0x41, 0xD42))
        | jetson(40, "1.0", {0: "MAXN_SUPER", 1: "60W"}, 1)
    )
    said = here.run("hardware", "detect", "--root", str(write(tmp_path / "device", files))).out
    assert "system     L4T 40.1.0, not a JetPack release in the catalogue" in said
    assert "power modes that the catalogue lacks: 60W" in said
    assert (
        "L4T 40.1.0 is not in the catalogue's list for this board: 36.2, 36.3, 36.4, 36.5, 39"
        in said
    )
    assert "not known  whether memory can be limited" in said and "power_mode" not in said


def test_no_profile_ends_with_1(here: Space, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = here.run("hardware", "detect", "--root", str(tmp_path / "empty"), code=1).out
    assert said.startswith(
        "profile    no match\nnot known  which board it is: there is no device tree"
    )
    assert "[hardware.device]" not in said
    assert told(here, "detect", "--root", str(tmp_path / "empty"), code=1)["jetpack"] == ""
