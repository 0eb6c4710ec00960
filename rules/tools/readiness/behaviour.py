"""Checks of the gate `emulation` about a running program: bad input, and the end on a signal."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import replace

from readiness.evidence import Check
from readiness.replay import Machine

ANSWER_S = 120
"""Seconds for all answers. Emulators are slow; the limit only ends a program that hangs."""
STOP_S = 10
"""Seconds after SIGTERM, as `docker stop` waits."""
_RESET = b'{"reset":true}'
_LONGEST = 65536  # bytes of a line


def bad_lines(agent: str) -> list[bytes]:
    """Return lines that are no valid request of a program with an agent of this name."""
    name = json.dumps(agent).encode()
    return [
        b"x",
        b"[",
        b"{",
        b'{"',
        b"\xff\xfe\x00\x01",
        b'{"\xc3(":[0]}',
        b"{%s:[99999999]}" % name,
        b"{%s:[-1]}" % name,
        b"{%s:[1e400]}" % name,
        b"{%s:[0.5]}" % name,
        b'{%s:"0"}' % name,
        b"{%s:[" % name + b"0," * 300 + b"0]}",
        b'{"no such agent":[0]}',
        b'{"reset":7}',
        b'{"a":' * 500 + b"0" + b"}" * 500,
        b"7" * (_LONGEST + 9),
    ]


def bad_input_check(command: Sequence[str], agent: str, where: Machine) -> Check:
    """Check that each bad line gets an error as its answer, and that the program goes on."""
    lines = bad_lines(agent)
    check = Check(
        "bad input",
        "passed",
        f"{where.how}; lines that are no request, each between two valid ones",
        where.on,
        limit=len(lines),
        unit="lines that got an error",
    )
    data = b"".join(_RESET + b"\n" + line + b"\n" for line in lines) + _RESET + b"\n"
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, check=False, timeout=ANSWER_S
        )
    except subprocess.TimeoutExpired:
        return replace(check, verdict="failed", why=f"no end of the input after {ANSWER_S} s")
    answers = done.stdout.splitlines()
    wrong = [line for line, answer in zip(lines, answers[1::2]) if not _is_error(answer)]
    check = replace(check, measured=min(len(lines), len(answers) // 2) - len(wrong))
    why = _reason(done.returncode, answers, lines, wrong)
    return replace(check, verdict="failed", why=why) if why else check


def _reason(code: int, answers: list[bytes], lines: list[bytes], wrong: list[bytes]) -> str:
    """Return what is wrong with the answers; empty if nothing is."""
    if code:
        return f"the program ended with {ending(code)} after {len(answers)} answers"
    if wrong:
        return f"the line {wrong[0][:40]!a} got no error as its answer"
    if len(answers) != 2 * len(lines) + 1:
        return f"{2 * len(lines) + 1} lines got {len(answers)} answers"
    if len(set(answers[::2])) > 1:
        return "a valid line got another answer after a bad one"
    return ""


def _is_error(answer: bytes) -> bool:
    try:
        return bool(json.loads(answer.decode("ascii"))["error"])
    except (ValueError, KeyError, TypeError):
        return False


def stop_check(command: Sequence[str], where: Machine) -> Check:
    """Check that a program that waits for a request ends on SIGTERM, in time and with 0."""
    check = Check(
        "SIGTERM",
        "passed",
        f"{where.how}; the signal between two requests",
        where.on,
        "exit code 0",
        f"exit code 0 within {STOP_S} s",
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdin and process.stdout
        try:
            process.stdin.write(_RESET + b"\n")
            process.stdin.flush()
            answered = process.stdout.readline()  # handlers are set before the first answer
            process.send_signal(signal.SIGTERM)
            code = process.wait(STOP_S)
        except (subprocess.TimeoutExpired, BrokenPipeError) as error:
            process.kill()
            why = f"it did not end within {STOP_S} s"
            if isinstance(error, BrokenPipeError):
                why = "it ended before a request"
            return replace(check, verdict="failed", measured=None, why=why)
    if code == 0 and answered:
        return check
    why = f"it ended with {ending(code)}" if answered else "it gave no answer to a request"
    return replace(check, verdict="failed", measured=ending(code), why=why)


def ending(code: int) -> str:
    """Return how a process ended, from the return code of subprocess."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
