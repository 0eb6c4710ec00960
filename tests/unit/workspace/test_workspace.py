"""The targets of a workspace, their patterns, and help for labels that do not exist."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import pytest

from buildgraph.types.errors import BuildError, BuildErrors, Location
from buildgraph.types.label import Label
from buildgraph.workspace.file_tree import FileTree
from buildgraph.workspace.root import find_root
from buildgraph.workspace.workspace import Workspace
from tests.support.analysed_workspace import WORKSPACE, write

NODE = '[{name}]\nrule = "node"\n'


def node(*names: str) -> str:
    return "".join(NODE.format(name=name) for name in names)


def labels(root: Path, *patterns: str, package: str = "") -> list[str]:
    return [str(label) for label in Workspace(str(root)).targets(patterns or ("//...",), package)]


def error_of(root: Path, *patterns: str) -> BuildError:
    with pytest.raises(BuildError) as error:
        labels(root, *patterns)
    return error.value


def test_the_root_is_the_nearest_folder_with_a_workspace_table(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": node("a"),
            "in/BUILD.toml": node("b"),
            "in/deep/x": "",
            "own/BUILD.toml": WORKSPACE,
            "text/BUILD.toml": 'a = """\n[workspace]\n"""\n',
            "note/BUILD.toml": "# [workspace]\n",
        },
    )
    assert (
        find_root(str(tmp_path / "in/deep")) == find_root(str(tmp_path / "text")) == str(tmp_path)
    )
    assert find_root(str(tmp_path / "note")) == str(tmp_path)
    assert find_root(str(tmp_path / "own")) == str(tmp_path / "own")


def test_a_damaged_root_is_still_the_root(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": "[workspace]\n[a\n"})
    assert find_root(str(tmp_path)) == str(tmp_path)


def test_the_help_without_a_workspace_is_init(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as error:
        find_root(str(tmp_path))
    assert error.value.reason == "workspace" and "buildgraph init" in error.value.fix


def test_a_label_is_folder_tables_and_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": node("top", "exports.jetson", "a.b.c"),
            "a/BUILD.toml": node("b.d", "e"),
            "a/b/BUILD.toml": node("f"),
        },
    )
    assert labels(tmp_path) == [
        "//:top",
        "//a:e",
        "//a/b:c",
        "//a/b:d",
        "//a/b:f",
        "//exports:jetson",
    ]
    workspace = Workspace(str(tmp_path))
    assert [workspace.target(Label("a/b", name)).folder for name in "cdf"] == ["", "a", "a/b"]


def test_sub_tables_are_values_unless_they_have_a_rule(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": '[models.scout]\nrule = "model"\nx = 1\n'
            "[models.scout.labels]\na = { b = 2 }\n"
            '[models.scout.tuned]\nrule = "model"\n[models.scout.more.deep]\nrule = "node"\n'
        },
    )
    workspace = Workspace(str(tmp_path))
    assert workspace.target(Label("models", "scout")).values == {"x": 1, "labels": {"a": {"b": 2}}}
    assert labels(tmp_path) == [
        "//models:scout",
        "//models/scout:tuned",
        "//models/scout/more:deep",
    ]


@pytest.mark.parametrize(
    "value",
    [
        'env = { rule = "v", mode = "x" }',
        'env.rule = "v"\nenv.mode = "x"',
        'env = { deep = { rule = "v" }, mode = "x" }',
        '[[a.t.env]]\nrule = "v"\nmode = "x"',
        '[a.t.env]\nmode = "x"\ndeep = { rule = "v" }',
        '[a.t.env]\nmode = "x"\nrule = ["v"]',
    ],
)
def test_a_table_that_is_written_as_a_value_may_have_a_key_called_rule(
    tmp_path: Path, value: str
) -> None:
    write(tmp_path, {"BUILD.toml": f'[a.t]\nrule = "node"\n{value}\n'})
    assert labels(tmp_path) == ["//a:t"]
    values = str(Workspace(str(tmp_path)).target(Label("a", "t")).values)
    assert "'rule': " in values and "'mode': 'x'" in values


def test_a_matrix_with_a_rule_is_no_target(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": '[t]\nrule = "node"\n[t.matrix]\nrule = "x"\n'})
    error = error_of(tmp_path)
    assert "[t.matrix] has a rule" in error.what and error.at is not None and error.at.line == 5


def test_the_error_for_a_duplicate_label_has_both_locations(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": node("a.b.c"), "a/BUILD.toml": "\n" + node("b.c")})
    error = error_of(tmp_path, "//a/b:c")
    assert (
        error.reason == "twice"
        and error.at == Location("a/BUILD.toml", 2, 1, 5)
        and "BUILD.toml:3" in error.fix
    )


def test_labels_that_differ_only_in_case_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": node("a.Scout", "a.scout")})
    assert error_of(tmp_path).reason == "twice"


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("//...",), "//:r //a:x //a:y //a/b:z"),
        (("//a/...",), "//a:x //a:y //a/b:z"),
        (("//a:*",), "//a:x //a:y"),
        (("//a:all", "-//a:x"), "//a:y"),
        (("//...", "-//a/..."), "//:r"),
        ((":z",), "//a/b:z"),
        ((":*",), "//a/b:z"),
        (("-//a/...",), "//:r"),
        (("//a:x", "//a:x"), "//a:x"),
        (("//a:x", "-//...", "//:r"), "//:r"),
    ],
)
def test_patterns_from_the_command_line(
    tmp_path: Path, patterns: tuple[str, ...], expected: str
) -> None:
    write(tmp_path, {"BUILD.toml": node("r", "a.x", "a.y"), "a/b/BUILD.toml": node("z")})
    assert labels(tmp_path, *patterns, package="a/b") == expected.split()


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("//exports:jetsn", "did you mean '//exports:jetson'?"),
        ("//exports:Jetson", "did you mean '//exports:jetson'?"),
        ("//zzz:jetson", "did you mean '//exports:jetson'?"),
        ("//export/...", "did you mean 'exports'?"),
        ("//q:q", "query list"),
    ],
)
def test_missing_labels_and_packages_get_a_similar_one_as_help(
    tmp_path: Path, pattern: str, hint: str
) -> None:
    write(tmp_path, {"BUILD.toml": "", "exports/BUILD.toml": node("jetson")})
    error = error_of(tmp_path, pattern)
    assert error.reason == "missing" and hint in error.fix


def test_folders_of_other_tools_and_workspaces_are_skipped(tmp_path: Path) -> None:
    places = ["own", "out/x", ".git", "a/node_modules/p", "venv", "a/__pycache__"]
    bad = {
        f"{place}/BUILD.toml": (WORKSPACE if place == "own" else "") + node("bad")
        for place in places
    }
    write(
        tmp_path,
        {
            "BUILD.toml": node("r"),
            "venv/pyvenv.cfg": "",
            "a/ok/BUILD.toml": node("t"),
            "own/in/BUILD.toml": node("u"),
            **bad,
        },
    )
    (tmp_path / "loop").symlink_to(tmp_path)
    assert labels(tmp_path) == ["//:r", "//a/ok:t"]
    assert (
        error_of(tmp_path, "//own:bad").reason
        == error_of(tmp_path, "//own/in:u").reason
        == "missing"
    )


def test_a_label_reads_only_the_files_that_may_declare_it(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": node("r"), "a/BUILD.toml": node("x"), "b/BUILD.toml": "broken"})
    workspace = Workspace(str(tmp_path))
    workspace.target(Label("a", "x"))
    assert workspace.files_read == ("BUILD.toml", "a/BUILD.toml")
    assert error_of(tmp_path, "//b:x").reason == "toml"
    assert error_of(tmp_path, "//a:y").reason == "missing"


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ("[workspace]\n[a]\nrul = 'node'\n", 3, "unknown key 'rul'", "did you mean 'rule'?"),
        ("x = 1\n[workspace]\n", 1, "'x' is outside any table", "[exports.jetson]"),
        ("[workspace]\n[a.b]\nx = 1\n", 2, "[a.b] has values but no rule", "add rule"),
        ("[workspace]\n[a]\nrule = 3\n", 3, "rule must be the name", "write it like"),
        ("[workspace]\n['a b']\nrule = 'node'\n", 2, "'a b' cannot be part of a label", "letters"),
        ("[workspace]\n[a.'b/c'.d]\nrule = 'node'\n", 2, "'b/c' cannot be part", "letters"),
        ("[workspace]\n['..'.a]\nrule = 'node'\n", 2, "'..' cannot be part", "letters"),
        ("[workspace]\n[[a]]\nrule = 'node'\n", 2, "'a' is outside", "table"),
        ("rule = 'node'\n[workspace]\n", 1, "'rule' is outside any table", "[exports.jetson]"),
    ],
)
def test_an_invalid_table_is_reported_at_its_location(
    tmp_path: Path, text: str, line: int, what: str, hint: str
) -> None:
    write(tmp_path, {"BUILD.toml": text})
    error = error_of(tmp_path, "//...")
    assert (
        what in error.what and hint in error.fix and error.at is not None and error.at.line == line
    )


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("nme = 'x'", ["did you mean 'name'?"]),
        ("rules = 'a.py'", [""]),
        ("name = 3\nrules = 1\nzz = 1", ["", "", "it has name"]),
    ],
)
def test_the_workspace_table_is_checked(tmp_path: Path, text: str, hints: list[str]) -> None:
    write(tmp_path, {"BUILD.toml": f"[workspace]\n{text}\n"})
    with pytest.raises(BuildError) as raised:
        assert Workspace(str(tmp_path)).settings
    errors = raised.value.errors if isinstance(raised.value, BuildErrors) else (raised.value,)
    assert len(errors) == len(hints)
    assert all(hint in error.fix for hint, error in zip(hints, errors))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("//x:...", "'//x:*' or '//x/...'"),
        ("//x:", "'//x:*'"),
        ("//x/", "'//x:*'"),
        ("x:a", "'//x:a'"),
        ("x/a", "'//x:a'"),
        ("/x:a", "'//x:a'"),
        ("@//x:a", "'//x:a'"),
        ("@repo//x:a", "'//x:a'"),
        ("//x:b*", "'//x:*'"),
        ("X:A", "'//x:a'"),
        ("x", "'//x:*'"),
        ("//x", "'//x:*'"),
        ("y", "'//y/...'"),
        ("//y:z", "'//y/z:*'"),
        ("top", "':top'"),
        ("a", "'//x:a'"),
        ("...", "'//...'"),
        ("y/...", "'//y/...'"),
        ("./...", "'//...'"),
        ("*", "'//:*'"),
        ("-x:a", "'-//x:a'"),
        ("//x:a ", "'//x:a'"),
        ("//X:a", "'//x:a'"),
        ("//x:c", "'//x:a'"),
        ("//y:*", "'//y/...'"),
        ("//xx:*", "'x'"),
        ("//x:\u0430", "U+0430 CYRILLIC"),
        ("//q/...", "query list"),
        ("", "//package:name"),
        ("//x a:*", "//package:name"),
    ],
)
def test_texts_that_match_nothing_get_existing_labels_as_help(
    tmp_path: Path, text: str, hint: str
) -> None:
    write(tmp_path, {"BUILD.toml": node("top", "x.a", "x.bb", "y.z.d")})
    assert hint in error_of(tmp_path, text).fix


def test_suggested_labels_exist(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": node("top", "x.a", "x.bb", "y.z.d")})
    for text in (
        "//x:...",
        "//x:",
        "x:a",
        "x/a",
        "x",
        "y",
        "top",
        "...",
        "//x/",
        "/x/...",
        "//X:A",
        "y/z",
        "y/z/d",
    ):
        hinted = error_of(tmp_path, text).fix.split("'")[1]
        assert labels(tmp_path, hinted), text


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": b"\xef\xbb\xbf[workspace]\n",
            "s/BUILD.toml": b"\xef\xbb\xbf" + node("q").encode(),
        },
    )
    assert find_root(str(tmp_path)) == str(tmp_path) and labels(tmp_path) == ["//s:q"]
    write(tmp_path, {"BUILD.toml": b"\xef\xbb\xbfx = y\n[workspace]\n"})
    assert error_of(tmp_path).at == Location("BUILD.toml", 1, 5)


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_file_in_another_encoding_is_refused_by_its_name(tmp_path: Path, coding: str) -> None:
    write(tmp_path, {"BUILD.toml": WORKSPACE.encode(coding)})
    assert find_root(str(tmp_path)) == str(tmp_path)
    assert "UTF-" in error_of(tmp_path).what and "UTF-8" in error_of(tmp_path).fix


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("folder", "is a folder"),
        ("pipe", "is not a file"),
        ("circle", "leads in a circle"),
        ("dangling", "link to nothing"),
    ],
)
def test_a_build_toml_that_is_not_a_file_is_reported(tmp_path: Path, kind: str, what: str) -> None:
    def make(path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        if kind in ("folder", "pipe"):
            path.mkdir() if kind == "folder" else os.mkfifo(path)
        else:
            path.symlink_to("BUILD.toml" if kind == "circle" else "gone")

    make(tmp_path / "a/BUILD.toml")
    with pytest.raises(BuildError, match=what) as error:
        find_root(str(tmp_path / "a"))
    assert error.value.code == 2
    write(tmp_path, {"BUILD.toml": WORKSPACE})
    assert re.search(what, error_of(tmp_path).what) and find_root(str(tmp_path / "a")) == str(
        tmp_path
    )


def test_unreadable_files_are_errors_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"BUILD.toml": WORKSPACE, "d/x": ""})
    scan = os.scandir

    def refuse(path: Any, *more: Any, **options: Any) -> Any:
        if str(path).endswith(("BUILD.toml", "/d")):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path) if not more else real(path, *more, **options)

    real = open
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(BuildError, match="cannot read .*BUILD.toml: Permission denied") as error:
        find_root(str(tmp_path))
    assert error.value.code == 30
    tree = FileTree(str(tmp_path))
    for look_up in (lambda: tree.source("", "d/x", None), lambda: tree.glob("", "**/x", None)):
        with pytest.raises(BuildError, match="'d' cannot be listed") as error:
            look_up()
        assert error.value.code == 30
