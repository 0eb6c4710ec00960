"""Check tables against schemas, resolve labels, and call rules in order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.types.action import Output, Source
from buildgraph.types.errors import BuildError, Location
from buildgraph.types.label import Label
from buildgraph.types.quantities import Duration, Size
from tests.support.analysed_workspace import (
    WORKSPACE,
    Agent,
    Board,
    Budget,
    Link,
    analysed,
    faults,
    formatted_errors,
    provider,
    write,
)

BOARDS = '[hardware.jetson]\nrule = "board"\ndtype = "float64"\n[hardware.pi]\nrule = "board"\n'
SYNTAX = """
[a]
rule = node
[b]
argv = ["x", "y"
[c]
text = "never closed
[d]
wanted = True
[d]
"""
NOTES = """
[hardware.note]
rule = "node"
[e.a]
rule = "export"
hardware = "//hardware:pi"
boards = ["//..."]
[e.none]
rule = "export"
hardware = "//hardware:pi"
boards = ["//e:*"]
"""
LINKED = """
[a]
rule = "node"
deps = [":b", "//hardware:pi"]
[b]
rule = "node"
deps = ["//hardware:pi"]
"""
PAGES = """
[p]
rule = "page"
text = "in/page.md"
[file]
rule = "copy"
data = "in/page.md"
[one]
rule = "copy"
data = ":p#html"
[two]
rule = "copy"
data = ":p"
[typo]
rule = "copy"
data = ":p#htm"
[b]
rule = "board"
[none]
rule = "copy"
data = ":b"
"""
GOLDEN = Path(__file__).parents[2] / "golden" / "errors"

FIVE = """
[hardware.jetson]
rule = "board"
memory = "8"

[exports.jetson]
rule = "exprt"

[exports.pi]
rule = "export"
hardware = "//hardware:jetsn"

[docs.page]
rule = "page"
text = "pge.md"

[docs.other]
rule = "page"
text = "page.md"
budgt = 3
"""

EVERY = """
[hardware.jetson]
rule = "board"
dtype = "float61"

[exports.b]
rule = "export"
hardware = "//docs:p"
boards = ["//hardware:*", "//docs:*", "//nowhere:*", 4]
agents = { a = 3, b = { board = "hardware", rol = "x" } }
links = [{ from = "a" }, { from = "a", to = true }]
budget = { image = "8 MiBs", step = 5 }
spare = "//hardware/..."

[docs.p]
rule = "page"
text = "../secret"

[docs.q]
rule = "page"

[docs.r]
rule = "files"
srcs = ["*.zip", "src", "no.txt"]

[docs.s]
rule = "copy"
data = 3.5

[docs.t]
rule = "node"
weight = "heavy"
wanted = 1
deps = "//docs:p"
"""


def golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("BUILDGRAPH_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


def only(root: Path, *patterns: str) -> BuildError:
    (error,) = faults(root, *patterns)
    return error


def test_five_mistakes_are_reported_together_in_order(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": FIVE, "page.md": ""})
    golden("five", formatted_errors(tmp_path))
    assert [error.reason for error in faults(tmp_path)] == [
        "value",
        "rule",
        "missing",
        "source",
        "key",
    ]
    assert {error.code for error in faults(tmp_path)} == {2}


def test_syntax_errors_are_reported_together(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": SYNTAX})
    golden("syntax", formatted_errors(tmp_path))


def test_every_kind_of_mistake_has_words_and_a_place(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": EVERY, "page.md": "", "src/a.py": ""})
    golden("every", formatted_errors(tmp_path))
    assert all(error.at is not None and error.at.line for error in faults(tmp_path))


def test_values_arrive_as_the_signature_says(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": BOARDS
            + """
[exports.a]
rule = "export"
hardware = "//hardware:jetson"
boards = ["//hardware:*", "-//hardware:pi", "//hardware:jetson"]
agents = { short = "//hardware:pi", long = { board = "//hardware:jetson", role = "lead" } }
links = [{ from = "a", to = "b" }]
budget = { image = "8MiB", step = "5ms" }
"""
        },
    )
    jetson, pi = Board("float64", 1), Board("float32", 1)
    assert provider(tmp_path, "//exports:a").arguments == (
        jetson,
        (jetson,),
        {"short": Agent(pi), "long": Agent(jetson, "lead")},
        (Link("a", "b"),),
        Budget(Size(8 << 20), Duration(5_000_000)),
        None,
    )


def test_patterns_in_lists_choose_by_kind(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": BOARDS + NOTES})
    assert provider(tmp_path, "//e:a").arguments[1] == (Board("float64", 1), Board("float32", 1))
    assert "no target that //e:* matches provides Board" in only(tmp_path, "//e:none").what


def test_a_list_may_remove_the_package_of_its_target(tmp_path: Path) -> None:
    nodes = '[e.a]\nrule = "node"\ndeps = ["//...", "-:*"]\n[e.b]\nrule = "node"\n'
    write(tmp_path, {"BUILD.toml": BOARDS + nodes})
    boards = (Board("float64", 1), Board("float32", 1))
    assert provider(tmp_path, "//e:a").members == boards


def test_order_deps_and_what_was_read(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": BOARDS, "e/BUILD.toml": LINKED})
    analysis = analysed(tmp_path, "//e:a")
    pi, a, b = Label("hardware", "pi"), Label("e", "a"), Label("e", "b")
    assert analysis.order == (pi, b, a) and analysis.deps == {a: (b, pi), b: (pi,), pi: ()}
    # The folder `hardware` is not there: one that comes would be seen in the root.
    assert set(analysis.files_read) == {"", "BUILD.toml", "e/BUILD.toml"}


def test_artifacts_are_paths_or_outputs_of_labels(tmp_path: Path) -> None:
    write(tmp_path, {"d/BUILD.toml": PAGES, "d/in/page.md": "", "BUILD.toml": ""})
    assert provider(tmp_path, "//d:file").source == Source("d/in/page.md")
    assert provider(tmp_path, "//d:file").source.at == Location("d/BUILD.toml", 7, 9, 10)
    assert isinstance(provider(tmp_path, "//d:one").source, Output)
    assert "name one of //d:p#html, //d:p#log" in only(tmp_path, "//d:two").fix
    assert "did you mean 'html'?" in only(tmp_path, "//d:typo").fix
    assert "it makes no file" in only(tmp_path, "//d:none").fix


def test_globs_find_files_and_watch_the_folders_they_looked_in(tmp_path: Path) -> None:
    globs = '["**/*.py", "!**/test_*", "data/[ab]?.csv", "one.txt"]'
    there = (
        "a.py s/b.py s/t/c.py s/test_c.py .hid/d.py out/e.py data/a1.csv data/c1.csv .e.py one.txt "
        "s/no.txt"
    ).split()
    write(
        tmp_path,
        {
            "f/BUILD.toml": f'[a]\nrule = "files"\nsrcs = {globs}\n',
            "BUILD.toml": "",
            **{f"f/{name}": "" for name in there},
        },
    )
    names = [source.name for source in provider(tmp_path, "//f:a").sources]
    assert names == ["f/a.py", "f/data/a1.csv", "f/one.txt", "f/s/b.py", "f/s/t/c.py"]
    assert {"f", "f/s", "f/s/t", "f/data"} <= set(analysed(tmp_path, "//f:a").files_read)


@pytest.mark.parametrize("below", ["agents", "agents.deep", "budget"])
def test_a_table_that_may_be_a_value_or_a_target_is_refused_with_both_places(
    tmp_path: Path, below: str
) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": f'[h]\nrule = "board"\n[e.t]\nrule = "export"\nhardware = "//:h"\n'
            f'[e.t.{below}]\nrule = "node"\n',
            "s/BUILD.toml": '[deps.x]\nrule = "node"\n',
        },
    )
    error = only(tmp_path, "//e:t")
    assert (
        f"[e.t.{below}] has a rule" in error.what
        and f"{below.split('.')[0]!r} is also a key" in error.what
    )
    assert (
        error.at == Location("BUILD.toml", 8, 1, len(below) + 6) and "BUILD.toml:5:1" in error.fix
    )


def test_a_target_below_a_target_is_no_value(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": '[a]\nrule = "node"\ndeps = ["//a:b", "//a/more:c"]\n'
            '[a.b]\nrule = "node"\n'
            '[a.more.c]\nrule = "node"\n'
        },
    )
    assert {str(label) for label in analysed(tmp_path, "//:a").order} == {
        "//:a",
        "//a:b",
        "//a/more:c",
    }


def test_a_target_written_inline_below_a_target_is_an_unknown_key(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": '[a]\nrule = "node"\nb = { rule = "node" }\n'})
    error = only(tmp_path)
    assert "unknown key 'b'" in error.what and "header of its own" in error.fix


TREE = "a.py d/b.py d/e/c.py .h/x.py d/.y.py"


def globbed(root: Path, *globs: str, folder: str = "") -> list[str]:
    """The files that globs find, relative to the folder of BUILD.toml."""
    text = f'[g]\nrule = "files"\nsrcs = {list(globs)}\n'
    write(root, {"BUILD.toml": "", f"{folder}BUILD.toml": text})
    return [
        source.name
        for source in provider(root, f"//{folder.strip('/')}:g").sources
        if "BUILD" not in source.name
    ]


@pytest.mark.parametrize(
    ("glob", "files"),
    [
        ("**", "a.py d/b.py d/e/c.py"),
        ("**/*", "a.py d/b.py d/e/c.py"),
        ("d/**", "d/b.py d/e/c.py"),
        ("**/**", "a.py d/b.py d/e/c.py"),
        ("d/**/**", "d/b.py d/e/c.py"),
        ("**/e/**", "d/e/c.py"),
        ("d/*", "d/b.py"),
        ("**/d/**/c.py", "d/e/c.py"),
        ("*/*/*", "d/e/c.py"),
        (".h/**", ".h/x.py"),
        ("**/.*", "d/.y.py"),
        ("**/e/c.py", "d/e/c.py"),
    ],
)
def test_two_stars_stand_for_folders_wherever_they_are(
    tmp_path: Path, glob: str, files: str
) -> None:
    write(tmp_path, dict.fromkeys(TREE.split(), ""))
    assert globbed(tmp_path, glob) == files.split()


@pytest.mark.parametrize(
    ("glob", "hint"),
    [
        ("d/**/", '"d/**"'),
        ("d/", '"d/**"'),
        ("d//*.py", '"d/*.py"'),
        ("**.py", '"**/*.py"'),
        ("d/**x", '"d/**/*x"'),
        ("x**", '"**/x*"'),
        ("d", '"d/**"'),
        ("**/", '"**"'),
    ],
)
def test_a_glob_that_is_none_is_refused_with_one_that_works(
    tmp_path: Path, glob: str, hint: str
) -> None:
    write(tmp_path, dict.fromkeys([*TREE.split(), "d/zx", "xz"], ""))
    write(tmp_path, {"BUILD.toml": f'[g]\nrule = "files"\nsrcs = ["{glob}"]\n'})
    error = only(tmp_path)
    assert hint in error.fix
    assert globbed(tmp_path, error.fix.split('"')[1])


def test_globs_go_through_links_within_the_workspace(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "w/real/r.txt": "",
            "w/real/in/s.txt": "",
            "w/d/x.txt": "",
            "elsewhere/z.txt": "",
            "w/out/o.txt": "",
        },
    )
    root = tmp_path / "w"
    for name, leads in {
        "link": "real",
        "d/up": "../real",
        "d/loop": "..",
        "d/away": "../../elsewhere",
        "d/gone": "nothing",
        "d/self": "self",
        "d/made": "../out",
    }.items():
        (root / name).symlink_to(leads)
    for glob, files in {
        "link/*.txt": "link/r.txt",
        "link/**": "link/in/s.txt link/r.txt",
        "l*/r.txt": "link/r.txt",
        "d/**/*.txt": "d/up/in/s.txt d/up/r.txt d/x.txt",
        "*/*/s.txt": "link/in/s.txt real/in/s.txt",
        "d/loop/real/*": "d/loop/real/r.txt",
    }.items():
        assert globbed(root, glob) == files.split(), glob
    for glob, message in {
        "d/away/*": "link out",
        "d/gone/*": "link to nothing",
        "d/self/**": "leads in a circle",
        "d/x.txt/*": "not a folder",
    }.items():
        write(root, {"BUILD.toml": f'[g]\nrule = "files"\nsrcs = ["{glob}"]\n'})
        assert message in only(root).what, glob
    for glob, message in {
        "d/**/z.txt": "'d/away' is a link out",
        "d/**/o.txt": "globs do not follow",
    }.items():
        write(root, {"BUILD.toml": f'[g]\nrule = "files"\nsrcs = ["{glob}"]\n'})
        assert message in only(root).fix or "d/" in only(root).fix, glob


def test_links_that_lead_to_each_other_have_an_end(tmp_path: Path) -> None:
    for one in "ab":
        write(tmp_path, {f"{one}/{one}.txt": ""})
        (tmp_path / one / "to").symlink_to("../b" if one == "a" else "../a")
    assert globbed(tmp_path, "**/*.txt") == ["a/a.txt", "a/to/b.txt", "b/b.txt", "b/to/a.txt"]


def test_a_link_that_comes_to_lead_somewhere_is_watched(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "d/x.txt": "",
            "e/y": "",
            "BUILD.toml": "",
            "d/BUILD.toml": '[g]\nrule = "files"\nsrcs = ["**/*.txt"]\n',
        },
    )
    (tmp_path / "d/later").symlink_to("../e/f")
    assert "e" in analysed(tmp_path, "//d:g").files_read


@pytest.mark.parametrize("place", ["cache", "d/cache", "../link/cache"])
def test_the_cache_within_the_workspace_is_no_source(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "w"
    write(
        root,
        {
            "a.txt": "",
            "d/b.txt": "",
            "cache/c.txt": "",
            "cache/BUILD.toml": '[n]\nrule = "node"\n',
            "d/cache/c.txt": "",
        },
    )
    (tmp_path / "link").symlink_to("w")
    (root / "door").symlink_to(
        Path(tmp_path / "link" if ".." in place else root, place.removeprefix("../link/")).resolve()
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("BUILDGRAPH_CACHE", place)
    within = place.removeprefix("../link/")
    other = "d/cache/c.txt" if within == "cache" else "cache/c.txt"
    assert globbed(root, "**/*.txt") == sorted(["a.txt", "d/b.txt", other])
    assert [str(label) for label in analysed(root, "//...").order if "n" in label.name] == [
        "//cache:n"
    ] * (within != "cache")
    for named in (f"{within}/c.txt", f"{within}/*.txt", "door/c.txt", "door/**"):
        write(root, {"BUILD.toml": f'[g]\nrule = "files"\nsrcs = ["{named}"]\n'})
        error = only(root, "//:g")
        assert "part of the build cache" in error.what and "BUILDGRAPH_CACHE" in error.fix, named
    monkeypatch.setenv("BUILDGRAPH_CACHE", ".")
    with pytest.raises(BuildError, match="the workspace itself"):
        analysed(root)


@pytest.mark.parametrize(
    ("written", "there", "hint"),
    [
        ("r\u00e9sum\u00e9.txt", "re\u0301sume\u0301.txt", "re\\u0301sume\\u0301.txt"),
        ("re\u0301.txt", "r\u00e9.txt", "r\\xe9.txt"),
        ("p\u0430ge.md", "page.md", "U+0430 CYRILLIC SMALL LETTER A"),
        ("a\u00a0b.txt", "a b.txt", "U+00A0 NO-BREAK SPACE"),
        ("a\u200bb.txt", "ab.txt", "U+200B ZERO WIDTH SPACE"),
        ("a.txt ", "a.txt", "space at the beginning or end"),
        ("readme.md", "README.md", "did you mean 'README.md'?"),
        ("a\u2013b.txt", "a-b.txt", "U+2013 EN DASH"),
    ],
)
def test_the_difference_of_names_that_look_alike_is_reported(
    tmp_path: Path, written: str, there: str, hint: str
) -> None:
    write(tmp_path, {f"d/{there}": "", "BUILD.toml": f'[a]\nrule = "copy"\ndata = "d/{written}"\n'})
    assert hint in only(tmp_path).fix
    write(
        tmp_path, {f"{there}/x": "", "BUILD.toml": f'[a]\nrule = "files"\nsrcs = ["{written}/*"]\n'}
    )
    assert hint in only(tmp_path).fix


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../x", "not a relative path"),
        ("/etc/passwd", "not a relative path"),
        ("a//b", "not a relative path"),
        ("./x", "not a relative path"),
        ("leaves", "link out of the workspace"),
        ("dangling", "link to nothing"),
        ("pipe", "not a file or a folder"),
        ("page.md/x", "not a folder"),
        ("Page.md", "no file"),
        ("sub/page", "no file"),
        ("folder_link/passwd", "link out"),
    ],
)
def test_a_source_is_inside_the_workspace(tmp_path: Path, path: str, message: str) -> None:
    root = write(
        tmp_path / "w",
        {"BUILD.toml": f'[a]\nrule = "copy"\ndata = "{path}"\n', "page.md": "", "sub/page.md": ""},
    )
    (root / "leaves").symlink_to("/etc/passwd")
    (root / "folder_link").symlink_to("/etc")
    (root / "dangling").symlink_to("gone")
    os.mkfifo(root / "pipe")
    error = only(root)
    assert message in error.what and error.at == Location("BUILD.toml", 5, 9, len(path))


def test_a_link_that_stays_inside_is_a_source(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": '[a]\nrule = "copy"\ndata = "link.md"\n', "page.md": ""})
    (tmp_path / "link.md").symlink_to("page.md")
    assert provider(tmp_path, "//:a").source == Source("link.md")


def chain(names: list[str]) -> str:
    return "".join(
        f'[{name.replace(":", ".")}]\nrule = "node"\ndeps = ["//{after}"]\n'
        for name, after in zip(names, names[1:] + names[:1])
    )


def test_a_cycle_is_reported_with_every_place(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": chain(["c:b", "a:b", "b:d"])})
    error = only(tmp_path, "//c:b")
    assert error.what == "targets depend on each other: //a:b -> //b:d -> //c:b -> //a:b"
    assert error.at == Location("BUILD.toml", 8, 10, 5)
    assert "//b:d at BUILD.toml:11:10, //c:b at BUILD.toml:5:10" in error.fix


def test_a_target_that_needs_itself_is_a_cycle(tmp_path: Path) -> None:
    write(tmp_path, {"BUILD.toml": chain(["a:b"])})
    assert only(tmp_path).what == "targets depend on each other: //a:b -> //a:b"


RULES = '''
from dataclasses import dataclass
from buildgraph import Artifact, Ctx, Out, Provider, rule

@dataclass(frozen=True)
class Shout(Provider):
    """Loud."""
    text: Artifact

@rule
def shout(ctx: Ctx, data: Artifact, times: int = 1) -> Shout:
    """Say it louder."""
    assert times < 9, "too loud"
    (text,) = ctx.run(["shout", data, Out("text")])
    return Shout(text)
'''


def ruled(root: Path, rules: str, value: str = "times = 2") -> Path:
    text = f'{WORKSPACE}rules = ["tools/mine.py"]\n[a]\nrule = "shout"\ndata = "x.md"\n{value}\n'
    return write(root, {"BUILD.toml": text, "tools/mine.py": rules, "x.md": ""})


def test_a_workspace_adds_rules(tmp_path: Path) -> None:
    ruled(tmp_path, RULES)
    assert isinstance(provider(tmp_path, "//:a").text, Output)
    assert "tools/mine.py" in analysed(tmp_path).files_read
    assert not (tmp_path / "tools/__pycache__").exists()


@pytest.mark.parametrize(
    ("rules", "line", "message", "hint"),
    [
        ("x = (\n", 1, "not valid Python", ""),
        ("\nimport nothing_at_all\n", 2, "ModuleNotFoundError", ""),
        ("\n\n1 / 0\n", 3, "ZeroDivision", ""),
        ("from buildgraph import Provide\n", 1, "ImportError", "did you mean 'Provider'?"),
        ("x = 1\n", None, "defines no rule", "@rule"),
        (RULES.replace("def shout", "def board"), 10, "exists already", "rename"),
        (
            RULES.replace("times: int", "times: set[int]"),
            None,
            "cannot be written in BUILD.toml",
            "",
        ),
        (RULES.replace("-> Shout", "-> int"), None, "must return a Provider", ""),
        (RULES.replace("data: Artifact,", "data: Artefact,"), None, "Artefact", ""),
    ],
)
def test_an_error_in_a_file_of_rules_has_a_place(
    tmp_path: Path, rules: str, line: int | None, message: str, hint: str
) -> None:
    error = only(ruled(tmp_path, rules))
    assert message in error.what and hint in error.fix and error.reason == "rule"
    if line is not None:
        assert error.at is not None and (error.at.path, error.at.line) == ("tools/mine.py", line)
    else:
        assert error.at is not None and error.at.line


def test_an_exception_of_a_user_rule_is_reported_at_its_line(tmp_path: Path) -> None:
    error = only(ruled(tmp_path, RULES, "times = 9"))
    assert error.what == "//:a: AssertionError: too loud"
    assert error.at == Location("tools/mine.py", 13)


def test_what_fails_in_one_file_does_not_hide_the_others(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "BUILD.toml": '[x]\nrule = "node"\ndeps = ["//a:a", "//b:b", "//c:c"]\n',
            "a/BUILD.toml": "broken",
            "b/BUILD.toml": "[b]\nrul = 1\n",
            "c/BUILD.toml": '[c]\nrule = "node"\n',
        },
    )
    assert [str(error.at) for error in faults(tmp_path, "//:x")] == [
        "a/BUILD.toml:1:7",
        "b/BUILD.toml:2:1",
    ]
