"""`--doctor`: each check passes on a machine that fits, and fails for its own reason."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rules.boards.board_file import board_file
from rules.hardware import hardware
from tests.support.device_files import DEVICES, cgroup_1
from tests.support.native_runs import built, scout
from tests.support.requirements import need
from tests.support.rule_context import ctx

pytestmark = pytest.mark.xdist_group("native-doctor")
ORIN, PI = "jetson-orin-nano-8g", "raspberry-pi-4b"
LIMIT_1 = "sys/fs/cgroup/memory/memory.limit_in_bytes"
LIMIT_2 = "sys/fs/cgroup/memory.max"
A53, A76 = (("aarch64-linux-musl", cpu) for cpu in ("cortex_a53", "cortex_a76"))
FOREIGN = {
    "qemu-aarch64-static": A53,
    "qemu-arm-static": ("arm-linux-musleabihf", "cortex_a7"),
    "qemu-riscv64-static": ("riscv64-linux-musl", "baseline_rv64"),
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program for any x86-64 processor."""
    folder = tmp_path_factory.mktemp("doctor")
    return built(scout(folder), folder / "program")


def device(folder: Path, files: Mapping[str, str]) -> str:
    """The system files of a device below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


def examined(
    program: Path, *words: str, run: Sequence[str] = ()
) -> tuple[int, dict[str, dict[str, Any]], dict[str, Any]]:
    """Exit code, checks by name, and the whole evidence."""
    done = subprocess.run(
        [*run, str(program), "--doctor", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    evidence = json.loads(done.stdout)
    assert list(evidence) == sorted(evidence) and evidence["gate"] == "doctor"
    assert all(list(check) == sorted(check) for check in evidence["checks"])
    verdicts = {check["verdict"] for check in evidence["checks"]}
    worst = next(word for word in ("failed", "not checked", "passed") if word in verdicts)
    assert evidence["verdict"] == worst
    assert done.returncode == {"failed": 1, "not checked": 3, "passed": 0}[worst]
    return done.returncode, {check["name"]: check for check in evidence["checks"]}, evidence


def written_board(folder: Path, profile: str, power_mode: str = "") -> str:
    """The file that images for a board have as /board."""
    folder.mkdir(exist_ok=True)
    path = folder / "board"
    path.write_text(board_file(hardware(ctx(), profile, power_mode)))
    return str(path)


def on(
    program: Path, folder: Path, files: Mapping[str, str], profile: str, *mode: str
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Examine a device as the export for a profile."""
    words = (
        "--board",
        written_board(folder, profile, *mode),
        "--root",
        device(folder / "root", files),
    )
    code, checks, evidence = examined(program, *words)
    assert evidence["profile"] == profile
    return code, checks


def test_a_board_that_fits_passes(program: Path, tmp_path: Path) -> None:
    files = DEVICES[ORIN] | {LIMIT_2: "67108864\n"}
    code, checks = on(program, tmp_path, files, ORIN, "25W")
    assert code == 0 and {check["verdict"] for check in checks.values()} == {"passed"}
    assert list(checks) == ["board", "core", "power mode", "memory limit", "clock"]
    assert checks["board"]["measured"].startswith("NVIDIA Jetson Orin Nano")
    assert checks["board"]["limit"] == ORIN and checks["power mode"]["measured"] == "25W"
    assert checks["memory limit"]["measured"] == 67108864
    assert checks["memory limit"]["limit"] == 7802880 << 10
    assert checks["board"]["on"] == "files below --root"
    assert checks["clock"]["on"] == checks["core"]["on"] == "this machine"


@pytest.mark.parametrize("profile", [name for name in DEVICES if not name.startswith("x86")])
def test_every_device_is_its_own_profile_and_no_other(
    program: Path, tmp_path: Path, profile: str
) -> None:
    assert on(program, tmp_path, DEVICES[profile], profile)[1]["board"]["verdict"] == "passed"
    other = ORIN if profile == PI else PI
    checks = on(program, tmp_path, DEVICES[profile], other)[1]
    assert checks["board"]["verdict"] == "failed"
    assert checks["board"]["why"] == "the device tree has another board"


def test_another_power_mode_fails_and_an_unknown_one_is_not_checked(
    program: Path, tmp_path: Path
) -> None:
    files = DEVICES[ORIN] | {LIMIT_2: "67108864\n"}
    code, checks = on(program, tmp_path, files, ORIN, "15W")
    assert code == 1 and checks["power mode"]["verdict"] == "failed"
    assert (checks["power mode"]["measured"], checks["power mode"]["limit"]) == ("25W", "15W")
    del files["etc/nvpmodel.conf"]
    code, checks = on(program, tmp_path / "b", files, ORIN, "15W")
    assert code == 3 and checks["power mode"]["verdict"] == "not checked"
    assert "mount /etc/nvpmodel.conf" in checks["power mode"]["fix"]


@pytest.mark.parametrize(
    ("files", "verdict", "why"),
    [
        (cgroup_1(1) | {LIMIT_1: "67108864\n"}, "passed", None),
        (cgroup_1(1) | {LIMIT_1: "9223372036854771712\n"}, "not checked", "no limit is set"),
        (cgroup_1(0), "failed", "no memory controller, so no limit is enforced"),
        ({"sys/fs/cgroup/cgroup.controllers": "cpu io pids\n"}, "failed", "no memory controller"),
        ({LIMIT_2: "max\n"}, "not checked", "no limit is set"),
        ({LIMIT_2: "99999999999\n"}, "failed", "above the memory of this machine"),
        (
            {
                "proc/self/cgroup": "0::/system.slice/agent.service\n",
                "sys/fs/cgroup/system.slice/agent.service/memory.max": "33554432\n",
            },
            "passed",
            None,
        ),
    ],
)
def test_the_memory_limit(
    program: Path, tmp_path: Path, files: dict[str, str], verdict: str, why: str | None
) -> None:
    plain = {name: text for name, text in DEVICES[ORIN].items() if "cgroup" not in name}
    if "proc/cgroups" not in files:
        plain["sys/fs/cgroup/cgroup.controllers"] = "cpu io memory pids\n"
    check = on(program, tmp_path, plain | files, ORIN)[1]["memory limit"]
    assert check["verdict"] == verdict and (why is None or why in check["why"])


def test_without_files_nothing_is_guessed(program: Path, tmp_path: Path) -> None:
    code, checks = on(program, tmp_path, {"proc/empty": ""}, ORIN, "15W")
    assert code == 3
    unknown = [name for name, check in checks.items() if check["verdict"] == "not checked"]
    assert unknown == ["board", "power mode", "memory limit"]
    assert "systempaths=unconfined" in checks["board"]["fix"]


def test_without_a_board_file_and_for_a_kind_of_machine(program: Path, tmp_path: Path) -> None:
    code, checks, _ = examined(program, "--board", str(tmp_path / "none"))
    assert code == 3 and checks["board"]["fix"] == "give --board FILE"
    assert "board" not in on(program, tmp_path, {"proc/empty": ""}, "x86-64-generic")[1]


def test_the_state_needs_its_room(program: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    check = examined(program, "--state", state)[1]["free space"]
    assert check["verdict"] == "passed" and check["measured"] > check["limit"] > 0
    code, checks, _ = examined(program, "--state", str(tmp_path / "absent/state"))
    assert code == 1 and checks["free space"]["why"] == "there is no such folder"
    assert not (tmp_path / "state").exists()


def test_a_full_file_system_has_no_room(program: Path, tmp_path: Path) -> None:
    script = (
        f"mount -t tmpfs -o size=4k none {tmp_path} && cat /dev/zero > {tmp_path}/full 2>&-; "
        f"exec {program} --doctor --state {tmp_path}/state"
    )
    run = (need("unshare"), "--user", "--map-root-user", "--mount", "sh", "-c")
    done = subprocess.run([*run, script], capture_output=True, text=True, timeout=60, check=False)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["free space"]["why"] == "there is no room for the state"
    assert done.returncode == 1 and checks["free space"]["measured"] == 0


def test_a_clock_that_was_not_set_fails(program: Path) -> None:
    inject = ("-e", "trace=clock_gettime", "-e", "inject=clock_gettime:error=EINVAL")
    checks = examined(program, run=(need("strace"), "-qq", "-o", "/dev/null", *inject))[1]
    assert checks["clock"]["verdict"] == "failed" and checks["clock"]["measured"] == 0
    assert checks["clock"]["why"] == "the clock was not set"


@pytest.mark.parametrize("emulator", FOREIGN)
def test_foreign_programs_report_the_same(
    program: Path, emulator: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    foreign = built(
        scout(tmp_path_factory.mktemp("foreign")), tmp_path / "foreign", target=FOREIGN[emulator]
    )
    files = {name: text for name, text in DEVICES[PI].items() if "cgroup" not in name}
    root = device(tmp_path / "root", files | cgroup_1(1) | {LIMIT_1: "4194304\n"})
    words = ("--board", written_board(tmp_path, PI), "--root", root, "--state", str(tmp_path / "s"))
    own, other = (
        examined(foreign, *words, run=(need(emulator),))[1],
        examined(program, *words)[1],
    )
    assert {name: check["verdict"] for name, check in own.items()} == dict.fromkeys(other, "passed")
    for name in ("board", "memory limit"):
        assert own[name] == other[name]


def test_the_wrong_core_is_named_with_what_it_lacks(tmp_path: Path) -> None:
    program = built(scout(tmp_path), tmp_path / "a76", target=A76)
    emulator = need("qemu-aarch64-static")
    fits = examined(program, run=(emulator, "-cpu", "cortex-a76"))[1]["core"]
    assert fits["verdict"] == "passed" and fits["measured"] == fits["limit"]
    code, checks, _ = examined(program, run=(emulator, "-cpu", "cortex-a53"))
    assert code == 1 and checks["core"]["verdict"] == "failed"
    assert {"atomics", "asimddp"} <= set(checks["core"]["why"].split())
    assert checks["core"]["measured"] < checks["core"]["limit"]


def test_hostile_files_cannot_break_the_json(program: Path, tmp_path: Path) -> None:
    files = DEVICES[ORIN] | {
        "proc/device-tree/model": '"},\x01\\ \x7f"\n' * 40,
        "proc/device-tree/compatible": '"\0' * 2000,
        "etc/nvpmodel.conf": "< POWER_MODEL ID=1 NAME=" + '"' * 70000,
        "proc/cgroups": "memory " * 4000,
        "sys/fs/cgroup/cgroup.controllers": "memory",
        LIMIT_2: "9" * 400,
    }
    code, _ = on(program, tmp_path, files, ORIN, "15W")
    assert code == 1


@pytest.mark.parametrize("words", [("--root",), ("--what", "x"), ("x",)])
def test_other_words_are_usage_errors(program: Path, words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [program, "--doctor", *words], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 2 and b"--doctor" in done.stderr
