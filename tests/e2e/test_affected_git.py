"""`affected` in work trees with submodules, sparse checkouts, filters, odd names, and no commits."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.requirements import need
from tests.support.workspace import Ran, Space

_WHO = [
    "-c",
    "user.name=n",
    "-c",
    "user.email=e@x",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "protocol.file.allow=always",
]
_COPY = '[{name}]\nrule = "command"\nargv = ["cp", "{{s}}", "{{o}}"]\ninputs = {{ s = "{source}" }}\noutputs = {{ o = "x" }}\n'


def _git(folder: Path, *words: str, **env: str) -> str:
    need("git")
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(
        ["git", "-C", str(folder), *_WHO, *words],
        check=True,
        capture_output=True,
        env=dict(os.environ) | own | env,
        encoding="utf-8",
        errors="surrogateescape",
    ).stdout


def _commit(folder: Path) -> None:
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "x")


def _new_repository(folder: Path, files: dict[str, str | bytes]) -> Path:
    """A repository with one commit."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    _git(folder, "init", "-q", "-b", "main")
    _commit(folder)
    return folder


def _build(**sources: str) -> str:
    """A root BUILD.toml that copies each source."""
    return '[workspace]\nname = "w"\n' + "".join(
        _COPY.format(name=name, source=one) for name, one in sources.items()
    )


def _run(root: Path, *words: str, code: int = 0, **env: str) -> Ran:
    """Run `affected`, and check that it does not change the work tree or the index."""
    before = _git(root, "status", "--porcelain", "--ignored")
    own = {"GIT_CONFIG_GLOBAL": os.devnull}
    ran = Space(root, root.parent / "cache", own | env).run("affected", *words, code=code)
    assert _git(root, "status", "--porcelain", "--ignored") == before
    return ran


def _affected(root: Path, since: str = "HEAD", **env: str) -> dict[str, tuple[str, list[str]]]:
    """Map labels to their change and reasons."""
    affected: list[dict[str, Any]] = json.loads(
        _run(root, "--since", since, "--json", code=0, **env).out
    )["affected"]
    return {
        row["label"]: (row["change"], [f"{one['kind']} {one['what']}" for one in row["reasons"]])
        for row in affected
    }


def _changed(*names: str) -> tuple[str, list[str]]:
    return "changed", [f"source {name}" for name in names]


@pytest.fixture
def vendored(tmp_path: Path) -> Path:
    """A workspace with a submodule that has a submodule, and a target for each part."""
    _new_repository(tmp_path / "deep", {"d.txt": "1"})
    library = _new_repository(tmp_path / "lib", {"lib.txt": "1"})
    _git(library, "submodule", "-q", "add", str(tmp_path / "deep"), "deep")
    _commit(library)
    root = _new_repository(tmp_path / "w", {"a.txt": "a"})
    _git(root, "submodule", "-q", "add", str(library), "vendor")
    _git(root, "submodule", "-q", "update", "--init", "--recursive")
    (root / "BUILD.toml").write_text(_build(t="vendor/lib.txt", n="vendor/deep/d.txt", u="a.txt"))
    _commit(root)
    return root


def _move(submodule: Path, name: str) -> None:
    (submodule / name).write_text("2")
    _git(submodule, "commit", "-qam", "2")


def test_submodules_that_did_not_move_affect_nothing(vendored: Path) -> None:
    assert _affected(vendored) == {}


def test_a_file_edited_in_a_submodule_affects_its_users_only(vendored: Path) -> None:
    (vendored / "vendor/lib.txt").write_text("2")
    assert _affected(vendored) == {"//:t": _changed("vendor/lib.txt")}


def test_a_submodule_that_moved_affects_what_differs_in_it(vendored: Path) -> None:
    _move(vendored / "vendor", "lib.txt")
    assert _affected(vendored) == {"//:t": _changed("vendor/lib.txt")}
    _commit(vendored)
    assert _affected(vendored) == {}
    assert _affected(vendored, "HEAD~1") == {"//:t": _changed("vendor/lib.txt")}


def test_a_nested_submodule_that_moved_affects_its_users_only(vendored: Path) -> None:
    _move(vendored / "vendor/deep", "d.txt")
    assert _affected(vendored) == {"//:n": _changed("vendor/deep/d.txt")}


def test_a_commit_of_a_submodule_that_was_not_fetched_affects_its_users_only(
    vendored: Path,
) -> None:
    was = _git(vendored, "ls-files", "-s", "vendor").split()[1]
    _git(vendored, "update-index", "--cacheinfo", f"160000,{'1' * len(was)},vendor")
    _git(vendored, "commit", "-q", "-m", "an unknown commit")
    assert set(_affected(vendored)) == {"//:t", "//:n"}


def test_a_submodule_that_is_not_checked_out_is_not_gone(vendored: Path, tmp_path: Path) -> None:
    (vendored / "BUILD.toml").write_text(_build(u="a.txt"))
    _commit(vendored)
    clone = tmp_path / "clones" / "w"
    _git(tmp_path, "clone", "-q", str(vendored), str(clone))
    assert _affected(clone) == {}
    (clone / "BUILD.toml").write_text(_build(t="vendor/lib.txt", u="a.txt"))
    ran = _run(clone, "--since", "HEAD", code=2)
    assert "no file 'vendor/lib.txt'" in ran.err and "submodule update --init vendor" in ran.err


def test_a_submodule_that_was_moved_or_removed(vendored: Path) -> None:
    _git(vendored, "mv", "vendor", "third")
    (vendored / "BUILD.toml").write_text(_build(t="third/lib.txt", n="third/deep/d.txt", u="a.txt"))
    affected = _affected(vendored)
    assert set(affected) == {"//:t", "//:n"} and all(
        change == "changed" for change, _ in affected.values()
    )
    _git(vendored, "checkout", "-q", "-f", "HEAD")
    _git(vendored, "rm", "-q", "-f", "vendor")
    (vendored / "BUILD.toml").write_text(_build(u="a.txt"))
    assert _affected(vendored) == {"//:t": ("gone", []), "//:n": ("gone", [])}


_PACKAGE = _COPY.format(name="t", source="f")


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A workspace of packages a, b and c; //c:t needs //b:t."""
    return _new_repository(
        tmp_path / "w",
        {
            "BUILD.toml": _build(),
            "a/f": "a",
            "a/BUILD.toml": _PACKAGE,
            "b/f": "b",
            "b/BUILD.toml": _PACKAGE,
            "c/BUILD.toml": _COPY.format(name="t", source="//b:t"),
        },
    )


@pytest.mark.parametrize(
    "form", [["--cone", "a"], ["--no-cone", "/*", "!/b/", "!/c/f"], ["--sparse-index", "a"]]
)
def test_files_outside_a_sparse_checkout_are_unchanged(three: Path, form: list[str]) -> None:
    _git(three, "sparse-checkout", "set", *form)
    assert not (three / "b").exists()
    assert _affected(three) == {}
    (three / "a/f").write_text("z")
    assert _affected(three) == {"//a:t": _changed("a/f")}


def test_a_change_outside_of_a_sparse_checkout_is_noticed(three: Path) -> None:
    (three / "b/f").write_text("other")
    _commit(three)
    _git(three, "sparse-checkout", "set", "a")
    assert _affected(three) == {}
    assert _affected(three, "HEAD~1") == {
        "//b:t": _changed("b/f"),
        "//c:t": ("changed", ["dep //b:t"]),
    }
    _git(three, "sparse-checkout", "set", "c")
    assert _affected(three) == {}


def test_a_file_of_rules_outside_of_a_sparse_checkout_is_named(three: Path) -> None:
    (three / "BUILD.toml").write_text('[workspace]\nname = "w"\nrules = ["tools/mine.py"]\n')
    (three / "tools").mkdir()
    (three / "tools/mine.py").write_text("from buildgraph import rule\n")
    _commit(three)
    _git(three, "sparse-checkout", "set", "a")
    ran = _run(three, "--since", "HEAD", code=2)
    assert (
        "'tools/mine.py' is not checked out" in ran.err
        and "git sparse-checkout add tools" in ran.err
    )


def test_flags_of_the_index_do_not_hide_an_edit(three: Path) -> None:
    _git(three, "update-index", "--assume-unchanged", "a/f")
    _git(three, "update-index", "--skip-worktree", "b/f")
    assert _affected(three) == {}
    (three / "a/f").write_text("z")
    (three / "b/f").write_text("z")
    assert set(_affected(three)) == {"//a:t", "//b:t", "//c:t"}


def test_ignored_sources_count_as_unchanged_and_untracked_ones_as_new(tmp_path: Path) -> None:
    root = _new_repository(
        tmp_path / "w",
        {
            ".gitignore": "*.bin\n/gen/\n",
            "BUILD.toml": _build(w="weights.bin")
            + ('[all]\nrule = "files"\nsrcs = ["*.txt", "gen/**/*"]\n'),
            "a.txt": "a",
        },
    )
    (root / "weights.bin").write_text("1")
    (root / "gen").mkdir()
    (root / "gen/one").write_text("1")
    assert _affected(root) == {}
    (root / "b.txt").write_text("new")
    assert _affected(root) == {"//:all": _changed("b.txt")}


def test_filters_are_no_change_but_an_edit_of_filtered_files_is(tmp_path: Path) -> None:
    root = _new_repository(
        tmp_path / "w",
        {
            ".gitattributes": "*.big filter=up\n",
            "BUILD.toml": _build(t="a.big", u="b.big"),
            "a.big": "SMALL\n",
            "b.big": "SMALL\n",
        },
    )
    _git(root, "config", "filter.up.clean", "tr a-z A-Z")
    _git(root, "config", "filter.up.smudge", "tr A-Z a-z")
    for name in ("a.big", "b.big"):
        (root / name).unlink()
    _git(root, "checkout", "-q", "--", ".")
    assert (root / "a.big").read_text() == "small\n"
    assert _affected(root) == {}
    os.utime(root / "a.big", ns=(0, 0))
    assert _affected(root) == {}
    (root / "a.big").write_text("other\n")
    assert _affected(root) == {"//:t": _changed("a.big")}
    _git(root, "config", "filter.up.clean", "false")  # a filter that fails hides no change
    _git(root, "config", "filter.up.required", "true")
    ran = Space(root, tmp_path / "cache", {"GIT_CONFIG_GLOBAL": os.devnull}).run(
        "affected", "--since", "HEAD"
    )
    assert "//:t  source a.big changed" in ran.out


def test_line_ends_of_the_configuration_are_no_change(tmp_path: Path) -> None:
    root = _new_repository(tmp_path / "w", {"BUILD.toml": _build(t="a.txt"), "a.txt": "one\ntwo\n"})
    _git(root, "config", "core.autocrlf", "true")
    for name in ("a.txt", "BUILD.toml"):
        (root / name).unlink()
    _git(root, "checkout", "-q", "--", ".")
    assert (root / "a.txt").read_bytes() == b"one\r\ntwo\r\n"
    assert _affected(root) == {}


def test_modes_count_where_git_keeps_them(tmp_path: Path) -> None:
    root = _new_repository(tmp_path / "w", {"BUILD.toml": _build(t="a.txt"), "a.txt": "a"})
    (root / "a.txt").chmod(0o755)
    assert _affected(root) == {"//:t": _changed("a.txt")}
    _git(root, "config", "core.fileMode", "false")
    assert _affected(root) == {}
    (root / "a.txt").write_text("b")
    assert _affected(root) == {"//:t": _changed("a.txt")}


def test_a_link_that_leads_elsewhere_is_a_change(tmp_path: Path) -> None:
    root = _new_repository(tmp_path / "w", {"BUILD.toml": _build(t="link"), "a": "a", "b": "b"})
    (root / "link").symlink_to("a")
    _commit(root)
    assert _affected(root) == {}
    (root / "link").unlink()
    (root / "link").symlink_to("b")
    assert _affected(root) == {"//:t": _changed("link")}
    (root / "link").unlink()
    (root / "link").symlink_to(root / "a")
    assert _affected(root) == {}
    _commit(root)
    assert _affected(root) == {}


def test_odd_names_in_the_repository(tmp_path: Path) -> None:
    root = _new_repository(
        tmp_path / "w", {'"q ä': "1", "d/x": "1", "odd/a\nb": "1", "-x": "1", "a(glob)[*": "1"}
    )
    os.makedirs(os.fsencode(root) + b"/odd2")
    with open(os.fsencode(root) + b"/odd2/\xff\xfe", "w") as file:
        file.write("1")
    (root / "BUILD.toml").write_text(_build(t='\\"q ä', m="a(glob)[*", n="-x"))
    _commit(root)
    assert _affected(root) == {}
    for name in ('"q ä', "a(glob)[*", "-x"):
        os.utime(root / name, ns=(0, 0))
    assert _affected(root) == {}
    (root / '"q ä').write_text("2")
    assert _affected(root) == {"//:t": _changed('"q ä')}


def test_renames_of_case_only(tmp_path: Path) -> None:
    root = _new_repository(tmp_path / "w", {"BUILD.toml": _build(t="Data.txt"), "Data.txt": "a"})
    _git(root, "mv", "Data.txt", "data.txt")
    (root / "BUILD.toml").write_text(_build(T="data.txt"))
    assert {label: change for label, (change, _) in _affected(root).items()} == {
        "//:T": "renamed",
        "//:t": "gone",
    }


def test_a_linked_work_tree_and_a_git_folder_elsewhere(three: Path, tmp_path: Path) -> None:
    _git(three, "worktree", "add", "-q", str(tmp_path / "other/w"), "HEAD")
    linked = tmp_path / "other/w"
    assert _affected(linked) == {}
    (linked / "a/f").write_text("z")
    assert _affected(linked) == {"//a:t": _changed("a/f")} and _affected(three) == {}
    _git(three, "init", "-q", f"--separate-git-dir={tmp_path / 'separate.git'}")
    assert (three / ".git").is_file() and _affected(three) == {}


def test_variables_of_a_git_hook_are_ignored(three: Path, tmp_path: Path) -> None:
    (three / "a/f").write_text("z")
    env = {
        "GIT_DIR": str(tmp_path / "none"),
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_FLUSH": "0",
        "GIT_PREFIX": "x/",
        "GIT_ICASE_PATHSPECS": "1",
    }
    assert _affected(three, **env) == {"//a:t": _changed("a/f")}


def test_programs_of_the_configuration_are_not_run(three: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "pager.rev-parse",
        "alias.ls-tree",
        "core.sshCommand",
    ):
        _git(three, "config", key, str(trap))
    hooks = three / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "post-checkout", "fsmonitor-watchman"):
        (hooks / name).symlink_to(trap)
    (three / "a/f").write_text("z")
    root = Space(
        three, tmp_path / "cache", {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_EXTERNAL_DIFF": str(trap)}
    )
    assert "source a/f changed" in root.run("affected", "--since", "HEAD").out
    assert not (tmp_path / "sprung").exists()


def test_a_repository_without_commits(tmp_path: Path) -> None:
    root = tmp_path / "w"
    root.mkdir()
    (root / "BUILD.toml").write_text(_build())
    _git(root, "init", "-q")
    ran = _run(root, "--since", "HEAD", code=2)
    assert "HEAD has no commit yet" in ran.err and "commit something first" in ran.err


@pytest.mark.parametrize(
    ("since", "message"),
    [
        ("man", "did you mean 'main'? If not: `git fetch origin man`"),
        ("main..topic", "name one revision"),
        ("v1.O", "did you mean 'v1.0'?"),
        ("zzz", "`git fetch origin zzz`, or check the spelling"),
    ],
)
def test_an_unknown_revision_gets_advice(three: Path, since: str, message: str) -> None:
    _git(three, "tag", "v1.0")
    assert message in _run(three, "--since", since, code=2).err


def test_a_large_repository_is_not_read(tmp_path: Path) -> None:
    """Thousands of files beside the sources are listed but not read."""
    root = _new_repository(
        tmp_path / "w",
        {
            "BUILD.toml": _build(t="a.txt"),
            "a.txt": "a",
            **{f"many/{number % 100}/{number}": str(number) for number in range(5000)},
        },
    )
    for path in (root / "many").rglob("*"):
        if path.is_file():
            path.chmod(0)
    start = time.monotonic()
    ran = Space(root, tmp_path / "cache").run("affected", "--since", "HEAD")
    assert ran.out == "" and time.monotonic() - start < 30


def test_more_files_than_hard_links_of_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File systems limit the hard links of a file, or allow none."""
    from buildgraph.explain import git_revision

    root = _new_repository(
        tmp_path / "w", {"BUILD.toml": _build(), **{f"d/{number}": "x" for number in range(20)}}
    )
    link, counts = os.link, dict[str, int]()

    def limited(source: str, target: str) -> None:
        counts[source] = counts.get(source, 0) + 1
        if most == 0 or counts[source] > most:
            raise OSError(errno.EPERM if most == 0 else errno.EMLINK, "no", source, None, target)
        link(source, target)

    monkeypatch.setattr(os, "link", limited)
    for most in (7, 0):
        (tmp_path / str(most)).mkdir()
        with git_revision.Revision.find(str(root), "HEAD") as revision:
            revision.write(str(tmp_path / str(most)))
            revision.fill(str(tmp_path / str(most)), ["d/3"])
        names = sorted((tmp_path / str(most) / "d").iterdir())
        assert len(names) == 20 and {
            path.name: path.read_text() for path in names if path.read_text()
        } == {"3": "x"}
