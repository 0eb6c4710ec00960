"""Unusual names and kinds of files, among the sources or at paths of buildgraph's own folders."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.workspace import Ran, Space, space

TOML = """
[workspace]
name = "w"

[made]
rule = "command"
inputs = { text = "in.txt" }
outputs = { o = "o.txt" }
argv = ["cp", "{text}", "{o}"]

[files]
rule = "files"
srcs = ["**/*.txt"]
"""


def workspace_in(folder: Path) -> Space:
    """A workspace with one source."""
    of = space(folder, TOML)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    of.write("in.txt", "text")
    of.write("other.txt", "text")
    return of


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


# The kind of a source, with the function that creates it, and the message.
KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "is not a file or a folder"),
    "socket": (a_socket, "is not a file or a folder"),
    "folder": (Path.mkdir, "is not a regular file"),
    "circle": (lambda path: path.symlink_to(path.name), "circle"),
    "link to nothing": (lambda path: path.symlink_to("nowhere"), "is a link to nothing"),
    "link out": (lambda path: path.symlink_to("/etc/hostname"), "is a link out of the workspace"),
}


@pytest.mark.parametrize("when", ["first", "later", "clone"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_is_not_a_file(
    tmp_path: Path, kind: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported at its location by a first build, an incremental build, and a clone."""
    of, (make, message) = workspace_in(tmp_path), KINDS[kind]
    monkeypatch.chdir(of.root)
    if when != "first":
        of.run("build", "//...")
        time.sleep(0.2)
        of.run("build", "//...")
    if when == "clone":
        for folder in ("out", ".buildgraph"):
            shutil.rmtree(of.root / folder)
    (of.root / "in.txt").unlink()
    make(of.root / "in.txt")
    done = of.run("build", "//...", code=2)
    assert "'in.txt'" in done.err and message in done.err and "--> BUILD.toml:" in done.err, (
        done.err
    )


NAMES = [
    "-rf.txt",
    " .txt",
    "{o}.txt",
    "%s.txt",
    "$(id).txt",
    "n" * 251 + ".txt",
    "/".join(["d" * 200] * 15) + "/x.txt",
    "e\u0301.txt",
    "'\".txt",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_an_unusual_name(tmp_path: Path, name: str) -> None:
    """It is treated like any other name."""
    of = workspace_in(tmp_path)
    of.write(name, "odd")
    of.run("build", "//...")
    assert (of.root / "out/files/tree" / name).read_text() == "odd"


@pytest.mark.parametrize(
    "name", [b"\xff.txt", b"a\nb.txt", b"\033[31m.txt", "\u202e.txt".encode()], ids=ascii
)
def test_an_unprintable_name(tmp_path: Path, name: bytes) -> None:
    """It is refused at its location, as for outputs. Messages of REAPI contain UTF-8 only."""
    of = workspace_in(tmp_path)
    os.close(os.open(os.fsencode(of.root) + b"/" + name, os.O_CREAT))
    done = of.run("build", "//...", code=2)
    assert (
        "is not a printable UTF-8 name" in done.err
        and "--> BUILD.toml:" in done.err
        and "\033" not in done.err
    )


def build_with_obstacle(of: Space, make: Callable[[Path], object], name: str) -> Ran:
    """Run a build with an obstacle at the path of one of its folders."""
    make(of.root / name)
    return of.run("build", "//...", code=30)


@pytest.mark.parametrize("name", ["out", ".buildgraph"])
def test_a_file_at_the_path_of_a_folder(tmp_path: Path, name: str) -> None:
    """It belongs to the user, and stays."""
    of = workspace_in(tmp_path)
    done = build_with_obstacle(of, Path.touch, name)
    assert (
        f"{name} cannot be made: something is in the way" in done.err and (of.root / name).is_file()
    )


def test_out_is_a_link(tmp_path: Path) -> None:
    """Links in it would be written outside of the workspace."""
    (tmp_path / "elsewhere").mkdir()
    done = build_with_obstacle(
        workspace_in(tmp_path), lambda path: path.symlink_to(tmp_path / "elsewhere"), "out"
    )
    assert "out is a link" in done.err and not list((tmp_path / "elsewhere").iterdir())


def test_links_in_a_circle(tmp_path: Path) -> None:
    """A glob follows no link to a folder that it is in."""
    of = workspace_in(tmp_path)
    of.write("a/b/x.txt", "x")
    (of.root / "a/b/up").symlink_to("../..")
    (of.root / "self").symlink_to(".")
    of.run("build", "//...")
    assert sorted(path.name for path in (of.root / "out/files/tree").rglob("*.txt")) == [
        "in.txt",
        "other.txt",
        "x.txt",
    ]
