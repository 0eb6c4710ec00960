"""Equal texts without comments have equal values."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import example, given, strategies as st

from buildgraph.workspace.toml_text import MAX_LINE, hash_without_comments

TEXT = '''[a] # first
k = "x # no comment" # a comment with "one quote
l = '\\' # 'another'
m = [
  1, # one
  2,
]
n = """
# no comment
  "" '
""" # after
o = \'\'\'# no "comment\'\'\'
'''
LINES = (
    "k = 1",
    'k = "#"',
    "k = '#'",
    'k = "\\"#"',
    'k = """\n#\n"""',
    "k = '''#\n'''",
    'k = """a""""',
    "k = [",
    "1,",
    "]",
    "[t]",
    "# comment",
    "",
)
TOKENS = (
    "#",
    "# x",
    '"',
    "'",
    '"""',
    "'''",
    "\n",
    " ",
    "\t",
    "\\",
    "[",
    "]",
    ",",
    "1",
    "\r\n",
    "\0",
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# first", "# second"),
        ("\nl =", "\n\n# another line\n  l ="),
        ("  1, # one\n", "1,\t\n\n# one\n"),
        ("\n", "\r\n"),
        ('""" # after', '"""'),
        ("[a]", "\ufeff[a]"),
    ],
)
def test_comments_indentation_and_blank_lines_do_not_count(old: str, new: str) -> None:
    assert old in TEXT
    before = hash_without_comments(TEXT.encode())
    assert before and hash_without_comments(TEXT.replace(old, new).encode()) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x # no", "x # "),
        ("\n# no comment", "\n# a comment"),
        ('# no "comment', ""),
        ("  1,", "  2,"),
        ("[a]", "[b]"),
    ],
)
def test_values_count(old: str, new: str) -> None:
    assert old in TEXT
    assert hash_without_comments(TEXT.replace(old, new).encode()) != hash_without_comments(
        TEXT.encode()
    )


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"k = 1 # \x01",
        b"k = 1 # \r",
        b'k = "x # y',
        b'k = """\\"',
        "k = 1".encode("utf-16"),
        b"#" * (MAX_LINE + 1),
    ],
)
def test_an_unusual_file_has_no_hash(data: bytes) -> None:
    assert hash_without_comments(data) == ""


@given(
    st.lists(st.sampled_from(LINES), max_size=8),
    st.lists(st.tuples(st.integers(0, 90), st.sampled_from(TOKENS)), min_size=1, max_size=4),
)
@example(['k = """a""""', "k = '#'"], [(10, " # ")])
def test_equal_hashes_mean_equal_values(
    lines: list[str], insertions: list[tuple[int, str]]
) -> None:
    """Insert anything anywhere into a valid text; keys differ, so that most texts are valid."""
    text = edited = "\n".join(line.replace("k", f"k{n}", 1) for n, line in enumerate(lines))
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    for at, token in insertions:
        edited = edited[:at] + token + edited[at:]
    digest = hash_without_comments(edited.encode())
    if digest and digest == hash_without_comments(text.encode()):
        assert repr(tomllib.loads(edited.replace("\r\n", "\n"))) == repr(values)
