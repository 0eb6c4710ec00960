"""What people have in their folders: names and kinds of files that no build expects, in the way of it or among its sources."""

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


def began(folder: Path) -> Space:
    """A workspace with one source."""
    of = space(folder, TOML)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    of.write("in.txt", "text")
    of.write("other.txt", "text")
    return of


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


KINDS: dict[
    str, tuple[Callable[[Path], object], str]
] = {  # what a source becomes, and what is said
    "pipe": (os.mkfifo, "is not a file or a folder"),
    "socket": (a_socket, "is not a file or a folder"),
    "folder": (Path.mkdir, "is not a regular file"),
    "circle": (lambda path: path.symlink_to(path.name), "circle"),
    "link to nothing": (lambda path: path.symlink_to("nowhere"), "is a link to nothing"),
    "link out": (lambda path: path.symlink_to("/etc/hostname"), "is a link out of the workspace"),
}


@pytest.mark.parametrize("when", ["first", "later", "clone"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_is_no_file(
    tmp_path: Path, kind: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told at its place, whether the build knows nothing, goes on from the last one, or knows the BUILD.toml by content."""
    of, (make, said) = began(tmp_path), KINDS[kind]
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
    assert "'in.txt'" in done.err and said in done.err and "--> BUILD.toml:" in done.err, done.err


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
def test_a_name_that_is_odd(tmp_path: Path, name: str) -> None:
    """Is a name like any other."""
    of = began(tmp_path)
    of.write(name, "odd")
    of.run("build", "//...")
    assert (of.root / "out/files/tree" / name).read_text() == "odd"


@pytest.mark.parametrize(
    "name", [b"\xff.txt", b"a\nb.txt", b"\033[31m.txt", "\u202e.txt".encode()], ids=ascii
)
def test_a_name_that_cannot_be_shown(tmp_path: Path, name: bytes) -> None:
    """Is refused where it is found, as for outputs; what is no UTF-8 has no place in a message of REAPI."""
    of = began(tmp_path)
    os.close(os.open(os.fsencode(of.root) + b"/" + name, os.O_CREAT))
    done = of.run("build", "//...", code=2)
    assert (
        "is no printable UTF-8 name" in done.err
        and "--> BUILD.toml:" in done.err
        and "\033" not in done.err
    )


def in_the_way(of: Space, make: Callable[[Path], object], name: str) -> Ran:
    """A build that finds something where its own folders should stand."""
    make(of.root / name)
    return of.run("build", "//...", code=30)


@pytest.mark.parametrize("name", ["out", ".buildgraph"])
def test_a_file_in_the_way(tmp_path: Path, name: str) -> None:
    """It is the user's, and stays."""
    of = began(tmp_path)
    done = in_the_way(of, Path.touch, name)
    assert (
        f"{name} cannot be made: something is in the way" in done.err and (of.root / name).is_file()
    )


def test_out_is_a_link(tmp_path: Path) -> None:
    """Then links in it would lead elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    done = in_the_way(began(tmp_path), lambda path: path.symlink_to(tmp_path / "elsewhere"), "out")
    assert "out is a link" in done.err and not list((tmp_path / "elsewhere").iterdir())


def test_directories_in_a_circle(tmp_path: Path) -> None:
    """Globs follow no links to folders."""
    of = began(tmp_path)
    of.write("a/b/x.txt", "x")
    (of.root / "a/b/up").symlink_to("../..")
    (of.root / "self").symlink_to(".")
    of.run("build", "//...")
    assert sorted(path.name for path in (of.root / "out/files/tree").rglob("*.txt")) == [
        "in.txt",
        "other.txt",
        "x.txt",
    ]
