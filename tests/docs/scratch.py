"""Run the blocks of a page in a scratch workspace."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.docs.blocks import Block, Command, commands_of, is_installation, matches

_SECONDS = 900
_LAST_LINES = 60  # of the output of a command that failed
_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "init.defaultBranch",
    "GIT_CONFIG_VALUE_0": "main",
} | {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Reader"), ("EMAIL", "reader@example.org"))
}


class BlockError(AssertionError):
    """A block that did not do what its page says, with the line of the page."""


@dataclass
class Scratch:
    """A folder for one page: the workspace `w` and the reader's `home`; pages may share a cache."""

    folder: Path
    cache: Path
    environ: Mapping[str, str]

    def run(self, page: str, block: Block) -> None:
        """Write the file of a block, or run its commands; BlockError names the line of the page."""
        if block.title:
            self._write(page, block)
        elif block.language in ("sh", "console"):
            self._shell(
                page, [command for command in commands_of(block) if not is_installation(command)]
            )

    def _write(self, page: str, block: Block) -> None:
        path = (self.workspace / block.title).resolve()
        if not path.is_relative_to(self.workspace.resolve()):
            raise BlockError(f"{page}:{block.line}: {block.title} is outside of the workspace")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    @property
    def workspace(self) -> Path:
        """The folder in which commands start."""
        return self.folder / "w"

    def _shell(self, page: str, commands: Sequence[Command]) -> None:
        """Run commands in one shell; variables and the current folder last for the page."""
        for name in ("home", "tmp", "state"):
            (self.folder / name).mkdir(exist_ok=True)
        state = self.folder / "state"
        for path in state.glob("[0-9]*"):
            path.unlink()
        process = subprocess.Popen(
            ["bash", "-c", script(commands, state)],
            cwd=self.workspace,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _end(process)
        for number, command in enumerate(commands):
            _check(f"{page}:{command.line}", command, state / str(number))

    def _environ(self) -> dict[str, str]:
        own = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("BUILDGRAPH_", "GIT_"))
        }
        path = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', os.defpath)}"
        return (
            own
            | _GIT
            | {
                "PATH": path,
                "HOME": str(self.folder / "home"),
                "TMPDIR": str(self.folder / "tmp"),
                "NO_COLOR": "1",
                "TERM": "dumb",
                "COLUMNS": "100",
                "LC_ALL": "C.UTF-8",
                "BUILDGRAPH_CACHE": str(self.cache),
            }
            | dict(self.environ)
        )


def script(commands: Sequence[Command], state: Path) -> str:
    """A bash script that runs commands until one exits with another code than expected.

    `state/N`, `state/N.out` and `state/N.err` are the exit code and the output of command N.
    """
    place = shlex.quote(str(state))
    lines = [
        f"trap 'declare -px >{place}/variables; pwd >{place}/folder' EXIT",
        f'test ! -e {place}/variables || {{ . {place}/variables; cd -- "$(cat {place}/folder)"; }}',
    ]
    for number, command in enumerate(commands):
        lines += [
            "{",
            command.text,
            f"}} >{place}/{number}.out 2>{place}/{number}.err",
            f'echo $? >{place}/{number}; test "$(cat {place}/{number})" = {command.code} || exit 1',
        ]
    return "\n".join(lines) + "\n"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what a block left running, such as a server in the background."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _check(place: str, command: Command, result: Path) -> None:
    out, err = (_text(Path(f"{result}.{stream}")) for stream in ("out", "err"))
    if not result.exists():
        raise BlockError(
            f"{place}: no exit code after {_SECONDS} s, or the shell ended\n$ {command.text}\n"
            f"{_tail(out + err)}"
        )
    code = int(result.read_text())
    if code != command.code:
        raise BlockError(
            f"{place}: exit code {code}, not {command.code}\n$ {command.text}\n{_tail(out + err)}"
        )
    expected = command.output
    if expected is not None and not any(
        matches(expected, text) for text in (out, err, out + err, err + out)
    ):
        raise BlockError(
            f"{place}: other output than the page shows\n$ {command.text}\n--- the page shows\n"
            f"{expected}"
            f"--- stdout\n{_tail(out)}\n--- stderr\n{_tail(err)}"
        )


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-_LAST_LINES:])
