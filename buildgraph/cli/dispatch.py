"""From words to a verb, and from whatever ends it to an exit code. Only the verb in use is imported."""
from __future__ import annotations

import errno
import os
import sys

from ..errors import BUG, INTERRUPTED, OK, BuildError, BuildErrors, did_you_mean
from ..receipt import is_plain
from .here import Here
from .interrupt import Interrupt, Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

VERBS = {
    "build": "build targets and check their gates",
    "test": "build targets and report their gates only",
    "run": "build an image, load it into Docker and run it hardened",
    "load": "build an image and load it into Docker",
    "query": "ask what targets there are and what depends on what",
    "model": "show what is in a model: shapes, cost of a step, heat maps",
    "affected": "tell which targets a change affects, and why",
    "why": "tell what changed since an action ran before",
    "diff": "compare two keys, or what an action gave with what it gave before",
    "log": "print what the actions of a target printed",
    "trace": "write a Chrome trace of one of the last builds",
    "rules": "list the rules, or show the keys of one",
    "schema": "print the JSON Schema of BUILD.toml, for editors",
    "completion": "print a script that completes words in a shell",
    "cache": "look at the store of all builds",
    "hardware": "look at the catalogue of boards, and tell which one this device is",
    "doctor": "check what this machine offers and how to mend what is missing",
    "init": "start a workspace with a small example",
    "docs": "show the documentation in the terminal",
}
_BROKEN_PIPE = 141
_MOST = 4 << 20   # characters of a file in which a line is looked for
# How threads, imports and the interpreter itself say it.
_NO_MEMORY = ("can't start new thread", "failed to map segment", "error return without exception set")
_ROOM = "make room, or set BUILDGRAPH_CACHE to a folder on a disk that can be written"
_ACCESS = "check its owner and permissions, or name a file or folder of yours"
_LIMIT = "allow more (ulimit -a shows the limits), or build with -j1"
_OF_SYSTEM = {   # what the host has not got, and what to do
    errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EROFS: _ROOM, errno.EMFILE: _LIMIT, errno.ENFILE: _LIMIT,
    errno.EACCES: _ACCESS, errno.EPERM: _ACCESS,
    errno.ENOMEM: _LIMIT, errno.EAGAIN: _LIMIT, errno.EFBIG: _LIMIT, errno.EIO: "look after the disk, or the terminal"}


def dispatch(words: list[str]) -> int:
    """Run the verb that the words name; every fault is said on stderr and becomes an exit code."""
    return guarded(words, lambda: _verb(words))


def go_on(words: list[str]) -> int:
    """Build patterns as `build` does, in the workspace whose last build was just looked at."""
    from .. import receipt
    from .build import plain
    look = receipt.found
    assert look is not None, "nothing was looked at"
    return guarded(words, lambda: plain(Here(look.root, look.request[1]), words))


def guarded(words: list[str], work: Callable[[], int]) -> int:
    """Do some work, and make whatever ends it an exit code."""
    try:
        with Interrupt():
            code = work()
            sys.stdout.flush()
            return code
    except (KeyboardInterrupt, Exception) as error:
        stop = _behind(error)
        if stop is not None:
            print("interrupted", file=sys.stderr)
            return stop.code if isinstance(stop, Interrupted) else INTERRUPTED
        if isinstance(error, BuildError):
            return tell_fault(error, "--json" in words)
        if isinstance(error, OSError):
            return told(error, "--json" in words)
        if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
            return tell_fault(BuildError("out of memory", fix=_LIMIT, reason="environment"), "--json" in words)
        return _bug()


def _behind(error: BaseException) -> KeyboardInterrupt | None:
    """The signal behind a fault, if there is one: what makes classes, for one, raises it as a fault of its own.

    Each fault is looked at once: nothing keeps causes and contexts from leading back to where they began.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, KeyboardInterrupt):
            return one
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            waiting += [one.__context__, one.__cause__]
    return None


def _verb(words: list[str]) -> int:
    if words[:1] == ["help"] and len(words) > 1 and not words[1].startswith("-"):
        return _help_of(words[1], words[2:])
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return OK
    name = words[0]
    if name == "__complete":   # no verb of a person's: shells ask it
        from .complete import run
        return run(words[1:], VERBS)
    if name not in VERBS:
        what = f"no option {name!r}" if name.startswith("-") else f"no verb {name!r}"
        raise BuildError(what, fix=did_you_mean(name, VERBS) or "`buildgraph --help` lists the verbs", reason="usage")
    if name == "build" and is_plain(words[1:]):
        from .build import plain
        return plain(Here.find(), words[1:])
    from importlib import import_module

    from .parser import Parser
    module = import_module(f".{name}", __package__)
    parser = Parser(prog=f"buildgraph {name}", description=VERBS[name])
    module.arguments(parser)
    options = parser.read(words[1:])
    return OK if options is None else int(module.run(options))


def _help_of(word: str, more: list[str]) -> int:
    """Help for a verb or a rule; both where a name is of both."""
    from .schema import rules_here
    rules = rules_here().rules
    if word not in VERBS and word not in rules:
        hint = did_you_mean(word, [*VERBS, *rules]) or "`buildgraph help` lists the verbs, `buildgraph rules` the rules"
        raise BuildError(f"no verb or rule {word!r}", fix=hint, reason="usage")
    code = OK
    if word in VERBS and "--json" not in more:
        code = _verb([word, "--help"])
    if word in rules:
        print(end="" if word not in VERBS or "--json" in more else f"\nthe rule {word!r}\n\n")
        code = _verb(["rules", word, *more])
    elif "--json" in more:
        from ..ui.json_document import print_document
        print_document({"verb": word, "what": VERBS[word]})
    return code


def _help() -> str:
    wide = max(map(len, VERBS))
    lines = [f"  {name:<{wide}}  {what}" for name, what in VERBS.items()]
    return "\n".join(["usage: buildgraph VERB [WORDS...]", "", *lines, "",
                      "buildgraph help VERB or help RULE tells more; buildgraph --version tells which this is"])


def tell_fault(fault: BuildError, machine: bool) -> int:
    """Say a fault of the user's on stderr (and as JSON on stdout), and give its exit code."""
    from ..ui.faults import render
    faults = fault.faults if isinstance(fault, BuildErrors) else (fault,)
    for stream, say in ((sys.stdout, lambda: _tell_machine(faults) if machine else None),
                        (sys.stderr, lambda: sys.stderr.write(render(fault, _line_of).rstrip("\n") + "\n"))):
        try:
            say()
        except OSError:
            _mute(stream)
    return fault.code


def _tell_machine(faults: tuple[BuildError, ...]) -> None:
    from ..ui.json_document import print_document
    for fault in faults:
        at = fault.at and {"path": fault.at.path, "line": fault.at.line, "column": fault.at.column}
        print_document({"event": "fault", "what": fault.what, "at": at, "fix": fault.fix, "reason": fault.reason})


def _line_of(path: str, line: int) -> str | None:
    """The text of a 1-based line of a file of the workspace; None when it cannot be read."""
    from ..root import find_root
    try:
        with open(os.path.join(find_root(os.getcwd()), path), encoding="utf-8-sig", errors="replace") as file:
            return file.read(_MOST).split("\n")[line - 1]
    except (OSError, BuildError, IndexError):
        return None


def told(error: OSError, machine: bool) -> int:
    """The exit code of what the system refused, after it was said: by name when it is the host that must be mended."""
    try:
        sys.stdout.flush()
    except OSError:
        _mute(sys.stdout)   # its reader is gone, or its disk is full: what it holds would fail again at the end
    if isinstance(error, BrokenPipeError):
        return _BROKEN_PIPE
    if error.errno == errno.ENOENT and not error.filename:
        return tell_fault(BuildError("the current folder is gone", fix="cd to one that is there", reason="usage"), machine)
    if error.errno not in _OF_SYSTEM:
        return _bug()
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
    said = f"{where}{os.strerror(error.errno).lower()}"
    return tell_fault(BuildError(said, fix=_OF_SYSTEM[error.errno], reason="environment"), machine)


def _mute(stream: TextIO) -> None:
    """Let a stream go nowhere: nothing may be written to it any more, not even when it is flushed at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _bug() -> int:
    import traceback
    traceback.print_exc()
    print("this is a fault in buildgraph: please report it with the above", file=sys.stderr)
    return BUG
