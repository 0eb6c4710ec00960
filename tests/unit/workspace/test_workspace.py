"""Which targets a workspace has, and where they stand."""

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


def fault(root: Path, *patterns: str) -> BuildError:
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


def test_no_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as error:
        find_root(str(tmp_path))
    assert error.value.reason == "workspace" and "buildgraph init" in error.value.fix


def test_labels_are_folder_then_tables_then_name(tmp_path: Path) -> None:
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
            "BUILD.toml": '[models.scout]\nrule = "model"\nx = 1\n[models.scout.labels]\na = { b = 2 }\n'
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
def test_a_table_written_as_a_value_stays_one_though_it_has_a_key_called_rule(
    tmp_path: Path, value: str
) -> None:
    write(tmp_path, {"BUILD.toml": f'[a.t]\nrule = "node"\n{value}\n'})
    assert labels(tmp_path) == ["//a:t"]
    said = str(Workspace(str(tmp_path)).target(Label("a", "t")).values)
    assert "'rule': " in said and "'mode': 'x'" in said


def test_a_matrix_with_a_rule_is_no_target(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": '[t]\nrule = "node"\n[t.matrix]\nrule = "x"\n'})
    found = fault(tmp_path)
    assert "[t.matrix] has a rule" in found.what and found.at is not None and found.at.line == 5


def test_a_label_made_twice_names_both_places(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": node("a.b.c"), "a/BUILD.toml": "\n" + node("b.c")})
    found = fault(tmp_path, "//a/b:c")
    assert (
        found.reason == "twice"
        and found.at == Location("a/BUILD.toml", 2, 1, 5)
        and "BUILD.toml:3" in found.fix
    )


def test_labels_that_differ_only_in_case_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": node("a.Scout", "a.scout")})
    assert fault(tmp_path).reason == "twice"


@pytest.mark.parametrize(
    ("patterns", "found"),
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
    tmp_path: Path, patterns: tuple[str, ...], found: str
) -> None:
    write(tmp_path, {"BUILD.toml": node("r", "a.x", "a.y"), "a/b/BUILD.toml": node("z")})
    assert labels(tmp_path, *patterns, package="a/b") == found.split()


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
def test_what_does_not_exist_gets_the_nearest_that_does(
    tmp_path: Path, pattern: str, hint: str
) -> None:
    write(tmp_path, {"BUILD.toml": "", "exports/BUILD.toml": node("jetson")})
    found = fault(tmp_path, pattern)
    assert found.reason == "missing" and hint in found.fix


def test_folders_of_others_are_not_ours(tmp_path: Path) -> None:
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
    assert fault(tmp_path, "//own:bad").reason == fault(tmp_path, "//own/in:u").reason == "missing"


def test_a_label_reads_only_the_files_that_can_make_it(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": node("r"), "a/BUILD.toml": node("x"), "b/BUILD.toml": "broken"})
    workspace = Workspace(str(tmp_path))
    workspace.target(Label("a", "x"))
    assert workspace.files_read == ("BUILD.toml", "a/BUILD.toml")
    assert fault(tmp_path, "//b:x").reason == "toml"
    assert fault(tmp_path, "//a:y").reason == "missing"


@pytest.mark.parametrize(
    ("text", "line", "said", "hint"),
    [
        ("[workspace]\n[a]\nrul = 'node'\n", 3, "unknown key 'rul'", "did you mean 'rule'?"),
        ("x = 1\n[workspace]\n", 1, "'x' stands outside any table", "[exports.jetson]"),
        ("[workspace]\n[a.b]\nx = 1\n", 2, "[a.b] has values but no rule", "add rule"),
        ("[workspace]\n[a]\nrule = 3\n", 3, "rule wants the name", "such as"),
        ("[workspace]\n['a b']\nrule = 'node'\n", 2, "'a b' cannot be part of a label", "letters"),
        ("[workspace]\n[a.'b/c'.d]\nrule = 'node'\n", 2, "'b/c' cannot be part", "letters"),
        ("[workspace]\n['..'.a]\nrule = 'node'\n", 2, "'..' cannot be part", "letters"),
        ("[workspace]\n[[a]]\nrule = 'node'\n", 2, "'a' stands outside", "table"),
        ("rule = 'node'\n[workspace]\n", 1, "'rule' stands outside any table", "[exports.jetson]"),
    ],
)
def test_a_wrong_shape_is_told_at_its_place(
    tmp_path: Path, text: str, line: int, said: str, hint: str
) -> None:
    write(tmp_path, {"BUILD.toml": text})
    found = fault(tmp_path, "//...")
    assert (
        said in found.what and hint in found.fix and found.at is not None and found.at.line == line
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
    with pytest.raises(BuildError) as error:
        assert Workspace(str(tmp_path)).settings
    found = error.value.errors if isinstance(error.value, BuildErrors) else (error.value,)
    assert len(found) == len(hints) and all(hint in one.fix for hint, one in zip(hints, found))


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
def test_what_is_no_label_or_finds_nothing_leads_to_what_does(
    tmp_path: Path, text: str, hint: str
) -> None:
    write(tmp_path, {"BUILD.toml": node("top", "x.a", "x.bb", "y.z.d")})
    assert hint in fault(tmp_path, text).fix


def test_hints_for_labels_can_be_used(tmp_path: Path) -> None:
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
        hinted = fault(tmp_path, text).fix.split("'")[1]
        assert labels(tmp_path, hinted), text


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": b"\xef\xbb\xbf[workspace]\n",
            "s/BUILD.toml": b"\xef\xbb\xbf" + node("q").encode(),
        },
    )
    assert find_root(str(tmp_path)) == str(tmp_path) and labels(tmp_path) == ["//s:q"]
    write(tmp_path, {"BUILD.toml": b"\xef\xbb\xbfx = y\n[workspace]\n"})
    assert fault(tmp_path).at == Location("BUILD.toml", 1, 5)


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_file_in_another_coding_is_named(tmp_path: Path, coding: str) -> None:
    write(tmp_path, {"BUILD.toml": WORKSPACE.encode(coding)})
    assert find_root(str(tmp_path)) == str(tmp_path)
    assert "UTF-" in fault(tmp_path).what and "UTF-8" in fault(tmp_path).fix


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("folder", "is a folder"),
        ("pipe", "neither a file|is not a file"),
        ("circle", "leads in a circle"),
        ("dangling", "link to nothing"),
    ],
)
def test_what_is_called_build_toml_and_is_no_file_is_named(
    tmp_path: Path, kind: str, said: str
) -> None:
    def make(path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        if kind in ("folder", "pipe"):
            path.mkdir() if kind == "folder" else os.mkfifo(path)
        else:
            path.symlink_to("BUILD.toml" if kind == "circle" else "gone")

    make(tmp_path / "a/BUILD.toml")
    with pytest.raises(BuildError, match=said) as error:
        find_root(str(tmp_path / "a"))
    assert error.value.code == 2
    write(tmp_path, {"BUILD.toml": WORKSPACE})
    assert re.search(said, fault(tmp_path).what) and find_root(str(tmp_path / "a")) == str(tmp_path)


def test_what_may_not_be_read_is_named_as_a_fault_of_the_machine(
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
    listing = FileTree(str(tmp_path))
    for look in (lambda: listing.source("", "d/x", None), lambda: listing.glob("", "**/x", None)):
        with pytest.raises(BuildError, match="'d' cannot be listed") as error:
            look()
        assert error.value.code == 30
