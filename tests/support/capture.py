"""Capture a real build in a terminal as SVG, for README.md: `buildgraph/docs/images/build.svg`.

    python -m tests.support.capture

It copies the repository's workspace, starts a shell in a terminal of tmux, types the commands, and
draws what the terminal shows. The cache is empty at first, so actions run. Times differ from run to
run; digests do not.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.small_filesystems import repository
from tests.support.terminal import terminal_svg

PICTURE = Path(__file__).parents[2] / "buildgraph" / "docs" / "images" / "build.svg"
COMMANDS = ("buildgraph build //exports:jetson", "buildgraph build //exports:jetson | tail -n 1")
COLUMNS, _LINES = 114, 45  # a line with a digest has 112 columns
_SECONDS, _POLL = 600.0, 0.1


def capture(folder: Path, commands: Sequence[str] = COMMANDS) -> str:
    """The text of a terminal after commands, with escape sequences.

    The workspace and an empty cache are made in `folder`.
    """
    space = repository(folder / "w", folder / "cache")
    bin_folder = os.path.dirname(sys.executable)
    environ = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "BUILDGRAPH_CACHE": str(space.cache),
        "PS1": "$ ",
        "HOME": str(folder),
        "HISTFILE": "/dev/null",
        "LC_ALL": "C.UTF-8",
    }
    variables = [f"{name}={value}" for name, value in environ.items()]
    shell = shlex.join(["env", "-u", "NO_COLOR", *variables, "bash", "--norc", "--noprofile", "-i"])
    tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
    subprocess.run(
        [
            *tmux,
            "new-session",
            "-d",
            "-x",
            str(COLUMNS),
            "-y",
            str(_LINES),
            "-c",
            str(space.root),
            shell,
        ],
        check=True,
        env={name: value for name, value in os.environ.items() if name != "TMUX"},
    )
    try:
        for number, command in enumerate(commands):
            _wait(tmux, number)
            subprocess.run([*tmux, "send-keys", command, "Enter"], check=True)
        _wait(tmux, len(commands))
        return "\n".join(_screen(tmux)[:-1])  # the last line is the next prompt
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def _wait(tmux: Sequence[str], commands: int) -> None:
    """Wait for the prompt that follows some commands."""
    until = time.monotonic() + _SECONDS
    while True:
        lines = [line.rstrip() for line in _screen(tmux)]
        if lines and lines[-1] == "$" and sum(line.startswith("$ ") for line in lines) == commands:
            return
        if time.monotonic() > until:
            raise TimeoutError(
                "\n".join(["no prompt after the command; the terminal shows:", *lines])
            )
        time.sleep(_POLL)


def _screen(tmux: Sequence[str]) -> list[str]:
    """The lines that the terminal shows, without empty ones at its end."""
    shown = subprocess.run(
        [*tmux, "capture-pane", "-e", "-p"], check=True, capture_output=True, text=True
    ).stdout
    lines = shown.rstrip("\n").split("\n")
    return list(_trimmed(lines))


def _trimmed(lines: Sequence[str]) -> Iterator[str]:
    last = max((number for number, line in enumerate(lines) if line.strip()), default=-1)
    yield from lines[: last + 1]


def main() -> int:
    """Write the picture."""
    with tempfile.TemporaryDirectory(prefix="capture-", ignore_cleanup_errors=True) as folder:
        shown = capture(Path(folder))
    PICTURE.write_text(terminal_svg(shown, COLUMNS))
    print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
