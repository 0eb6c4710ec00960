"""Find words and names that the language rules ban: `python -m tests.house.words [PATH...]`.

Checked are docstrings, comments and messages of Python, C and TOML files, Markdown pages, and
names in Python code. Text in backticks is code and is not checked. The file needs the standard
library only, so a copy of it runs on any checkout.
"""

from __future__ import annotations

import argparse
import ast
import io
import os
import re
import sys
import tokenize
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SKIPPED_FOLDERS = {
    ".git",
    ".venv",
    ".buildgraph",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    "__pycache__",
    "out",
    "node_modules",
}
# Strings of tests are data and expectations, and are not checked.
MESSAGE_FOLDERS = {"buildgraph", "rules", "examples"}


@dataclass(frozen=True)
class Ban:
    """A banned word or phrase, the advice, and the phrases around the word that are fine."""

    word: str
    pattern: str
    instead: str
    allowed: str = ""
    allowed_below: str = ""  # a folder whose subject is the word


BANS = (
    Ban("dear", r"dear(er|est|ly)?", "expensive, slow, costs N ms"),
    Ban("told, tell", r"told|tells?|telling|untold", "report, say, distinguish, notify"),
    Ban("said", r"said|unsaid", "written, declared, printed"),
    Ban(
        "stands, stood",
        r"stands?|stood|standing",
        "is, exists, is written",
        r"stands? for|stand-(alone|ins?)|long-standing",
    ),
    Ban(
        "held",
        r"held",
        "kept, tested, contained",
        r"(lock|lease|mutex|flock)s?\b[^.;]{0,40}held|held[^.;]{0,40}(lock|lease|mutex)s?",
    ),
    Ban("anew", r"anew", "again"),
    Ban("whence", r"whence", "from which"),
    Ban(
        "apart",
        r"apart",
        "separate, distinct; tell apart -> distinguish",
        r"(?<!keep )(?<!kept )(?<!keeps )(?<!set )(?<!sets )(?<!tell )(?<!told )apart from"
        r"|(far|farther|further) apart|apart by|at least [^.;]{0,25}apart",
    ),
    Ban("in vain", r"in vain", "without effect, without success"),
    Ban("all but", r"all but", "all except, almost"),
    Ban("of late", r"of late", "recently"),
    Ban("mend", r"mend(s|ed|ing)?", "repair, fix"),
    Ban("way out", r"ways? out", "fix, help, what to do"),
    Ban(
        "leave (= permission)",
        r"(by|without|with|has|have|had|gives?|given|gave) leave(?! it| the| a| them)",
        "permission",
    ),
    Ban("at hand", r"at hand|by hand of", "available, manually"),
    Ban(
        "wants",
        r"wants|(is|are|was|were|be) wanted",
        "requires, requests, needs",
        # The agent program has this message, and its bytes are part of the digests of images.
        r"a file is wanted",
    ),
    Ban(
        "fault",
        r"faults?|faulty",
        "error, problem, failure",
        r"fault[ -]injection|(page|segmentation|bus|hard|injected) faults?"
        r"|faults? (was |were |that were |is |are )?injected"
        r"|inject(s|ed|ing)?( the| a| more| all)? faults?|fault (suite|tests?|tier|point)s?"
        r"|## fault",
        allowed_below="tests/fault",
    ),
    Ban("what decides", r"what decides", "inputs of"),
    Ban("comes to", r"(comes?|came|coming) to(?! be\b)", "evaluates to, reaches, is"),
    Ban("let go of", r"lets? go( of)?|letting go( of)?", "delete, release, free"),
    Ban("nor", r"nor", "and not; a sentence of its own"),
    Ban("but for", r"but for", "except"),
    Ban("whoever", r"whoever|whosoever", "the user that, any process that"),
    Ban("somebody", r"somebody|someone", "a user, a process"),
    Ban(
        "who",
        r"(who|whom)(?!->)",
        "the process that, the module that; `who` is for people only",
        r"(users?|people|persons?|readers?|authors?|maintainers?|contributors?|developers?"
        r"|attackers?|reporters?|owners?|newcomers?|reviewers?|visitors?|anyone|everyone),? whom?",
    ),
)
COMPILED = tuple(
    (
        ban,
        re.compile(rf"(?<![\w-])(?:{ban.pattern})(?!\w)", re.IGNORECASE),
        re.compile(ban.allowed, re.IGNORECASE) if ban.allowed else None,
    )
    for ban in BANS
)

OPENINGS = {
    "what",
    "whatever",
    "who",
    "whoever",
    "whose",
    "whether",
    "where",
    "wherever",
    "of",
    "those",
}
VARIABLES = {"found", "made", "given", "held", "told", "said"}
FUNCTIONS = VARIABLES | {"shown", "stands", "stood"}


@dataclass(frozen=True)
class Text:
    """A piece of prose: its kind, the line where it begins, and its words with code blanked out."""

    kind: str
    line: int
    text: str


@dataclass(frozen=True, order=True)
class Violation:
    """A banned word, opening or name at a line of a file."""

    path: str
    line: int
    kind: str
    word: str
    instead: str
    excerpt: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}: {self.kind}"
        return f"{place}: {self.word!r} (instead: {self.instead})  | {self.excerpt}"


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def without_code(text: str) -> str:
    """The text with `code` in backticks blanked out; line breaks stay."""
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", _blank, text, flags=re.DOTALL)


@lru_cache(1)
def _nodes(source: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(source)))


def _docstrings(source: str) -> Iterator[tuple[ast.Constant, Text]]:
    for node in _nodes(source):
        if (
            not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            or not node.body
        ):
            continue
        first = node.body[0]
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            yield first.value, Text("docstring", first.lineno, without_code(first.value.value))


def _messages(source: str, docstrings: set[int]) -> Iterator[Text]:
    """String literals of two words or more; the parts of an f-string are one text."""
    inner: set[int] = set()
    for node in _nodes(source):
        if isinstance(node, ast.JoinedStr):
            inner |= {id(part) for part in node.values}
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings | inner
        ):
            text = node.value
        else:
            continue
        if re.search(r"[A-Za-z{}]+\s+[A-Za-z{}]", text):
            yield Text("message", node.lineno, without_code(text))


def _python_comments(source: str) -> Iterator[Text]:
    """Comments; lines of comments below each other are one text."""
    block: list[str] = []
    begin = column = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, place = token.start
        is_alone = not token.line[:place].strip()
        if block and is_alone and line == begin + len(block) and place == column:
            block.append(token.string.lstrip("#"))
            continue
        if block:
            yield Text("comment", begin, without_code("\n".join(block)))
        block, begin, column = [token.string.lstrip("#")], line, place if is_alone else -1
    if block:
        yield Text("comment", begin, without_code("\n".join(block)))


def python_texts(source: str, with_messages: bool) -> Iterator[Text]:
    """Docstrings and comments of a Python file, and its messages when asked for."""
    docstrings = list(_docstrings(source))
    yield from (text for _, text in docstrings)
    yield from _python_comments(source)
    if with_messages:
        yield from _messages(source, {id(node) for node, _ in docstrings})


def _scanned(source: str, pattern: str) -> Iterator[tuple[int, str]]:
    for match in re.finditer(pattern, source, re.DOTALL | re.MULTILINE):
        yield source.count("\n", 0, match.start()) + 1, match[0]


def c_texts(source: str) -> Iterator[Text]:
    """Comments of a C file, and its strings of two words or more."""
    for line, part in _scanned(
        source, r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*'
    ):
        if part.startswith("/"):
            yield Text("comment", line, without_code(part))
        elif re.search(r"[A-Za-z]+ [A-Za-z]", part):
            yield Text("message", line, without_code(part))


def hash_texts(source: str) -> Iterator[Text]:
    """Comments of TOML, YAML and shell files; a `#` within quotes begins none."""
    for line, part in _scanned(
        source, r'""".*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|(?<![^\s])#[^\n]*'
    ):
        if part.startswith("#"):
            yield Text("comment", line, without_code(part))


def markdown_texts(source: str) -> Iterator[Text]:
    """A Markdown page as one text, without its code blocks, addresses and HTML comments."""
    plain = re.sub(r"^( *)(```+|~~~+).*?^ *\2 *$", _blank, source, flags=re.DOTALL | re.MULTILINE)
    plain = re.sub(r"\]\([^)\n]*\)|<!--.*?-->|<https?:[^>\n]*>", _blank, plain, flags=re.DOTALL)
    yield Text("page", 1, without_code(plain))


def texts_of(path: Path, source: str, top: str) -> Iterator[Text]:
    """All prose of a file; `top` is the first folder of its path."""
    if path.suffix == ".py" or source.startswith("#!/usr/bin/env python"):
        return python_texts(source, top in MESSAGE_FOLDERS)
    if path.suffix == ".md":
        return markdown_texts(source)
    if path.suffix in {".h", ".c"}:
        return c_texts(source)
    return hash_texts(source)


def _on_one_line(text: str) -> tuple[str, list[int]]:
    """The text with every gap as one space, and where in it each line begins."""
    joined, starts = "", []
    for line in text.split("\n"):
        starts.append(len(joined))
        words = " ".join(line.split())
        joined += words + " " if words else ""
    return joined, starts


def violations_in(text: Text, path: str) -> Iterator[Violation]:
    """Banned words of a text, and a docstring that opens with a stand-in for a noun."""
    prose, starts = _on_one_line(text.text)
    for ban, pattern, allowed in COMPILED:
        if ban.allowed_below and path.startswith(ban.allowed_below + "/"):
            continue
        fine = [match.span() for match in allowed.finditer(prose)] if allowed else []
        for match in pattern.finditer(prose):
            start, end = match.span()
            if not any(first <= start and end <= last for first, last in fine):
                line = text.line + bisect_right(starts, start) - 1
                yield Violation(
                    path,
                    line,
                    text.kind,
                    match[0],
                    ban.instead,
                    prose[max(0, start - 45) : end + 35].strip(),
                )
    opening = re.match(r"\W*(\w+)", prose)
    if text.kind == "docstring" and opening and opening[1].lower() in OPENINGS:
        yield Violation(
            path,
            text.line,
            "opening",
            opening[1],
            "an imperative verb or a noun",
            prose[:80].strip(),
        )


def _names(source: str) -> Iterator[tuple[int, str, str]]:
    """(line, kind, name) of each name that the code binds."""
    for node in _nodes(source):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, "variable", node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, "variable", node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, "variable", node.arg
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.lineno, "variable", node.name
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, "function", node.name


def name_violations(source: str, path: str) -> Iterator[Violation]:
    """Names that say that a value was obtained, but not what it is."""
    for line, kind, name in _names(source):
        if name.strip("_") in (FUNCTIONS if kind == "function" else VARIABLES):
            instead = (
                "a verb: format_x, parse_x, is_x, check_x"
                if kind == "function"
                else "what it is: digest, record"
            )
            yield Violation(path, line, kind, name, instead, "")


def root_of(path: Path) -> Path:
    """The folder above that has a pyproject.toml, or the path itself."""
    for folder in (path, *path.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    return path if path.is_dir() else path.parent


def _is_checked(path: Path) -> bool:
    if path.suffix in {".py", ".md", ".h", ".c", ".toml", ".yml", ".yaml", ".sh"}:
        return True
    if path.suffix or path.name.startswith(".") or path.stat().st_size > 100_000:
        return False
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def files_below(path: Path) -> Iterator[Path]:
    """Files whose text is checked: the path itself, or all below it."""
    if path.is_file():
        if _is_checked(path):
            yield path
        return
    for entry in sorted(path.iterdir()):
        is_artifact = entry.name == "build" and (path / "pyproject.toml").is_file()
        if (
            entry.is_symlink()
            or is_artifact
            or entry.name in SKIPPED_FOLDERS
            or entry.name.endswith(".egg-info")
        ):
            continue
        yield from files_below(entry)


def check_file(path: Path, root: Path) -> list[Violation]:
    """All violations of a file, by line."""
    source = path.read_text(encoding="utf-8")
    name = path.relative_to(root).as_posix()
    violations = [
        violation
        for text in texts_of(path, source, name.split("/")[0])
        for violation in violations_in(text, name)
    ]
    if path.suffix == ".py":
        violations += name_violations(source, name)
    return sorted(violations)


def check_paths(paths: list[Path]) -> list[Violation]:
    """All violations below some paths, by file and line."""
    violations: list[Violation] = []
    for path in paths:
        root = root_of(path.resolve())
        for file in files_below(path.resolve()):
            violations += check_file(file, root)
    return sorted(violations)


def title_errors(message: str) -> list[str]:
    """Errors of a commit message: its title is imperative, plain and at most 72 characters long."""
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    title = lines[0] if lines else ""
    if re.match(r"(Merge|Revert|fixup!|squash!) ", title):
        return []
    first = title.split(" ")[0]
    errors = [
        f"{violation.word!r} is banned; instead: {violation.instead}"
        for violation in violations_in(Text("commit", 1, without_code("\n".join(lines))), "")
    ]
    if not title.strip():
        errors.append("the title is empty")
    if len(title) > 72:
        errors.append(f"the title has {len(title)} characters; at most 72")
    if title.endswith("."):
        errors.append("the title ends with a full stop")
    if not first[:1].isupper() or re.search(
        r"(?<!e)ed$|(?<!br)ing$|(?<![aosu])s$", first, re.IGNORECASE
    ):
        errors.append(
            f"{first!r} is no imperative verb with a capital letter, such as Add, Fix, Remove"
        )
    if len(lines) > 1 and lines[1].strip():
        errors.append("the second line is not empty")
    return errors


def _print(violations: list[Violation], only_counts: bool) -> None:
    if not only_counts:
        print(*violations, sep="\n")
    for path, count in sorted(Counter(violation.path for violation in violations).items()):
        print(f"{count:5}  {path}")
    kinds = Counter(violation.kind for violation in violations)
    print(
        f"{len(violations):5}  in all: "
        + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    )


def main() -> int:
    """List the violations; exit code 1 when there is one."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.house.words", description="List words and names that are banned."
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, help="files or folders; the current folder when omitted"
    )
    parser.add_argument(
        "--count", action="store_true", help="print only how many there are in each file"
    )
    parser.add_argument(
        "--kind",
        help="only these kinds, separated by commas: "
        "docstring, opening, comment, message, page, variable, function",
    )
    parser.add_argument(
        "--list", action="store_true", help="print the banned words with their replacements"
    )
    parser.add_argument(
        "--commit-msg", type=Path, metavar="FILE", help="check a commit message, as a hook does"
    )
    options = parser.parse_args()
    if options.list:
        print(*(f"{ban.word:24}{ban.instead}" for ban in BANS), sep="\n")
        return 0
    if options.commit_msg:
        errors = title_errors(options.commit_msg.read_text(encoding="utf-8"))
        print(*(f"commit message: {error}" for error in errors), sep="\n", file=sys.stderr)
        return 1 if errors else 0
    kinds = set(options.kind.split(",")) if options.kind else None
    violations = [
        violation
        for violation in check_paths(options.paths or [Path(".")])
        if kinds is None or violation.kind in kinds
    ]
    _print(violations, options.count)
    return 1 if violations else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # the reader of the list, such as `head`, has seen enough
        os._exit(1)
