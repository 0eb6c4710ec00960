"""The text of a TOML file without comments, indentation and blank lines.

Two valid files with equal such texts have equal values, in the same order. So a build
distinguishes an edited comment from an edited value without a parser.
"""

from __future__ import annotations

import hashlib
import re
import sys

from .text_encoding import BOM

MAX_LINE = 64 << 10  # characters
# Before 3.11.5, a possessive group of several alternatives ends too soon (python/cpython#106052).
# There, a group that can backtrack is used, which takes more memory for long texts.
_REPEAT = "*+" if sys.version_info >= (3, 11, 5) else "*"
_LONG_BASIC = rf'"""(?:[^"\\]++|\\[\s\S]|"{{1,2}}(?!")){_REPEAT}"{{%s,5}}'
_LONG_LITERAL = rf"'''(?:[^']++|'{{1,2}}(?!')){_REPEAT}'{{%s,5}}"
LONG = f"{_LONG_BASIC}|{_LONG_LITERAL}"
"""Strings of several lines. The two arguments of `%` are the least numbers of closing quotes."""
_SHORT = r'"(?:[^"\\\n]|\\[^\n])*"|' + r"'[^'\n]*'"
_TOKEN = re.compile(rf"(?P<long>{LONG % (3, 3)})|{_SHORT}|\#[^\n]*|(?P<open>[\"'])")
_BEFORE_COMMENT = re.compile(rf"(?:[^\"'\#]|{_SHORT})*+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def hash_without_comments(data: bytes) -> str:
    """The SHA-256 of the text of a file without comments, in hex.

    It is empty if that text cannot be determined: the file is not valid, or unusual.
    """
    try:
        text = data.removeprefix(BOM).decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        return ""
    if _CONTROL.search(text):  # not allowed anywhere, and "\0" stands for a long string below
        return ""
    long_strings: list[str] = []
    if '"""' in text or "'''" in text:
        text = _take_long_strings(text, long_strings)
        if not text:
            return ""
    lines = []
    for line in text.split("\n"):
        if len(line) > MAX_LINE:
            return ""
        if "#" in line:
            match = _BEFORE_COMMENT.match(line)
            end = match.end() if match else 0
            if line[end : end + 1] not in ("#", ""):
                return ""
            line = line[:end]
        line = line.strip(" \t")
        if line:
            lines.append(line)
    return hashlib.sha256("\0".join(("\n".join(lines), *long_strings)).encode()).hexdigest()


def _take_long_strings(text: str, taken: list[str]) -> str:
    """Replace each string of several lines by "\\0", and append it to `taken`.

    The text is empty if quotes are not closed: a search for more strings would take quadratic time.
    """
    pieces, start = [], 0
    for token in _TOKEN.finditer(text):
        if token["open"] is not None:
            return ""
        if token["long"] is not None:
            pieces += [text[start : token.start()], "\0"]
            taken.append(token["long"])
            start = token.end()
    return "".join((*pieces, text[start:]))
