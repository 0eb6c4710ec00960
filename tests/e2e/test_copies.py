"""`--out DIR` adds copies or refuses; it deletes only its own files, and an error leaves none."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_outputs import WORKSPACE, create_workspace, file_table, read_tree
from tests.support.workspace import Space

SITE = (
    WORKSPACE
    + """
[t]
rule = "command"
outputs = { o = "site/" }
argv = [
    "sh",
    "-c",
    "mkdir -p {o}/d/empty; echo 1 > {o}/a; ln -s later {o}/gone; ln -s ../d {o}/d/up",
]
"""
)


@pytest.fixture
def workspace(tmp_path: Path) -> Space:
    return create_workspace(tmp_path, SITE)


def test_links_are_copied_as_links(workspace: Space, tmp_path: Path) -> None:
    """Dangling links and links that form a cycle are copied, too."""
    workspace.run("build", "//:t", "--out", str(tmp_path / "deep/dist"))
    copy = read_tree(tmp_path / "deep/dist/site")
    assert {name: text for name, (_, text) in copy.items()} == {
        "a": "1\n",
        "d": "",
        "d/empty": "",
        "d/up": "../d",
        "gone": "later",
    }
    assert copy["a"][0] & 0o777 == 0o644 and os.listdir(tmp_path / "deep/dist") == ["site"]


def test_a_folder_of_the_users_stays(workspace: Space) -> None:
    workspace.write("site/notes.md", "precious")
    assert "site is there already" in workspace.run("build", "//:t", "--out", ".", code=2).err
    assert {name: text for name, (_, text) in read_tree(workspace.root / "site").items()} == {
        "notes.md": "precious"
    }


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling"])
def test_whatever_has_its_name_stays(workspace: Space, tmp_path: Path, kind: str) -> None:
    dist = tmp_path / "dist"
    (dist / "other").mkdir(parents=True)
    path = dist / "site"
    makers: dict[str, Callable[[], object]] = {
        "file": path.touch,
        "folder": path.mkdir,
        "link": lambda: path.symlink_to("other"),
        "dangling": lambda: path.symlink_to("nowhere"),
    }
    makers[kind]()
    before = read_tree(dist)
    assert "site is there already" in workspace.run("build", "//:t", "--out", str(dist), code=2).err
    assert read_tree(dist) == before


def test_its_own_copy_is_replaced_until_a_user_changes_it(workspace: Space, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "users").write_text("mine")
    for text in "123":
        workspace.write("BUILD.toml", SITE.replace("echo 1", f"echo {text}"))
        for _ in range(2):
            workspace.run("build", "//:t", "--out", str(dist))
            assert (dist / "site/a").read_text() == f"{text}\n"
    workspace.write("BUILD.toml", SITE)
    (dist / "site/d/mine").write_text("mine")
    before = read_tree(dist)
    workspace.run("build", "//:t", "--out", str(dist), code=2)
    assert read_tree(dist) == before
    (dist / "site/d/mine").unlink()
    workspace.run("build", "//:t", "--out", str(dist))
    assert (dist / "site/a").read_text() == "1\n" and sorted(os.listdir(dist)) == ["site", "users"]


def test_an_equal_copy_is_no_error_without_a_list_of_copies(
    workspace: Space, tmp_path: Path
) -> None:
    workspace.run("build", "//:t", "--out", str(tmp_path / "dist"))
    shutil.rmtree(workspace.root / ".buildgraph")
    workspace.run("build", "//:t", "--out", str(tmp_path / "dist"))
    workspace.write("BUILD.toml", SITE.replace("echo 1", "echo 2"))
    shutil.rmtree(workspace.root / ".buildgraph")
    workspace.run("build", "//:t", "--out", str(tmp_path / "dist"), code=2)
    assert (tmp_path / "dist/site/a").read_text() == "1\n"


def test_all_or_nothing(tmp_path: Path) -> None:
    """If one of several targets cannot be copied, none is copied."""
    workspace = create_workspace(
        tmp_path, SITE + file_table("p.u", "o.txt") + file_table("v", "o.txt")
    )
    dist = tmp_path / "dist"
    (dist / "v").mkdir(parents=True)
    (dist / "v/o.txt").write_text("mine")
    workspace.run("build", "//...", "--out", str(dist), code=2)
    assert {name: text for name, (_, text) in read_tree(dist).items()} == {
        "v": "",
        "v/o.txt": "mine",
    }
    (dist / "v/o.txt").unlink()
    workspace.run("build", "//...", "--out", str(dist))
    assert sorted(os.listdir(dist)) == ["p", "t", "v"] and (dist / "p/u/o.txt").read_text() == "1\n"


@pytest.mark.parametrize(
    "folder", ["out", "out/x", "out/t/site/d", ".buildgraph", ".buildgraph/x", "../cache/x", "way"]
)
def test_folders_of_buildgraphs_own_are_refused(workspace: Space, folder: str) -> None:
    """Links to them are refused, too, and before any action runs."""
    workspace.run("build", "//:t")
    (workspace.root / "way").symlink_to("out/t")
    before = read_tree(workspace.root)
    assert "error: --out:" in workspace.run("build", "//:t", "--out", folder, code=2).err
    after = read_tree(workspace.root)
    assert {name for name in before if "events" not in name} == {
        name for name in after if "events" not in name
    }


def test_a_target_called_out_is_not_copied_over_the_outputs(tmp_path: Path) -> None:
    workspace = create_workspace(
        tmp_path, WORKSPACE + file_table("out.t", "o") + file_table("u", "o")
    )
    assert "is in out/" in workspace.run("build", "//...", "--out", ".", code=2).err
    assert not (workspace.root / "u").exists()


@pytest.mark.parametrize("kind", ["file", "dangling", "below a file"])
def test_what_is_no_folder_is_refused(workspace: Space, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "dist"
    path.symlink_to("nowhere") if kind == "dangling" else path.write_text("mine")
    name = str(path / "x" if kind == "below a file" else path)
    assert f"error: --out: {path}" in workspace.run("build", "//:t", "--out", name, code=30).err
    assert path.is_symlink() or path.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_link_inside_the_folder_is_not_followed(tmp_path: Path) -> None:
    workspace = create_workspace(
        tmp_path, WORKSPACE + file_table("p.t", "o") + file_table("u", "o")
    )
    for name in ("dist", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "dist/p").symlink_to(tmp_path / "elsewhere")
    assert (
        "dist/p is a link"
        in workspace.run("build", "//...", "--out", str(tmp_path / "dist"), code=2).err
    )
    assert os.listdir(tmp_path / "elsewhere") == [] and os.listdir(tmp_path / "dist") == ["p"]


def test_a_folder_that_is_a_link_takes_copies(workspace: Space, tmp_path: Path) -> None:
    """The user named the link, so it is followed."""
    (tmp_path / "real").mkdir()
    (tmp_path / "dist").symlink_to("real")
    workspace.run("build", "//:t", "--out", str(tmp_path / "dist"))
    assert os.listdir(tmp_path / "real") == ["site"]


MANY = (
    WORKSPACE
    + """
[t]
rule = "command"
outputs = { o = "tree/" }
argv = [
    "python3",
    "-c",
    "import sys; [open(f'{{sys.argv[1]}}/{{n}}', 'w').write(str(n)) for n in range(20000)]",
    "{o}",
]
programs = ["python3"]
"""
)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_ends_the_copying_and_leaves_nothing(tmp_path: Path, stop: signal.Signals) -> None:
    workspace, dist = create_workspace(tmp_path, MANY), tmp_path / "new/dist"
    workspace.run("build", "//:t")
    running = subprocess.Popen(
        workspace.command("build", "//:t", "--out", str(dist)),
        cwd=workspace.root,
        env=workspace.environ(),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not list(dist.glob(".buildgraph-out.*/*/1*")):
        assert time.monotonic() < deadline and running.poll() is None, "it never copied"
        time.sleep(0.01)
    running.send_signal(stop)
    began = time.monotonic()
    code = running.wait(timeout=60)
    assert time.monotonic() - began < 5
    if stop == signal.SIGKILL:
        assert not (dist / "tree").exists()
    else:
        assert code == 128 + stop and not (tmp_path / "new").exists()
    workspace.run("build", "//:t", "--out", str(dist))
    assert os.listdir(dist) == ["tree"] and len(os.listdir(dist / "tree")) == 20000
