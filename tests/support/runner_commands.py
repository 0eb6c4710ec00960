"""The commands that the runner of GitHub reads from the output of a step."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

_BLANK = " \t\n\r\x0b\x0c\x85\xa0\u2028\u2029\u3000\ufeff"
_COMMAND = re.compile(r"::(?P<name>[^ :]+)(?: (?P<words>.*?))?::(?P<text>.*)\Z", re.DOTALL)
_OLD_COMMAND = re.compile(r"##\[(?P<name>[^ \]]+)(?: (?P<words>[^\]]*))?\](?P<text>.*)\Z")


class Command(NamedTuple):
    """A command: its name, properties and message, all decoded."""

    name: str
    properties: dict[str, str]
    message: str


def runner_commands(output: str) -> list[Command]:
    """The commands of some output: `::name key=value::text`, and `##[name key=value;]text`.

    The first counts at the beginning of a line after white space, the second anywhere.
    """
    commands = []
    for line in re.split(r"\r\n|\r|\n", output):
        match = _COMMAND.match(line.lstrip(_BLANK)) or _OLD_COMMAND.search(line)
        if match:
            words = re.split("[,;]", match["words"] or "")
            pairs = (word.partition("=") for word in words if word)
            properties = {key.strip(): unquote(value) for key, _, value in pairs}
            commands.append(Command(match["name"], properties, unquote(match["text"])))
    return commands
