"""Code blocks of a Markdown page, and the commands in a block."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache

SHELLS = ("sh", "console")
PARSED = ("toml", "json", "python", "yaml")
LANGUAGES = (*SHELLS, *PARSED, "text", "markdown", "c")
_FENCE = re.compile(r"^( *)(`{3,}|~{3,})(.*)$")
_EXITS = re.compile(r"#\s*exits (\d+)\s*$")
# Commands that install something would change the environment of the tests. Other tests install, in
# environments of their own.
_INSTALL = re.compile(r"\bpip3? install\b")


class PageError(Exception):
    """A page that breaks a convention of its blocks."""


@dataclass(frozen=True)
class Block:
    """A fenced block: `line` is that of its opening fence, from 1; `text` ends with a newline."""

    line: int
    language: str
    text: str
    title: str = ""
    needs: tuple[str, ...] = ()
    fragment: bool = False


@dataclass(frozen=True)
class Command:
    """A command of a block: line in the page, text, expected exit code, and expected output."""

    line: int
    text: str
    code: int = 0
    output: str | None = None


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page in their order; PageError for an invalid block."""
    blocks: list[Block] = []
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        number += 1
        if opening is None:
            continue
        start, indent, fence = number, opening[1], opening[2]
        body: list[str] = []
        while number < len(lines) and not _closes(lines[number], fence):
            body.append(lines[number].removeprefix(indent))
            number += 1
        if number == len(lines):
            raise PageError(f"line {start}: the block is not closed")
        number += 1
        blocks.append(_block(start, opening[3].strip(), "".join(f"{line}\n" for line in body)))
    return blocks


def commands_of(block: Block) -> list[Command]:
    """The commands of a `sh` or `console` block."""
    lines = block.text.split("\n")[:-1]
    return (
        _shell(block.line + 1, lines) if block.language == "sh" else _console(block.line + 1, lines)
    )


def is_installation(command: Command) -> bool:
    """True for a command that installs something, as in README.md; it is not run."""
    return _INSTALL.search(command.text) is not None


def matches(expected: str, output: str) -> bool:
    """True when output is as expected, without trailing blanks and blank lines at the end."""
    pattern = ""
    for line in _plain(expected):
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += "[^\n]*".join(map(re.escape, line.split("..."))) + "\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _plain(output))) is not None


def _plain(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _closes(line: str, fence: str) -> bool:
    text = line.strip()
    return len(text) >= len(fence) and set(text) == {fence[0]}


def _block(line: int, info: str, text: str) -> Block:
    words = shlex.split(info)
    if not words:
        raise PageError(
            f"line {line}: the block names no language, such as one of {', '.join(LANGUAGES)}"
        )
    language, options = words[0], dict(word.partition("=")[::2] for word in words[1:])
    unknown = sorted(options.keys() - {"title", "needs", "fragment"})
    if language not in LANGUAGES:
        raise PageError(f"line {line}: {language!r} is not one of {', '.join(LANGUAGES)}")
    if unknown:
        raise PageError(
            f"line {line}: unknown word {unknown[0]!r}; title=, needs= and fragment are known"
        )
    title, fragment = options.get("title", ""), "fragment" in options
    if (language in SHELLS and (title or fragment)) or (title and fragment):
        raise PageError(
            f"line {line}: a block is run, or written to title=, or a fragment, and only one of "
            "these"
        )
    if fragment and language not in PARSED:
        raise PageError(f"line {line}: a fragment is one of {', '.join(PARSED)}")
    if not (language in (*SHELLS, "text") or title or fragment):
        raise PageError(
            f'line {line}: write title="FILE" to have the file written, or fragment to have it '
            "parsed only"
        )
    needs = tuple(word.strip() for word in options.get("needs", "").split(",") if word.strip())
    return Block(line, language, text, title, needs, fragment)


def _shell(first: int, lines: list[str]) -> list[Command]:
    commands: list[Command] = []
    waiting: list[str] = []
    for number, line in enumerate(lines):
        if waiting or (line.strip() and not line.lstrip().startswith("#")):
            waiting.append(line)
        if waiting and _is_whole("\n".join(waiting)):
            commands.append(_command(first + number + 1 - len(waiting), waiting))
            waiting = []
    if waiting:
        raise PageError(
            f"line {first + len(lines) - len(waiting)}: bash finds no end of the command"
        )
    return commands


def _console(first: int, lines: list[str]) -> list[Command]:
    commands: list[Command] = []
    number = 0
    while number < len(lines):
        if not lines[number].startswith("$ "):
            raise PageError(
                f"line {first + number}: a console block begins with a command, such as "
                "`$ buildgraph --version`"
            )
        start, command = number, [lines[number].removeprefix("$ ")]
        number += 1
        while not _is_whole("\n".join(command)):
            if number == len(lines):
                raise PageError(f"line {first + start}: bash finds no end of the command")
            command.append(lines[number].removeprefix("> "))
            number += 1
        output = number
        while number < len(lines) and not lines[number].startswith("$ "):
            number += 1
        commands.append(
            _command(first + start, command, "".join(f"{line}\n" for line in lines[output:number]))
        )
    return commands


def _command(line: int, lines: list[str], output: str | None = None) -> Command:
    codes = [int(exits[1]) for text in lines if (exits := _EXITS.search(text))]
    return Command(line, "\n".join(lines), codes[-1] if codes else 0, output)


@cache
def _is_whole(text: str) -> bool:
    """True when bash accepts lines as complete commands.

    It only warns of a here-document without an end.
    """
    if text.endswith("\\"):
        return False
    checked = subprocess.run(["bash", "-n"], input=text + "\n", capture_output=True, text=True)
    return checked.returncode == 0 and "here-document" not in checked.stderr
