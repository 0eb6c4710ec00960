"""Plain English: banned words are absent from prose and messages, banned names from code.

`python -m tests.house.words [PATH...]` lists the violations with file and line.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import words
from tests.house.words import Text

ROOT = Path(__file__).parents[2]


def test_words_and_names_are_plain() -> None:
    violations = words.check_paths([ROOT])
    assert not violations, "\n".join(map(str, violations))


def found_in(text: str, kind: str = "comment", path: str = "x.py") -> list[str]:
    """Banned words of a text, as they are written there."""
    return [
        violation.word
        for violation in words.violations_in(Text(kind, 1, words.without_code(text)), path)
    ]


@pytest.mark.parametrize(
    "text, banned",
    [
        ("The dearest step is told to wait.", ["dearest", "told"]),
        ("Neither x nor y", ["nor"]),
        ("a set kept apart from others", ["apart"]),
        ("ticks that begin far apart, apart from the first", []),
        ("the lock is held by process 7", []),
        ("what the file held", ["held"]),
        ("`*` stands for a part of a name", []),
        ("the file stands there", ["stands"]),
        ("fault injection, page faults and injected faults", []),
        ("a fault of the user", ["fault"]),
        ("users who install it", []),
        ("a process who waits", ["who"]),
        ("`told` and ``fault`` are code", []),
        ("let go\n   of it", ["let go\n   of".replace("\n   ", " ")]),
        ("default, standard, mendacious, sinecure, northern", []),
    ],
)
def test_words_in_their_context(text: str, banned: list[str]) -> None:
    assert found_in(text) == banned


def test_a_folder_whose_subject_is_the_word() -> None:
    assert found_in("each fault", path="tests/fault/test_crash.py") == []
    assert found_in("each fault", path="tests/e2e/test_crash.py") == ["fault"]


@pytest.mark.parametrize(
    "text, opening",
    [
        ("What decides.", True),
        ("Whether it is so.", True),
        ("Of a file.", True),
        ("Where it is.", True),
        ("Save the state.", False),
        ("Inputs of analysis.", False),
        ("Official names.", False),
    ],
)
def test_openings_of_docstrings(text: str, opening: bool) -> None:
    violations = list(words.violations_in(Text("docstring", 1, text), "x.py"))
    assert any(violation.kind == "opening" for violation in violations) == opening


PYTHON = '''"""A module.

Told on line three.
"""
# a comment
#   that is dear
def said(found):
    """Return it."""
    made = "told"              # one word is data
    print(f"it is told {found} to wait")
    return "a" "message " + f"of {made} mended"
'''


def test_python_files() -> None:
    violations = [
        violation
        for text in words.python_texts(PYTHON, True)
        for violation in words.violations_in(text, "x.py")
    ]
    assert sorted((v.line, v.kind, v.word) for v in violations) == [
        (3, "docstring", "Told"),
        (6, "comment", "dear"),
        (10, "message", "told"),
        (11, "message", "mended"),
    ]
    assert [(v.line, v.kind, v.word) for v in words.name_violations(PYTHON, "x.py")] == [
        (7, "function", "said"),
        (7, "variable", "found"),
        (9, "variable", "made"),
    ]
    assert not [text for text in words.python_texts(PYTHON, False) if text.kind == "message"]


def test_names_are_those_that_code_binds() -> None:
    source = (
        "self.found = 1\nfor made in x: pass\ntry: pass\nexcept E as held: pass\n"
        "use(told)\nfrom h import given\nfounded = 1\n"
    )
    assert {violation.word for violation in words.name_violations(source, "x.py")} == {
        "made",
        "found",
        "held",
    }


def test_c_files() -> None:
    source = (
        '/* first\n   told */\nchar *x = "is /* no */ fault here";\nint told; // dear\n"fault"\n'
    )
    violations = [v for text in words.c_texts(source) for v in words.violations_in(text, "x.h")]
    assert [(v.line, v.kind, v.word) for v in violations] == [
        (2, "comment", "told"),
        (3, "message", "fault"),
        (4, "comment", "dear"),
    ]


def test_toml_files() -> None:
    source = 'a = "# told"  # dear\n# told\nb = """\n# told\n"""\n'
    violations = [
        v for text in words.hash_texts(source) for v in words.violations_in(text, "BUILD.toml")
    ]
    assert [(v.line, v.word) for v in violations] == [(1, "dear"), (2, "told")]


def test_markdown_pages() -> None:
    source = "# Told\n\n```\ntold\n```\n`told` [x](told.md)\n\nof\nlate\n"
    violations = [
        v for text in words.markdown_texts(source) for v in words.violations_in(text, "x.md")
    ]
    assert [(v.line, v.word) for v in violations] == [(1, "Told"), (8, "of late")]


@pytest.mark.parametrize(
    "message",
    [
        "Add a page on caching",
        "Address the review",
        "Feed the fork server in order",
        "Bring the tests back",
        "Cross-check the digests\n\nA body.",
        "Merge branch 'x' of whatever length and form there may be, for git wrote the title",
        "Process inputs once",
        "Pass the digest on\n# a comment of git\n",
    ],
)
def test_good_commit_messages(message: str) -> None:
    assert words.title_errors(message) == []


@pytest.mark.parametrize(
    "message, error",
    [
        ("Added a page", "imperative"),
        ("Adding a page", "imperative"),
        ("add a page", "imperative"),
        ("Adds a page", "imperative"),
        ("Add a page.", "full stop"),
        ("Add " + "x" * 70, "at most 72"),
        ("", "empty"),
        ("Mend the cache", "banned"),
        ("Add a page\nof text", "second line"),
        ("Add a page\n\nNothing is told.", "banned"),
    ],
)
def test_bad_commit_messages(message: str, error: str) -> None:
    assert any(error in text for text in words.title_errors(message))


def test_the_command_lists_and_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.md").write_text("fine\n")
    (tmp_path / "b.md").write_text("one fault\nand dear\n")
    monkeypatch.setattr("sys.argv", ["words", str(tmp_path)])
    assert words.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("b.md:1: page: 'fault'") and lines[1].startswith(
        "b.md:2: page: 'dear'"
    )
    assert lines[2:] == ["    2  b.md", "    2  in all: 2 page"]
    monkeypatch.setattr("sys.argv", ["words", str(tmp_path / "a.md")])
    assert words.main() == 0
