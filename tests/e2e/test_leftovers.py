"""Files that an action leaves, or that replace files of buildgraph, harm no later build."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildgraph.files.remove_tree import remove
from buildgraph.sandbox.job import LEVELS
from buildgraph.sandbox.sandbox import is_available
from tests.support.requirements import absent
from tests.support.workspace import Space, space

HEAD = '[workspace]\nname = "w"\n'
SMALL = (
    '[t]\nrule = "command"\nargv = ["sh", "-c", "cat {s} > {o}"]\n'
    'inputs = { s = "s.txt" }\noutputs = { o = "x" }\n'
)
LEAVE = """[t]
rule = "command"
argv = ["python3", "leave.py", "{{o}}", "{place}", "{kind}"]
inputs = {{ l = "leave.py" }}
outputs = {{ o = "tree/" }}
"""
SCRIPT = """import os, sys
out, place, kind = sys.argv[1:]
os.chdir({"output": out, "outputs": "out", "scratch": os.environ["TMPDIR"]}[place])
if kind == "deep":
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
elif kind == "long":
    for _ in range(30):
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
elif kind == "odd":
    os.mkfifo("fifo")
    os.mkdir("no")
    os.mkdir("no/below")
    os.mkdir(b"\\xff\\n")
    os.symlink("/etc", "link")
    os.chmod("no", 0)
elif kind == "many":
    for number in range(2000):
        open(str(number), "w").close()
if place != "output" or kind == "odd":
    sys.exit(3)
"""


@pytest.fixture(autouse=True)
def no_deep_folder(tmp_path: Path) -> Iterator[None]:
    """Remove the workspace: pytest cannot remove deep folders, and a later run of pytest would end
    with an error.
    """
    yield
    assert remove(str(tmp_path / "w"))


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    """Return each level that works here."""
    if request.param != "none" and not is_available(request.param):
        absent(f"no {request.param} here")
    return str(request.param)


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("deep", "output"),
        ("deep", "outputs"),
        ("deep", "scratch"),
        ("long", "output"),
        ("odd", "output"),
        ("odd", "scratch"),
        ("many", "output"),
    ],
)
def test_files_left_by_an_action_harm_no_other_build(
    tmp_path: Path, level: str, kind: str, place: str
) -> None:
    """It leaves files in an output, beside outputs, or in its scratch folder."""
    of = space(tmp_path, HEAD + LEAVE.format(place=place, kind=kind))
    of.write("leave.py", SCRIPT)
    done = of.run(
        "build",
        "//...",
        "--sandbox",
        level,
        "--sandbox-debug",
        code=0 if (kind, place) == ("many", "output") else 1,
    )
    assert done.code == 0 or "error: //:t:" in done.err
    of.run("build", "//...", "--sandbox", level, code=done.code)
    assert kind == "many" or os.listdir(of.cache / "work") == []
    other = space(tmp_path / "other", HEAD + SMALL, of.cache)
    other.write("s.txt", "text")
    other.run("build", "//...", "--sandbox", level)
    assert (other.root / "out/t/x").read_text() == "text"
    other.run("cache", "gc")


def a_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def a_folder(path: Path) -> None:
    (path / "below").mkdir(parents=True)
    (path / "below/file").touch()


KINDS: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "socket": a_socket,
    "folder": a_folder,
    "link": lambda path: path.symlink_to("/etc/hostname"),
    "link to nothing": lambda path: path.symlink_to("/nonexistent"),
}


def own_files(of: Space) -> list[Path]:
    """Return the files and folders of the cache and of .buildgraph, without those moved aside."""
    paths = [path for top in (of.cache, of.root / ".buildgraph") for path in sorted(top.rglob("*"))]
    return [
        path
        for path in paths
        if not re.search(r"quarantine/|aside-|/built/|\.gitignore", str(path))
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_in_place_of_an_own_file_is_moved_aside(tmp_path: Path, kind: str) -> None:
    """Builds do not wait or fail; the third one, with nothing to move aside, is a no-op."""
    of = space(tmp_path, HEAD + SMALL)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    of.write("s.txt", "text")
    of.run("build", "//...")
    count = 0
    for path in own_files(of):
        if not path.exists():  # created for one build only
            continue
        subprocess.run(["rm", "-rf", str(path)], check=True)
        KINDS[kind](path)
        for text in (f"first {count}", f"second {count}"):
            of.write("s.txt", text)
            of.run("build", "//...")
            assert (of.root / "out/t/x").read_text() == text, path
        count += 1
    assert count > 10
    of.run("cache", "gc")
    of.run("cache", "verify", "--repair")
    of.run("cache", "verify")


def test_a_signal_ends_a_build_that_stores_a_large_output(tmp_path: Path) -> None:
    """It ends promptly, though hashing the zeros takes long; they take no space on disk."""
    of = space(
        tmp_path,
        HEAD + '[t]\nrule = "command"\nargv = ["truncate", "-s", "200G", "{o}"]\n'
        'outputs = { o = "x" }\n',
    )
    running = subprocess.Popen(
        of.command("build", "//..."),
        cwd=of.root,
        env=of.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(of.cache.glob("tmp/*/*")):
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    taken = sum(512 * path.stat().st_blocks for path in of.cache.rglob("*") if path.is_file())
    sent = time.monotonic()
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM and "Traceback" not in out, out
    assert time.monotonic() - sent < 20 and taken < 1 << 26
    assert not list(of.cache.glob("tmp/*")) and not list(of.cache.glob("work/*"))


def test_a_signal_ends_a_build_that_hashes_a_large_source(tmp_path: Path) -> None:
    of = space(tmp_path, HEAD + SMALL)
    with open(of.write("s.txt", ""), "wb") as file:
        file.truncate(200 << 30)
    running = subprocess.Popen(
        of.command("build", "//..."),
        cwd=of.root,
        env=of.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    time.sleep(3)
    sent = time.monotonic()
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM and "Traceback" not in out, out
    assert time.monotonic() - sent < 20


CLASH = """[d]
rule = "command"
argv = ["sh", "-c", "echo made > {o}"]
outputs = { o = "x" }
[t]
rule = "command"
argv = ["python3", "-c", "import sys, packaging; \
open(sys.argv[1], 'w').write(''.join(open(p).read() for p in sys.argv[2:]))",
        "{o}", "{a}", "{b}", "{c}", "{d}"]
inputs = { a = "out/data/s", b = "site/s", c = "in/d/x", d = ":d" }
packages = ["packaging"]
outputs = { o = "data/x" }
[files]
rule = "files"
srcs = ["tools/*", "site/*"]
"""


def test_sources_may_have_the_names_of_folders_that_actions_get(tmp_path: Path, level: str) -> None:
    """Each is staged unchanged, and modules of users are not imported by buildgraph's tools."""
    of = space(tmp_path, HEAD + CLASH)
    for path in ("out/data/s", "site/s", "in/d/x"):
        of.write(path, f"{path}\n")
    for path in ("tools/shutil.py", "tools/copy_tree.py", "tools/a"):
        of.write(path, "raise SystemExit(1)\n")
    of.run("build", "//...", "--sandbox", level)
    assert (of.root / "out/t/x").read_text() == "out/data/s\nsite/s\nin/d/x\nmade\n"
    assert (of.root / "out/files/tree/tools/shutil.py").exists() and (
        of.root / "out/files/tree/site/s"
    ).exists()
    assert (of.root / "out/data/s").read_text() == "out/data/s\n"


def test_a_deep_source_is_an_input_as_any_other(tmp_path: Path) -> None:
    """It is deeper than the recursion limit of Python."""
    path = "d/" * 1100 + "s"
    of = space(tmp_path, HEAD + SMALL.replace("s.txt", path))
    subprocess.run(
        ["mkdir", "-p", os.path.dirname(path)], cwd=of.root, check=True
    )  # a recursive function would fail
    (of.root / path).write_text("deep")
    of.run("build", "//:t")
    assert (of.root / "out/t/x").read_text() == "deep"
    of.run("why", "//:t")


def test_variables_are_set_as_declared(tmp_path: Path, level: str) -> None:
    """Variables that have a default can be declared, too."""
    of = space(
        tmp_path,
        HEAD
        + '[t]\nrule = "command"\nargv = ["sh", "-c", "echo $TMPDIR $HOME $USER $LANG > {o}"]\n'
        'env = { TMPDIR = "/dev/shm", HOME = "/h", USER = "me", LANG = "C" }\n'
        'outputs = { o = "x" }\n',
    )
    of.run("build", "//...", "--sandbox", level)
    assert (of.root / "out/t/x").read_text() == "/dev/shm /h me C\n"


def test_odd_entries_beside_own_files_do_not_keep_others(tmp_path: Path) -> None:
    """Other files are still removed when old, and kept when in use."""
    of = space(tmp_path, HEAD + SMALL)
    of.write("s.txt", "text")
    deadline = time.monotonic() + 60
    while not (of.root / ".buildgraph/manifests").is_dir() or not os.listdir(
        of.root / ".buildgraph/manifests"
    ):
        assert time.monotonic() < deadline, "no receipt was ever written"
        of.run("build", "//...")
        time.sleep(0.5)
    for folder in (
        of.root / ".buildgraph/manifests",
        of.cache / "roots",
        of.cache / "graphs",
        of.cache / "leases",
    ):
        a_folder(folder / "0")
        (folder / "00").symlink_to("/nonexistent")
    of.run("cache", "gc", "--max-age", "0s")
    assert "0 ran, 1 hit" in of.run("build", "//...", "--no-gates").out
    of.run("cache", "rm", "//:t")
    assert os.listdir(of.root / ".buildgraph/manifests") == []
    assert "1 ran" in of.run("build", "//...").out


def test_a_signal_ends_a_build_that_writes_an_output(tmp_path: Path) -> None:
    """Nothing is left of the output; the next build writes it."""
    of = space(
        tmp_path,
        HEAD
        + '[t]\nrule = "command"\nargv = ["truncate", "-s", "6G", "{o}"]\noutputs = { o = "x" }\n',
    )
    of.run("build", "//...")
    (of.root / "out/t/x").unlink()
    running = subprocess.Popen(
        of.command("build", "//...", "--no-gates"),
        cwd=of.root,
        env=of.environ(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + 60
    while not list((of.root / ".buildgraph/built").glob("fresh.*")) and running.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM and "Traceback" not in out, out
    assert not (of.root / "out/t/x").exists() and not list(
        (of.root / ".buildgraph/built").glob("fresh.*")
    )
    of.run("build", "//...")
    assert (of.root / "out/t/x").stat().st_size == 6 << 30
