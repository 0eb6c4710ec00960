"""What is below `out/` after a build: exactly what was asked for, whatever was there, and nothing of the user's is lost."""

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
argv = ["sh", "-c", "mkdir -p {o}/d/empty; cp {a} {o}/a; cp {a} {o}/d/b; chmod 755 {o}/d/b; ln -s a {o}/link"]
"""
)


def file(table: str, output: str, text: str = "1") -> str:
    """A target that makes one small file."""
    return f'\n[{table}]\nrule = "command"\noutputs = {{ o = "{output}" }}\nargv = ["sh", "-c", "echo {text} > {{o}}"]\n'


def tree(table: str, output: str) -> str:
    """A target that makes a folder with one file, `k`."""
    return file(table, f"{output}/").replace("> {o}", "> {o}/k")


def made(folder: Path, text: str) -> Space:
    """A workspace that runs its commands without a sandbox."""
    of = space(folder, text)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    return of


def image(top: Path) -> dict[str, tuple[int, str]]:
    """All below a folder: paths, modes, and what files and links hold."""
    found = {}
    for path in sorted(Path(os.path.realpath(top)).rglob("*")):
        mode = path.lstat().st_mode
        text = (
            os.readlink(path)
            if path.is_symlink()
            else ""
            if path.is_dir()
            else path.read_text(errors="replace")
        )
        found[str(path.relative_to(os.path.realpath(top)))] = (mode, text)
    return found


def below(of: Space) -> list[str]:
    """The files and links of out/, but for .gitignore."""
    top = of.root / "out"
    return sorted(
        str(path.relative_to(top))
        for path in top.rglob("*")
        if not path.is_dir() or path.is_symlink()
    )[1:]


def harms(site: Path) -> dict[str, Callable[[], object]]:
    """What may be done by hand to a folder that is an output."""

    def other(path: Path) -> None:
        path.unlink()
        path.write_text("other\n")

    def retargeted() -> None:
        (site / "link").unlink()
        (site / "link").symlink_to("d/b")

    def linked() -> None:
        shutil.move(site / "d", site.parent / "away")
        (site / "d").symlink_to("../away")

    def copied() -> None:
        shutil.copytree(site, f"{site}.copy", symlinks=True)
        (site / "more").write_text("")

    def replaced() -> None:
        (site / "a").unlink()
        (site / "a").mkdir()

    return {
        "a file too many": lambda: (site / "extra").write_text("x"),
        "a file is gone": (site / "d/b").unlink,
        "a file too many inside": lambda: (site / "d/empty/x").write_text("x"),
        "a file is another": lambda: other(site / "a"),
        "a link is gone": (site / "link").unlink,
        "a link leads elsewhere": retargeted,
        "a link is a file": lambda: other(site / "link"),
        "an empty folder is gone": (site / "d/empty").rmdir,
        "a folder too many": (site / "more").mkdir,
        "a folder is a link": linked,
        "a file is a folder": replaced,
        "a copy beside": copied,
        "the mode of a file": lambda: (site / "a").chmod(0o644),
        "a file that can be run no more": lambda: (site / "d/b").chmod(0o444),
        "the mode of a folder": lambda: (site / "d").chmod(0o700),
        "all of it is gone": lambda: shutil.rmtree(site),
    }


@pytest.mark.parametrize("what", harms(Path()))
@pytest.mark.parametrize(
    "start", ["from the receipt", "from BUILD.toml", "beside an edit", "without a list"]
)
def test_a_folder_changed_by_hand_is_made_again(tmp_path: Path, what: str, start: str) -> None:
    of = made(tmp_path, TREE)
    of.write("a.txt", "hello\n")
    time.sleep(0.12)
    of.run("build", "//...")
    site = of.root / "out/x/site"
    right = image(site)
    harms(Path(os.path.realpath(site)))[what]()
    time.sleep(0.12)
    if start == "from BUILD.toml":
        os.utime(of.root / "BUILD.toml")
    elif start == "beside an edit":
        of.write("b.txt", "no input")
    elif start == "without a list":
        (of.root / ".buildgraph/outputs").unlink()
    of.run("build", "//...")
    assert image(site) == right
    of.run("build", "//...")
    assert image(site) == right


def test_the_link_of_a_folder_is_made_again(tmp_path: Path) -> None:
    """Also where something that holds the same stands in its place."""
    of = made(tmp_path, TREE)
    of.write("a.txt", "hello\n")
    of.run("build", "//...")
    site = of.root / "out/x/site"
    target, right = os.readlink(site), image(site)
    for harm in (
        lambda: site.symlink_to("/nowhere"),
        lambda: site.write_text("mine"),
        lambda: site.mkdir(),
        lambda: None,
    ):
        site.unlink()
        harm()
        of.run("build", "//...")
        assert os.readlink(site) == target and image(site) == right


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the user's outside of the workspace."""
    (tmp_path / "victim/folder").mkdir(parents=True)
    for name in ("file", "folder/file", "built", "keys.log"):
        (tmp_path / "victim" / name).write_text("precious")
    return tmp_path / "victim"


def whole(outside: Path) -> bool:
    """Whether nothing in it was changed, added or removed."""
    return {name: text for name, (_, text) in image(outside).items()} == {
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
    """As a pull request may commit it: there is a clear refusal or a right build, and what is outside stays as it was."""
    of = made(tmp_path, WORKSPACE + file("t", "o.txt") + tree("u", "site"))
    (of.root / name).parent.mkdir(parents=True, exist_ok=True)
    (of.root / name).symlink_to(
        {"folder": outside, "file": outside / "file", "new": outside / "new"}[lead]
    )
    for text in ("1", "2", "3"):
        of.write("BUILD.toml", WORKSPACE + file("t", "o.txt", text) + tree("u", "site"))
        done = of.run(
            "build", "//...", "--sandbox-debug", "--out", str(tmp_path / "copies"), code=None
        )
        assert whole(outside)
        assert done.code in (0, 30), done.err
        if done.code:
            assert f"error: {name} is a link" in done.err
        else:
            assert (of.root / "out/t/o.txt").read_text() == f"{text}\n" and not (
                of.root / "out/t/o.txt"
            ).is_symlink()
            assert (of.root / "out/u/site/k").read_text() == "1\n"


@pytest.mark.parametrize("name", ["out/t", ".buildgraph/built", "out"])
def test_a_link_that_comes_between_two_builds(tmp_path: Path, outside: Path, name: str) -> None:
    """The build that goes on from the last one follows it as little as that one did."""
    of = made(
        tmp_path,
        WORKSPACE + file("t", "o.txt").replace("\noutputs", '\ninputs = { a = "a.txt" }\noutputs'),
    )
    of.write("a.txt", "1")
    time.sleep(0.12)
    of.run("build", "//...")
    shutil.rmtree(of.root / name)
    (of.root / name).symlink_to(outside)
    of.write("a.txt", "2")
    of.run("build", "//...", code=None)
    assert whole(outside)


@pytest.mark.parametrize("kind", [os.mkfifo, Path.touch])
@pytest.mark.parametrize("name", [".buildgraph", "out", "out/t"])
def test_what_is_no_folder_is_named(
    tmp_path: Path, name: str, kind: Callable[[Path], object]
) -> None:
    of = made(tmp_path, WORKSPACE + file("t", "o.txt"))
    (of.root / name).parent.mkdir(exist_ok=True)
    kind(of.root / name)
    assert (
        f"{name} cannot be made: something is in the way" in of.run("build", "//...", code=30).err
    )
    assert not (of.root / name).is_dir() and (of.root / name).exists()


@pytest.mark.parametrize(
    "forms",
    [
        (tree("a.b", "c"), file("a.b.c", "x")),
        (file("a.b", "c"), file("a.b.c", "x")),
        (tree("a.b", "c"), tree("a.b.c", "k")),
    ],
    ids=["tree", "file", "trees"],
)
@pytest.mark.parametrize("first", [0, 1])
def test_an_output_inside_another_is_refused(
    tmp_path: Path, forms: tuple[str, str], first: int
) -> None:
    """Asked for together before anything runs, and one after the other when the second would take the first away."""
    of = made(tmp_path, WORKSPACE + "".join(forms))
    done = of.run("build", "//...", code=2)
    assert (
        "is an output, too" in done.err
        and "--> BUILD.toml:" in done.err
        and not (of.root / "out").exists()
    )
    labels = ["//a:b", "//a/b:c"]
    of.run("build", labels[first])
    right = image(of.root / "out/a")
    held = image(of.root / ".buildgraph/built")
    for _ in range(2):
        done = of.run("build", labels[1 - first], code=30)
        assert f"an output of {labels[first]} is in the way" in done.err
        assert (
            image(of.root / "out/a") == right
            and held.items() <= image(of.root / ".buildgraph/built").items()
        )
        of.run("build", labels[first])
        assert image(of.root / "out/a") == right


@pytest.mark.parametrize("pattern", ["//...", "//a/b:c"])
@pytest.mark.parametrize("make", [file, tree])
def test_old_outputs_give_way(
    tmp_path: Path, make: Callable[[str, str], str], pattern: str
) -> None:
    """A target moves into the place of an old output, and back again."""
    of = made(tmp_path, WORKSPACE + make("a.b", "c"))
    of.run("build", "//...")
    of.write("BUILD.toml", WORKSPACE + file("a.b.c", "x"))
    of.run("build", pattern)
    assert below(of) == ["a/b/c/x"]
    of.write("BUILD.toml", WORKSPACE + make("a.b", "c"))
    of.run("build", "//a:b")
    assert below(of) == ["a/b/c"]


def test_an_output_that_was_renamed_gives_way_to_another_target(tmp_path: Path) -> None:
    """Its target is still there, and declares another output."""
    of = made(tmp_path, WORKSPACE + file("a.b", "c"))
    of.run("build", "//...")
    of.write("BUILD.toml", WORKSPACE + file("a.b", "d") + file("a.b.c", "x"))
    of.run("build", "//a/b:c")
    assert below(of) == ["a/b/c/x"]


@pytest.mark.parametrize("start", ["new", "known", "without graph"])
@pytest.mark.parametrize("make", [file, tree])
def test_outputs_that_are_declared_no_more_vanish(
    tmp_path: Path, make: Callable[[str, str], str], start: str
) -> None:
    """Those that a pattern covers; the others stay, and so does what the user put there."""
    one, two = (
        WORKSPACE + make("t", "old") + make("u", "o") + file("p.q", "o"),
        WORKSPACE + make("t", "new") + file("p.q", "o"),
    )
    of = made(tmp_path, one)
    if start == "known":  # so that it goes on from what the cache knows
        other = Space(tmp_path / "other", of.cache, of.env)
        other.write("BUILD.toml", two)
        other.run("build", "//...")
    of.run("build", "//...")
    (of.root / "out/t/mine").write_text("mine")
    (of.root / "out/users").mkdir()
    assert below(of) == ["p/q/o", "t/mine", "t/old", "u/o"]
    of.write("BUILD.toml", two)
    if start == "without graph":
        shutil.rmtree(of.cache / "graphs")
    of.run("build", "//p/...")
    assert below(of) == ["p/q/o", "t/mine", "t/old", "u/o"]
    of.run("build", "//:t", "//p:q")
    assert below(of) == ["p/q/o", "t/mine", "t/new", "u/o"]
    of.run("build", "//...")
    assert (
        below(of) == ["p/q/o", "t/mine", "t/new"]
        and not (of.root / "out/u").exists()
        and (of.root / "out/users").is_dir()
    )
    of.write("BUILD.toml", one)
    of.run("build", "//...", "-//p/...")
    assert below(of) == ["p/q/o", "t/mine", "t/old", "u/o"]


def test_an_old_output_that_was_edited_stays(tmp_path: Path) -> None:
    """What a user wrote is never removed, and is named."""
    of = made(tmp_path, WORKSPACE + file("t", "old"))
    of.run("build", "//...")
    (of.root / "out/t/old").chmod(0o644)
    (of.root / "out/t/old").write_text("mine")
    of.write("BUILD.toml", WORKSPACE + file("t", "new"))
    assert "out/t/old is no output any more; it was changed by hand" in of.run("build", "//...").err
    assert (of.root / "out/t/old").read_text() == "mine"


def test_a_failed_target_keeps_its_old_output(tmp_path: Path) -> None:
    of = made(tmp_path, WORKSPACE + file("t", "o") + file("u", "o"))
    of.run("build", "//...")
    of.write("BUILD.toml", WORKSPACE + file("t", "o", "2; false") + file("u", "p"))
    of.run("build", "-k", "//...", code=1)
    assert below(of) == ["t/o", "u/p"] and (of.root / "out/t/o").read_text() == "1\n"


def test_a_forged_list_removes_nothing_outside(tmp_path: Path, outside: Path) -> None:
    """A pull request may commit the list of outputs, too."""
    from buildgraph.types.digest import Digest

    of = made(tmp_path, WORKSPACE + file("t", "o"))
    (of.root / "out").mkdir()
    (of.root / "out/dir").symlink_to(outside)
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
    of.write(".buildgraph/outputs", f"buildgraph written 1 {len(lines)}\n{lines}")
    of.run("build", "//...")
    assert whole(outside) and (of.root / "out/t/o").exists()


def git(of: Space, *words: str) -> str:
    """What git says."""
    return subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words],
        cwd=of.root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_git_sees_what_the_user_puts_into_an_out_of_his_own(tmp_path: Path) -> None:
    of = made(tmp_path, WORKSPACE + file("t", "o"))
    of.write("out/mine.txt", "mine")
    git(of, "init", "-q")
    git(of, "add", "-A")
    git(of, "commit", "-qm", "first")
    of.run("build", "//...")
    of.write("out/new.txt", "new")
    assert (
        "out/new.txt" in git(of, "status", "--short", "-uall")
        and not (of.root / "out/.gitignore").exists()
    )
    assert ".buildgraph" not in git(of, "status", "--short", "-uall")


def test_git_sees_nothing_of_an_out_that_buildgraph_made(tmp_path: Path) -> None:
    of = made(tmp_path, WORKSPACE + file("t", "o"))
    git(of, "init", "-q")
    of.run("build", "//...")
    assert git(of, "status", "--short", "-uall") == "?? BUILD.toml\n"


def test_an_output_rewritten_when_it_appears_does_not_stay(tmp_path: Path) -> None:
    """With the same size, by one who waits for it: the stamp of the output is that of what was made."""
    import threading

    of, wrong = (
        made(
            tmp_path,
            WORKSPACE
            + file("t", "o")
            .replace("\noutputs", '\ninputs = { a = "a.txt" }\noutputs')
            .replace("echo 1 >", "cat {a} >"),
        ),
        0,
    )
    path = of.root / "out/t/o"
    for number in range(8):
        text = f"{number:04}\n"
        of.write("a.txt", text)
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
        of.run("build", "//...")
        over.set()
        thread.join()
        of.run("build", "//...")
        wrong += path.read_text() != text
    assert wrong == 0
