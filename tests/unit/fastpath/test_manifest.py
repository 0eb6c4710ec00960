"""A manifest answers a request while inputs, outputs and environment are unchanged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.fastpath import manifest
from buildgraph.fastpath.manifest import FOLDER, InputManifest
from buildgraph.files.entries import SUBFOLDERS, Listing, listing_strings, named
from buildgraph.files.stamp import fingerprint
from buildgraph.lite.pack import pack_strings

WORDS = ["//..."]
LISTED = Listing(frozenset({SUBFOLDERS, named("BUILD.toml")}), frozenset())
FOLDERS = pack_strings(listing_strings({".": LISTED}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose manifest lists two inputs, a file outside, and a folder of outputs."""
    (tmp_path / "w/out/t/tree").mkdir(parents=True)
    for name in ("w/a.txt", "w/b.txt", "tool", "w/out/t/tree/one"):
        (tmp_path / name).write_text(name)
    root = tmp_path / "w"
    paths = [root / "a.txt", root / "b.txt", tmp_path / "tool", root / "out/t/tree/one", root]
    (root / FOLDER).mkdir(parents=True)
    stamps = {str(path): fingerprint(str(path)) for path in paths}
    InputManifest(str(root), WORDS, "").write(stamps, FOLDERS, "as before\n", 77)
    return root


def _check(root: Path, words: list[str] = WORDS, package: str = "") -> tuple[str | None, list[str]]:
    """The answer, and the paths that have changed."""
    checked = InputManifest(str(root), words, package)
    text = checked.check(os.getcwd())
    return text, [os.fsdecode(checked.paths[number]) for number in checked.changed]


def test_a_manifest_answers_while_nothing_has_changed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = os.getcwd()
    assert _check(root) == ("as before\n", []) and os.getcwd() == before
    assert manifest.last_check is not None and manifest.last_check.snapshot == 77
    assert manifest.unchanged(WORDS, str(root)) == 0
    assert capsys.readouterr().out == "as before\n"


def test_a_change_of_any_path_is_reported(root: Path) -> None:
    (root / "a.txt").write_text("other")
    (root.parent / "tool").unlink()
    assert _check(root) == (None, [str(root.parent / "tool"), "a.txt"])
    assert manifest.last_check is not None


@pytest.mark.parametrize(("words", "package"), [(["//:a"], ""), (WORDS, "a")])
def test_another_request_has_another_manifest(root: Path, words: list[str], package: str) -> None:
    assert _check(root, words, package) == (None, []) and manifest.last_check is None


@pytest.mark.parametrize("variable", ["BUILDGRAPH_CACHE", "BUILDGRAPH_SANDBOX", "HOME"])
def test_another_environment_is_another_build(
    root: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(root / "elsewhere"))
    assert _check(root) == (None, []) and manifest.last_check is None


def test_a_damaged_manifest_is_none(root: Path) -> None:
    (path,) = (root / FOLDER).iterdir()
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert _check(root) == (None, []), at
        path.write_bytes(data[:at])
        assert _check(root) == (None, []), at
    path.unlink()
    os.mkfifo(path)
    assert _check(root) == (None, [])


def test_an_update_keeps_other_stamps_and_drops_what_a_tree_lost(root: Path) -> None:
    _check(root)
    checked = manifest.last_check
    assert checked is not None
    (root / "a.txt").write_text("other")
    (root / "out/t/tree/one").unlink()
    (root / "out/t/tree/two").write_text("two")
    paths = ["a.txt", "out/t/tree/two", "."]
    stamps = {path: fingerprint(str(root / path)) for path in paths}
    checked.update(stamps, ["out/t/tree"], "then\n", 78)
    assert _check(root) == ("then\n", [])
    assert checked.name == manifest.last_check.name  # type: ignore[union-attr]
    (root / "out/t/tree/two").write_text("other")
    (root / "b.txt").write_text("other")
    assert _check(root) == (None, ["b.txt", "out/t/tree/two"])


def test_a_stamp_that_does_not_fit_leaves_the_manifest_as_it_was(root: Path) -> None:
    InputManifest(str(root), WORDS, "").write({"a": (1 << 63, 0, 0, 0, 0)}, b"", "never\n", 1)
    assert _check(root)[0] == "as before\n"


@pytest.mark.parametrize("words", [["-j2"], ["-k", "--jobs", "3"], ["--keep-going"]])
def test_words_that_do_not_change_the_request_are_answered(root: Path, words: list[str]) -> None:
    assert manifest.unchanged([*words, *WORDS], str(root)) == 0
    assert manifest.unchanged([*WORDS, *words], str(root)) == 0
    (root / "a.txt").write_text("other")
    assert manifest.unchanged([*WORDS, *words], str(root)) is None
    assert manifest.last_check is not None and manifest.last_check.changed


def test_a_quiet_build_prints_the_outputs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    InputManifest(str(root), WORDS, "").write({}, b"", "outputs\n\0gates\n", 0)
    assert manifest.unchanged(["-q", *WORDS], str(root)) == 0
    assert capsys.readouterr().out == "outputs\n"
    assert manifest.unchanged(WORDS, str(root)) == 0
    assert capsys.readouterr().out == "outputs\ngates\n"


def test_another_sandbox_and_no_gates_are_other_requests(root: Path) -> None:
    for words in (["--sandbox", "none"], ["--no-gates"]):
        assert manifest.unchanged([*words, *WORDS], str(root)) is None
        assert manifest.last_check is None


@pytest.mark.parametrize("words", [[], ["--json", "//..."], ["-k"], ["--out", "x", "//..."]])
def test_words_for_the_parser_are_not_answered(root: Path, words: list[str]) -> None:
    assert manifest.unchanged(words, str(root)) is None and manifest.last_check is None


def test_a_request_is_found_from_a_folder_below_the_root(root: Path) -> None:
    (root / "BUILD.toml").write_text('[workspace]\nname = "w"\n')
    (root / "sub").mkdir()
    InputManifest(str(root), [":x"], "sub").write({}, b"", "of the package\n", 0)
    assert manifest.unchanged([":x"], str(root / "sub")) == 0
    assert manifest.unchanged([":x"], str(root)) is None
