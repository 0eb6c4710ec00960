"""The gate `static` of exports, and the gates that an export requires, in real builds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ociimage import layout as oci, tar

from tests.support.elf_files import elf_file
from tests.support.workspace import Space

pytestmark = pytest.mark.slow
TABLES = """
[bases.planted]
rule = "base_image"
image = "registry.example.org/planted@%s"
layout = ["planted/**"]

[checks.page]
rule = "gate"
inputs = { page = "page.txt" }
argv = ["grep", "-q", "ready", "{page}"]

[checks.types]
rule = "mypy"
srcs = ["app.py"]
args = ["--strict"]

[checks.style]
rule = "flake8"
srcs = ["app.py"]

[exports.based]
rule = "export"
coalition = "//coalitions:foragers"
hardware = "//hardware:x86"
base = "//bases:planted"
"""
ENTRIES = [
    tar.Entry("bin", "directory", 0o755),
    tar.Entry("bin/sh", mode=0o755, source=b"#!/bin/echo\n"),
    tar.Entry("bin/tool", mode=0o4755, source=elf_file("amd64", ["libz.so.1"])),
]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The starter workspace with an export on a base image with planted errors."""
    folder = tmp_path_factory.mktemp("static")
    space = Space(folder / "w", folder / "cache")
    space.root.mkdir()
    space.run("init")
    space.write("page.txt", "ready")
    space.write("app.py", "LIMIT: int = 1\n")
    layer = oci.write_layer(space.root / "planted", "files", ENTRIES)
    config = {"architecture": "amd64", "os": "linux", "config": {}}
    image = oci.write_image(space.root / "planted", config, (layer,), {})
    text = (space.root / "BUILD.toml").read_text()
    space.write("BUILD.toml", text + TABLES % image.manifest.digest)
    return space


def declare(space: Space, *lines: str) -> None:
    """Add lines to the table of the export."""
    text = (space.root / "BUILD.toml").read_text().partition("# more\n")[0]
    space.write("BUILD.toml", "".join([text, "# more\n", *(f"{line}\n" for line in lines)]))


def checks(space: Space) -> dict[str, dict[str, Any]]:
    path = space.root / ".buildgraph/gates/exports/based/static.json"
    return {check["name"]: check for check in json.loads(path.read_text())["checks"]}


def test_each_planted_fault_is_found_and_an_exception_is_shown(ready: Space) -> None:
    declare(ready)
    ran = ready.run("test", "//exports:based", code=1)
    assert {name for name, check in checks(ready).items() if check["verdict"] == "failed"} == {
        "shell",
        "setuid",
        "libraries",
        "sbom",
    }
    for text in ("shells: bin/sh", "setuid or setgid files: bin/tool", "bin/tool: libz.so.1"):
        assert text in ran.err
    assert (ready.root / "out/exports/based/image/index.json").is_file()
    declare(ready, 'allow = ["shell", "setuid", "libraries", "sbom"]')
    again = ready.build("//exports:based")
    assert again.titles() == ["check the image"]
    assert checks(ready)["shell"]["why"] == 'allowed by allow = ["shell"]: shells: bin/sh'


def test_gates_of_other_targets_are_required_by_an_export(ready: Space) -> None:
    allow = 'allow = ["shell", "setuid", "libraries", "sbom"]'
    declare(ready, allow, 'gates = ["//checks:page"]', 'required = ["emulation", "static"]')
    passed = ready.run("build", "//exports:based")
    assert "passed       //checks:page, emulation, fitness, model, static" in passed.out
    assert "nothing changed" in ready.run("build", "//exports:based").out
    ready.write("page.txt", "not yet")
    failed = ready.run("build", "//exports:based", code=1)
    assert "failed       //checks:page: its log is printed above" in failed.out
    ready.write("page.txt", "ready")


def test_quality_gates_are_required_by_an_export(ready: Space) -> None:
    """One passes and one fails: the image is built, and the export fails for that gate alone."""
    allow = 'allow = ["shell", "setuid", "libraries", "sbom"]'
    declare(ready, allow, 'gates = ["//checks:types", "//checks:style"]')
    passed = ready.run("build", "//exports:based")
    assert "passed       //checks:style, //checks:types," in passed.out
    image = (ready.root / "out/exports/based/image/index.json").read_bytes()
    ready.write("app.py", 'LIMIT: int = "1"\n')
    failed = ready.run("build", "--json", "//exports:based", code=1)
    verdicts = {event["gate"]: event["verdict"] for event in failed.events if "gate" in event}
    assert [gate for gate, verdict in verdicts.items() if verdict == "failed"] == ["//checks:types"]
    assert verdicts["//checks:style"] == "passed"
    (log,) = [event["log"] for event in failed.events if event["event"] == "failed"]
    assert "app.py:1:14: error: Incompatible types in assignment" in log
    assert set(failed.titles()) == {"flake8 style"}
    assert (ready.root / "out/exports/based/image/index.json").read_bytes() == image
    ready.write("app.py", "LIMIT: int = 1\n")


@pytest.mark.parametrize(
    ("line", "what", "help_"),
    [
        ('required = ["emulaton"]', "'emulaton' is no gate of this export", "'emulation'"),
        ('allow = ["shells"]', "'shells' is no check of the gate static", "'shell'"),
        ('gates = ["//bases:planted"]', "a target of `gates` has no gate", "such as `gate`"),
        ('gates = ["//checks:pag"]', "no target //checks:pag", "//checks:page"),
    ],
)
def test_unknown_names_are_refused_before_anything_is_built(
    ready: Space, line: str, what: str, help_: str
) -> None:
    declare(ready, line)
    ran = ready.run("build", "//exports:based", code=2)
    assert what in ran.err and help_ in ran.err and "[1/" not in ran.err
    number = (ready.root / "BUILD.toml").read_text().split("\n").index(line) + 1
    assert f"--> BUILD.toml:{number}:" in ran.err
