"""Outputs below `out/`: a build writes exactly the requested ones and loses no file of the user."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

WORKSPACE = '[workspace]\nname = "w"\n'
TREE = (
    WORKSPACE
    + """
[x]
rule = "command"
inputs = { a = "a.txt" }
outputs = { o = "site/" }
argv = [
    "sh",
    "-c",
    "mkdir -p {o}/d/empty; cp {a} {o}/a; cp {a} {o}/d/b; chmod 755 {o}/d/b; ln -s a {o}/link",
]
"""
)


def file_table(table: str, output: str, text: str = "1") -> str:
    """Return the table of a target that makes one small file."""
    return f"""
[{table}]
rule = "command"
outputs = {{ o = "{output}" }}
argv = ["sh", "-c", "echo {text} > {{o}}"]
"""


def tree_table(table: str, output: str) -> str:
    """Return the table of a target that makes a folder with one file, `k`."""
    return file_table(table, f"{output}/").replace("> {o}", "> {o}/k")


def create_workspace(folder: Path, text: str) -> Space:
    """Create a workspace that runs its commands without a sandbox."""
    workspace = space(folder, text)
    workspace.env["BUILDGRAPH_SANDBOX"] = "none"
    return workspace


def read_tree(top: Path) -> dict[str, tuple[int, str]]:
    """Map each path below a folder to its mode and its text or link target."""
    entries = {}
    for path in sorted(Path(os.path.realpath(top)).rglob("*")):
        mode = path.lstat().st_mode
        text = (
            os.readlink(path)
            if path.is_symlink()
            else ""
            if path.is_dir()
            else path.read_text(errors="replace")
        )
        entries[str(path.relative_to(os.path.realpath(top)))] = (mode, text)
    return entries


def list_outputs(workspace: Space) -> list[str]:
    """List the files and links of `out/` without `.gitignore`."""
    top = workspace.root / "out"
    return sorted(
        str(path.relative_to(top))
        for path in top.rglob("*")
        if not path.is_dir() or path.is_symlink()
    )[1:]


def list_harms(site: Path) -> dict[str, Callable[[], object]]:
    """Map names to manual changes of a folder that is an output."""

    def replace(path: Path) -> None:
        path.unlink()
        path.write_text("other\n")

    def retarget_link() -> None:
        (site / "link").unlink()
        (site / "link").symlink_to("d/b")

    def replace_folder_by_link() -> None:
        shutil.move(site / "d", site.parent / "away")
        (site / "d").symlink_to("../away")

    def copy_folder() -> None:
        shutil.copytree(site, f"{site}.copy", symlinks=True)
        (site / "more").write_text("")

    def replace_file_by_folder() -> None:
        (site / "a").unlink()
        (site / "a").mkdir()

    return {
        "a file too many": lambda: (site / "extra").write_text("x"),
        "a file is gone": (site / "d/b").unlink,
        "a file too many inside": lambda: (site / "d/empty/x").write_text("x"),
        "a file is another": lambda: replace(site / "a"),
        "a link is gone": (site / "link").unlink,
        "a link leads elsewhere": retarget_link,
        "a link is a file": lambda: replace(site / "link"),
        "an empty folder is gone": (site / "d/empty").rmdir,
        "a folder too many": (site / "more").mkdir,
        "a folder is a link": replace_folder_by_link,
        "a file is a folder": replace_file_by_folder,
        "a copy beside": copy_folder,
        "the mode of a file": lambda: (site / "a").chmod(0o644),
        "a file that can be run no more": lambda: (site / "d/b").chmod(0o444),
        "the mode of a folder": lambda: (site / "d").chmod(0o700),
        "all of it is gone": lambda: shutil.rmtree(site),
    }


@pytest.mark.parametrize("what", list_harms(Path()))
@pytest.mark.parametrize(
    "start", ["from the receipt", "from BUILD.toml", "beside an edit", "without a list"]
)
def test_a_folder_changed_by_hand_is_made_again(tmp_path: Path, what: str, start: str) -> None:
    workspace = create_workspace(tmp_path, TREE)
    workspace.write("a.txt", "hello\n")
    time.sleep(0.12)
    workspace.run("build", "//...")
    site = workspace.root / "out/x/site"
    expected = read_tree(site)
    list_harms(Path(os.path.realpath(site)))[what]()
    time.sleep(0.12)
    if start == "from BUILD.toml":
        os.utime(workspace.root / "BUILD.toml")
    elif start == "beside an edit":
        workspace.write("b.txt", "no input")
    elif start == "without a list":
        (workspace.root / ".buildgraph/outputs").unlink()
    workspace.run("build", "//...")
    assert read_tree(site) == expected
    workspace.run("build", "//...")
    assert read_tree(site) == expected


def test_the_link_of_a_folder_is_made_again(tmp_path: Path) -> None:
    """A copy with the same contents in its place is replaced, too."""
    workspace = create_workspace(tmp_path, TREE)
    workspace.write("a.txt", "hello\n")
    workspace.run("build", "//...")
    site = workspace.root / "out/x/site"
    target, expected = os.readlink(site), read_tree(site)
    for harm in (
        lambda: site.symlink_to("/nowhere"),
        lambda: site.write_text("mine"),
        lambda: site.mkdir(),
        lambda: None,
    ):
        site.unlink()
        harm()
        workspace.run("build", "//...")
        assert os.readlink(site) == target and read_tree(site) == expected


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Create a folder of the user outside the workspace."""
    (tmp_path / "victim/folder").mkdir(parents=True)
    for name in ("file", "folder/file", "built", "keys.log"):
        (tmp_path / "victim" / name).write_text("precious")
    return tmp_path / "victim"


def is_unchanged(outside: Path) -> bool:
    """Return True if no file in it was changed, added or removed."""
    return {name: text for name, (_, text) in read_tree(outside).items()} == {
        "file": "precious",
        "folder": "",
        "folder/file": "precious",
        "built": "precious",
        "keys.log": "precious",
    }


LINKS = [
    "out",
    ".buildgraph",
    "out/t",
    "out/t/o.txt",
    "out/.gitignore",
    *(
        f".buildgraph/{name}"
        for name in (
            "built",
            "manifests",
            "snapshots",
            "sandbox",
            "keys.log",
            "events.jsonl",
            "events.1.jsonl",
            "durations",
            "outputs",
            "exports",
            ".gitignore",
        )
    ),
]


@pytest.mark.parametrize("lead", ["folder", "file", "new"])
@pytest.mark.parametrize("name", LINKS)
def test_no_link_leads_a_build_out_of_the_workspace(
    tmp_path: Path, outside: Path, name: str, lead: str
) -> None:
    """Links that a pull request may commit are refused, or the build is right.

    Files outside the workspace do not change.
    """
    workspace = create_workspace(
        tmp_path, WORKSPACE + file_table("t", "o.txt") + tree_table("u", "site")
    )
    (workspace.root / name).parent.mkdir(parents=True, exist_ok=True)
    (workspace.root / name).symlink_to(
        {"folder": outside, "file": outside / "file", "new": outside / "new"}[lead]
    )
    for text in ("1", "2", "3"):
        workspace.write(
            "BUILD.toml", WORKSPACE + file_table("t", "o.txt", text) + tree_table("u", "site")
        )
        done = workspace.run(
            "build", "//...", "--sandbox-debug", "--out", str(tmp_path / "copies"), code=None
        )
        assert is_unchanged(outside)
        assert done.code in (0, 30), done.err
        if done.code:
            assert f"error: {name} is a link" in done.err
        else:
            assert (workspace.root / "out/t/o.txt").read_text() == f"{text}\n" and not (
                workspace.root / "out/t/o.txt"
            ).is_symlink()
            assert (workspace.root / "out/u/site/k").read_text() == "1\n"


@pytest.mark.parametrize("name", ["out/t", ".buildgraph/built", "out"])
def test_a_link_that_comes_between_two_builds(tmp_path: Path, outside: Path, name: str) -> None:
    """The next, incremental build does not follow the link either."""
    workspace = create_workspace(
        tmp_path,
        WORKSPACE
        + file_table("t", "o.txt").replace("\noutputs", '\ninputs = { a = "a.txt" }\noutputs'),
    )
    workspace.write("a.txt", "1")
    time.sleep(0.12)
    workspace.run("build", "//...")
    shutil.rmtree(workspace.root / name)
    (workspace.root / name).symlink_to(outside)
    workspace.write("a.txt", "2")
    workspace.run("build", "//...", code=None)
    assert is_unchanged(outside)


@pytest.mark.parametrize("kind", [os.mkfifo, Path.touch])
@pytest.mark.parametrize("name", [".buildgraph", "out", "out/t"])
def test_what_is_no_folder_is_named(
    tmp_path: Path, name: str, kind: Callable[[Path], object]
) -> None:
    workspace = create_workspace(tmp_path, WORKSPACE + file_table("t", "o.txt"))
    (workspace.root / name).parent.mkdir(exist_ok=True)
    kind(workspace.root / name)
    assert (
        f"{name} cannot be made: something is in the way"
        in workspace.run("build", "//...", code=30).err
    )
    assert not (workspace.root / name).is_dir() and (workspace.root / name).exists()


@pytest.mark.parametrize(
    "forms",
    [
        (tree_table("a.b", "c"), file_table("a.b.c", "x")),
        (file_table("a.b", "c"), file_table("a.b.c", "x")),
        (tree_table("a.b", "c"), tree_table("a.b.c", "k")),
    ],
    ids=["tree", "file", "trees"],
)
@pytest.mark.parametrize("first", [0, 1])
def test_an_output_inside_another_is_refused(
    tmp_path: Path, forms: tuple[str, str], first: int
) -> None:
    """In one build they are refused before any action runs.

    In two builds the second is refused, since it would remove the output of the first.
    """
    workspace = create_workspace(tmp_path, WORKSPACE + "".join(forms))
    done = workspace.run("build", "//...", code=2)
    assert (
        "is an output, too" in done.err
        and "--> BUILD.toml:" in done.err
        and not (workspace.root / "out").exists()
    )
    labels = ["//a:b", "//a/b:c"]
    workspace.run("build", labels[first])
    expected = read_tree(workspace.root / "out/a")
    blobs_before = read_tree(workspace.root / ".buildgraph/built")
    for _ in range(2):
        done = workspace.run("build", labels[1 - first], code=30)
        assert f"an output of {labels[first]} is in the way" in done.err
        assert (
            read_tree(workspace.root / "out/a") == expected
            and blobs_before.items() <= read_tree(workspace.root / ".buildgraph/built").items()
        )
        workspace.run("build", labels[first])
        assert read_tree(workspace.root / "out/a") == expected


@pytest.mark.parametrize("pattern", ["//...", "//a/b:c"])
@pytest.mark.parametrize("make", [file_table, tree_table])
def test_old_outputs_give_way(
    tmp_path: Path, make: Callable[[str, str], str], pattern: str
) -> None:
    """A target moves into the place of an old output and back again."""
    workspace = create_workspace(tmp_path, WORKSPACE + make("a.b", "c"))
    workspace.run("build", "//...")
    workspace.write("BUILD.toml", WORKSPACE + file_table("a.b.c", "x"))
    workspace.run("build", pattern)
    assert list_outputs(workspace) == ["a/b/c/x"]
    workspace.write("BUILD.toml", WORKSPACE + make("a.b", "c"))
    workspace.run("build", "//a:b")
    assert list_outputs(workspace) == ["a/b/c"]


def test_an_output_that_was_renamed_gives_way_to_another_target(tmp_path: Path) -> None:
    """Its target is still there, and declares another output."""
    workspace = create_workspace(tmp_path, WORKSPACE + file_table("a.b", "c"))
    workspace.run("build", "//...")
    workspace.write("BUILD.toml", WORKSPACE + file_table("a.b", "d") + file_table("a.b.c", "x"))
    workspace.run("build", "//a/b:c")
    assert list_outputs(workspace) == ["a/b/c/x"]


@pytest.mark.parametrize("start", ["new", "known", "without graph"])
@pytest.mark.parametrize("make", [file_table, tree_table])
def test_outputs_that_are_declared_no_more_vanish(
    tmp_path: Path, make: Callable[[str, str], str], start: str
) -> None:
    """Old outputs that the patterns cover vanish; others and files of the user stay."""
    before, after = (
        WORKSPACE + make("t", "old") + make("u", "o") + file_table("p.q", "o"),
        WORKSPACE + make("t", "new") + file_table("p.q", "o"),
    )
    workspace = create_workspace(tmp_path, before)
    if start == "known":  # so that the build starts from the graph in the cache
        other = Space(tmp_path / "other", workspace.cache, workspace.env)
        other.write("BUILD.toml", after)
        other.run("build", "//...")
    workspace.run("build", "//...")
    (workspace.root / "out/t/mine").write_text("mine")
    (workspace.root / "out/users").mkdir()
    assert list_outputs(workspace) == ["p/q/o", "t/mine", "t/old", "u/o"]
    workspace.write("BUILD.toml", after)
    if start == "without graph":
        shutil.rmtree(workspace.cache / "graphs")
    workspace.run("build", "//p/...")
    assert list_outputs(workspace) == ["p/q/o", "t/mine", "t/old", "u/o"]
    workspace.run("build", "//:t", "//p:q")
    assert list_outputs(workspace) == ["p/q/o", "t/mine", "t/new", "u/o"]
    workspace.run("build", "//...")
    assert (
        list_outputs(workspace) == ["p/q/o", "t/mine", "t/new"]
        and not (workspace.root / "out/u").exists()
        and (workspace.root / "out/users").is_dir()
    )
    workspace.write("BUILD.toml", before)
    workspace.run("build", "//...", "-//p/...")
    assert list_outputs(workspace) == ["p/q/o", "t/mine", "t/old", "u/o"]


def test_an_old_output_that_was_edited_stays(tmp_path: Path) -> None:
    """A file that the user wrote is never removed, and a message names it."""
    workspace = create_workspace(tmp_path, WORKSPACE + file_table("t", "old"))
    workspace.run("build", "//...")
    (workspace.root / "out/t/old").chmod(0o644)
    (workspace.root / "out/t/old").write_text("mine")
    workspace.write("BUILD.toml", WORKSPACE + file_table("t", "new"))
    assert (
        "out/t/old is no output any more; it was changed by hand"
        in workspace.run("build", "//...").err
    )
    assert (workspace.root / "out/t/old").read_text() == "mine"


def test_a_failed_target_keeps_its_old_output(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path, WORKSPACE + file_table("t", "o") + file_table("u", "o"))
    workspace.run("build", "//...")
    workspace.write(
        "BUILD.toml", WORKSPACE + file_table("t", "o", "2; false") + file_table("u", "p")
    )
    workspace.run("build", "-k", "//...", code=1)
    assert (
        list_outputs(workspace) == ["t/o", "u/p"]
        and (workspace.root / "out/t/o").read_text() == "1\n"
    )


def test_a_forged_list_removes_nothing_outside(tmp_path: Path, outside: Path) -> None:
    """A pull request may commit the list of outputs, too."""
    from buildgraph.types.digest import Digest

    workspace = create_workspace(tmp_path, WORKSPACE + file_table("t", "o"))
    (workspace.root / "out").mkdir()
    (workspace.root / "out/dir").symlink_to(outside)
    name = f"f{Digest.of(b'precious').hash}"
    lines = "".join(
        f"{name} {path}\n"
        for path in (
            "../victim/file",
            "out/../../victim/file",
            "out/x/../../victim/file",
            str(outside / "file"),
            "out/dir/file",
            "out/dir/folder/file",
            "BUILD.toml",
            "out",
        )
    )
    workspace.write(".buildgraph/outputs", f"buildgraph written 1 {len(lines)}\n{lines}")
    workspace.run("build", "//...")
    assert is_unchanged(outside) and (workspace.root / "out/t/o").exists()


def run_git(workspace: Space, *words: str) -> str:
    """Run git in the workspace and return its output."""
    return subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words],
        cwd=workspace.root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_git_sees_what_the_user_puts_into_an_out_of_his_own(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path, WORKSPACE + file_table("t", "o"))
    workspace.write("out/mine.txt", "mine")
    run_git(workspace, "init", "-q")
    run_git(workspace, "add", "-A")
    run_git(workspace, "commit", "-qm", "first")
    workspace.run("build", "//...")
    workspace.write("out/new.txt", "new")
    assert (
        "out/new.txt" in run_git(workspace, "status", "--short", "-uall")
        and not (workspace.root / "out/.gitignore").exists()
    )
    assert ".buildgraph" not in run_git(workspace, "status", "--short", "-uall")


def test_git_sees_nothing_of_an_out_that_buildgraph_made(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path, WORKSPACE + file_table("t", "o"))
    run_git(workspace, "init", "-q")
    workspace.run("build", "//...")
    assert run_git(workspace, "status", "--short", "-uall") == "?? BUILD.toml\n"


def test_an_output_rewritten_when_it_appears_does_not_stay(tmp_path: Path) -> None:
    """A thread waits for the output and rewrites it with a text of the same size.

    The recorded stamp is that of the file that the action wrote, so the next build restores it.
    """
    import threading

    workspace, wrong = (
        create_workspace(
            tmp_path,
            WORKSPACE
            + file_table("t", "o")
            .replace("\noutputs", '\ninputs = { a = "a.txt" }\noutputs')
            .replace("echo 1 >", "cat {a} >"),
        ),
        0,
    )
    path = workspace.root / "out/t/o"
    for number in range(8):
        text = f"{number:04}\n"
        workspace.write("a.txt", text)
        over = threading.Event()

        def rewrite() -> None:
            while not over.is_set():
                try:
                    if path.read_text() == text:
                        path.chmod(0o644)
                        with path.open("r+") as opened:
                            opened.write("evil\n")
                        return
                except OSError:
                    pass

        thread = threading.Thread(target=rewrite)
        thread.start()
        workspace.run("build", "//...")
        over.set()
        thread.join()
        workspace.run("build", "//...")
        wrong += path.read_text() != text
    assert wrong == 0
