"""Instructions counted in the log of a QEMU without plugins: one line an executed instruction.

Some builds of QEMU, such as the static ones of Debian, load no plugins. Their log gives the same
numbers a hundred times slower.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO

SINGLE = ("-one-insn-per-tb", "-singlestep")
"""Options of QEMU 8.1 and later, and of earlier ones: a block has one instruction."""
MARK = b"clock_gettime("
EXECUTED, STOPPED = b"\nTrace ", b"\nStopped execution of TB chain"
"""Lines of an instruction, and of one that is logged again because the emulator was interrupted."""
_PART = 1 << 20


def trace_words(help_text: str) -> list[str]:
    """Return the options that log each instruction and system call; empty if there are none."""
    single = [word for word in SINGLE if f"{word} " in help_text]
    return [*single[:1], "-d", "exec,nochain,strace"] if single else []


def totals(log: IO[bytes], marks: int) -> Iterator[int]:
    """Yield the number of instructions before each of the first `marks` calls of the clock."""
    executed, rest = 0, b"\n"
    while marks and (part := log.read(_PART)):
        text = rest + part
        # A word that continues in the next part is counted there.
        end = text.rfind(b"\n")
        text, rest = text[:end], text[end:]
        *pieces, last = text.split(MARK)
        for piece in pieces[:marks]:
            executed += piece.count(EXECUTED) - piece.count(STOPPED)
            yield executed
        marks -= min(marks, len(pieces))
        executed += last.count(EXECUTED) - last.count(STOPPED)


def traced(command: Sequence[str], data: bytes, marks: int) -> list[int]:
    """Run a command whose log is its stderr; return fewer than `marks` totals if it fails.

    The command is ended at the last mark. The action's time limit bounds it.
    """
    with tempfile.TemporaryFile() as requests:
        requests.write(data)
        requests.seek(0)
        with subprocess.Popen(
            command, stdin=requests, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr
            counts = list(totals(process.stderr, marks))
            process.kill()
    return counts
