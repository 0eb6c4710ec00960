"""Static checks: an image that is ready passes, and each planted error fails for its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import check_image
import pytest
from ociimage.tar import Entry
from readiness.image_files import UnreadableImage, load_image
from readiness.static_image import Board, checks

from tests.support.elf_files import elf_file
from tests.support.planted_images import config, plant

BOARD = Board("arm64", "v8", "cortex_a76")
PEM = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n"


def program(path: str, mode: int = 0o755, **facts: Any) -> Entry:
    return Entry(path, mode=mode, source=elf_file(**{"arch": "arm64", **facts}))


def text(path: str, content: str = "", mode: int = 0o644) -> Entry:
    return Entry(path, mode=mode, source=content.encode())


DEBIAN = [
    text("var/lib/dpkg/status", "Package: tool\nVersion: 1.2\nStatus: install ok installed\n"),
    text("var/lib/dpkg/info/tool.list", "/.\n/usr\n/usr/lib/tool\n"),
    text("usr/share/doc/tool/copyright", "License: MIT\n"),
    program("usr/lib/tool"),
]


def failed(
    folder: Path,
    *layers: list[Entry],
    settings: dict[str, Any] | None = None,
    board: Board = BOARD,
    allow: tuple[str, ...] = (),
) -> dict[str, str]:
    results = checks(load_image(plant(folder, *layers, settings=settings)), board, allow)
    return {check.name: check.why for check in results if check.verdict != "passed"}


def test_a_ready_image_passes_every_check(tmp_path: Path) -> None:
    results = checks(load_image(plant(tmp_path, DEBIAN)), BOARD, ())
    assert {check.verdict for check in results} == {"passed"} and len(results) == 16
    measured = {check.name: check.measured for check in results}
    assert measured["sbom"] == ["tool 1.2"] and measured["platform"] == "linux/arm64/v8"


PLANTED = {
    "wrong arch": ([program("usr/lib/tool", arch="amd64")], "machine", "usr/lib/tool (amd64)"),
    "missing library": (
        [program("usr/lib/tool", needed=["libz.so.1"])],
        "libraries",
        "libraries that the image lacks: usr/lib/tool: libz.so.1",
    ),
    "library of another processor": (
        [
            program("usr/lib/tool", needed=["libz.so.1"], runpath="$ORIGIN/x"),
            text("usr/lib/x/libz.so.1", "no library"),
        ],
        "libraries",
        "libz.so.1",
    ),
    "no loader": (
        [program("usr/lib/tool", interpreter="/lib/ld-linux-aarch64.so.1")],
        "libraries",
        "/lib/ld-linux-aarch64.so.1",
    ),
    "setuid": ([text("usr/bin/su", mode=0o4755)], "setuid", "setuid or setgid files: usr/bin/su"),
    "setgid": ([text("usr/bin/wall", mode=0o2755)], "setuid", "usr/bin/wall"),
    "writable": ([text("etc/motd", mode=0o666)], "writable", "etc/motd"),
    "shell": ([text("bin/sh", mode=0o755)], "shell", "shells: bin/sh"),
    "shell by a link": (
        [Entry("bin/ash", "symlink", 0o777, target="/usr/lib/tool")],
        "shell",
        "bin/ash",
    ),
    "package manager": ([text("usr/bin/apt-get", mode=0o755)], "package-manager", "apt-get"),
    "private key": ([Entry("opt/page.txt", source=PEM)], "secrets", "opt/page.txt: private key"),
    "token": ([text("etc/conf", "token=ghp_" + "a1" * 18)], "secrets", "token of GitHub"),
    "file of credentials": (
        [text("root/.netrc", "machine a")],
        "secrets",
        "root/.netrc: the name of a file of credentials",
    ),
    "binary of no package": ([program("opt/other")], "sbom", "binaries of no package: opt/other"),
    "no licence": (
        [text("usr/share/doc/tool/.wh.copyright")],
        "licences",
        "packages without a licence: tool",
    ),
}


@pytest.mark.parametrize("case", PLANTED)
def test_each_planted_file_fails_for_its_reason(case: str, tmp_path: Path) -> None:
    layer, name, why = PLANTED[case]
    result = failed(tmp_path, DEBIAN, layer)
    assert list(result) == [name] and why in result[name]
    allow = () if name == "machine" else (name,)
    assert list(failed(tmp_path / "allowed", DEBIAN, layer, allow=allow)) == (
        [name] if name == "machine" else []
    )


def test_an_exception_is_shown_as_such(tmp_path: Path) -> None:
    layer = [text("bin/sh", mode=0o755)]
    (shell,) = (
        check
        for check in checks(load_image(plant(tmp_path, layer)), BOARD, ["shell"])
        if check.name == "shell"
    )
    assert (shell.verdict, shell.key) == ("passed", "allow")
    assert shell.why == 'allowed by allow = ["shell"]: shells: bin/sh'
    assert shell.measured == ["bin/sh"]


@pytest.mark.parametrize(
    ("settings", "name", "why"),
    [
        (config() | {"architecture": "amd64"}, "platform", "the image says linux/amd64/v8"),
        (config() | {"variant": "v9"}, "platform", "the image says linux/arm64/v9"),
        (config(User="0:0"), "user", "the image runs as the superuser"),
        (config(User=""), "user", "the image runs as the superuser"),
        (config(Healthcheck={"Test": ["NONE"]}), "healthcheck", "the image has no health check"),
        (config(Healthcheck={"Test": ["CMD-SHELL", "x"]}), "healthcheck", "needs a shell"),
        (config(Healthcheck={"Test": ["CMD", "/no"]}), "healthcheck", "which is no program"),
        (config(StopSignal="SIGUSR1"), "stop-signal", "the program does not end on SIGUSR1"),
        (config(Env=["DB_PASSWORD=x"]), "secrets", "secrets: variable DB_PASSWORD"),
    ],
)
def test_each_setting_fails_for_its_reason(
    settings: dict[str, Any], name: str, why: str, tmp_path: Path
) -> None:
    result = failed(tmp_path, settings=settings)
    assert list(result) == [name] and why in result[name]


def test_the_level_of_the_instruction_set_is_that_of_the_board(tmp_path: Path) -> None:
    settings = config() | {"architecture": "amd64", "variant": ""}
    layer = [program("agent2", arch="amd64", isa=3)]
    for cpu, names in (("x86_64_v2", ["instruction-set"]), ("x86_64_v3", []), ("zen4", [])):
        board = Board("amd64", "", cpu)
        result = failed(tmp_path / cpu, layer, settings=settings, board=board, allow=("sbom",))
        assert [name for name in result if name != "machine"] == names


def test_paths_of_the_build_machine_are_searched_in_the_layer_of_the_build(tmp_path: Path) -> None:
    layer = [text("etc/example", "see /home/alice/work/agent.c")]
    assert failed(tmp_path / "below", layer) == {}
    content = load_image(plant(tmp_path / "above", layer))
    content.host_paths.append("agent: /home/alice/work/agent.c")
    (check,) = (one for one in checks(content, BOARD, ()) if one.verdict == "failed")
    assert check.name == "host-paths" and "/home/alice/work/agent.c" in check.why


def test_a_file_that_a_higher_layer_removes_is_gone_but_its_secret_is_not(tmp_path: Path) -> None:
    layer = [text("usr/bin/su", mode=0o4755), Entry("opt/key", source=PEM)]
    above = [text("usr/bin/.wh.su"), text("opt/.wh..wh..opq")]
    assert list(failed(tmp_path / "a", layer, above)) == ["secrets"]
    layer = [Entry("opt", "directory", 0o755), text("opt/su", mode=0o4755)]
    assert failed(tmp_path / "b", layer, [text("opt", "a file now")]) == {}


def test_links_lead_to_libraries_of_merged_systems(tmp_path: Path) -> None:
    layer = [
        Entry("lib", "symlink", 0o777, target="usr/lib"),
        Entry("usr/lib/libz.so.1", "symlink", 0o777, target="../../usr/lib/./libz.so.1.2"),
        program("usr/lib/libz.so.1.2"),
        program("usr/bin/tool", needed=["libz.so.1"], interpreter="/lib/libz.so.1.2"),
    ]
    assert failed(tmp_path, layer, allow=("sbom",)) == {}
    loop = [Entry("lib", "symlink", 0o777, target="lib")]
    assert "libraries" in failed(tmp_path / "loop", loop, [program("x", interpreter="/lib/a")])


def test_a_layer_that_is_not_read_here_leaves_the_gate_unchecked(tmp_path: Path) -> None:
    image = plant(tmp_path)
    manifest = json.loads((image / "index.json").read_text())["manifests"][0]["digest"]
    document = json.loads((image / "blobs" / manifest.replace(":", "/")).read_text())
    blob = image / "blobs" / document["layers"][0]["digest"].replace(":", "/")
    for data, why in ((b"\x28\xb5\x2f\xfd" + bytes(9), "zstd"), (b"\x1f\x8bxxxxxxxxx", "no tar")):
        blob.write_bytes(data)
        with pytest.raises(UnreadableImage, match=why):
            load_image(image)
    words = ["--image", str(image), "--arch", "arm64", "--cpu", "x", "--out", str(tmp_path / "e")]
    assert check_image.main(words) == 0
    assert json.loads((tmp_path / "e").read_text())["verdict"] == "not checked"
