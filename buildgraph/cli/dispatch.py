"""From words to a verb, and from whatever ends it to an exit code. Only the verb in use is imported."""

from __future__ import annotations

import sys

from ..fastpath.manifest import is_plain
from ..lite import TYPE_CHECKING
from ..types.errors import INTERRUPTED, OK, BuildError, did_you_mean
from .errors import LIMIT_HELP, NO_MEMORY, report_bug, report_error, report_os_error
from .invocation import Invocation
from .signals import Interrupted, SignalHandler

if TYPE_CHECKING:
    from collections.abc import Callable

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
}


def dispatch(words: list[str]) -> int:
    """Run the verb that the words name; every fault is said on stderr and becomes an exit code."""
    return run_guarded(words, lambda: _verb(words))


def continue_build(words: list[str]) -> int:
    """Build patterns as `build` does, in the workspace whose last build was just looked at."""
    from ..fastpath import manifest
    from .verbs.build import plain

    look = manifest.last_check
    assert look is not None, "nothing was looked at"
    return run_guarded(words, lambda: plain(Invocation(look.root, look.package), words))


def run_guarded(words: list[str], work: Callable[[], int]) -> int:
    """Do some work, and make whatever ends it an exit code."""
    try:
        with SignalHandler():
            code = work()
            sys.stdout.flush()
            return code
    except (KeyboardInterrupt, Exception) as error:
        stop = _behind(error)
        if stop is not None:
            print("interrupted", file=sys.stderr)
            return stop.code if isinstance(stop, Interrupted) else INTERRUPTED
        if isinstance(error, BuildError):
            return report_error(error, "--json" in words)
        if isinstance(error, OSError):
            return report_os_error(error, "--json" in words)
        if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
            return report_error(
                BuildError("out of memory", fix=LIMIT_HELP, reason="environment"), "--json" in words
            )
        return report_bug()


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
    if name == "__complete":  # no verb of a person's: shells ask it
        from .verbs.complete import run

        return run(words[1:], VERBS)
    if name not in VERBS:
        what = f"no option {name!r}" if name.startswith("-") else f"no verb {name!r}"
        raise BuildError(
            what,
            fix=did_you_mean(name, VERBS) or "`buildgraph --help` lists the verbs",
            reason="usage",
        )
    if name == "build" and is_plain(words[1:]):
        from .verbs.build import plain

        return plain(Invocation.find(), words[1:])
    from importlib import import_module

    from .parser import Parser

    module = import_module(f".verbs.{name}", __package__)
    parser = Parser(prog=f"buildgraph {name}", description=VERBS[name])
    module.arguments(parser)
    options = parser.read(words[1:])
    return OK if options is None else int(module.run(options))


def _help_of(word: str, more: list[str]) -> int:
    """Help for a verb or a rule; both where a name is of both."""
    from .verbs.schema import rules_here

    rules = rules_here().rules
    if word not in VERBS and word not in rules:
        hint = (
            did_you_mean(word, [*VERBS, *rules])
            or "`buildgraph help` lists the verbs, `buildgraph rules` the rules"
        )
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
    return "\n".join(
        [
            "usage: buildgraph VERB [WORDS...]",
            "",
            *lines,
            "",
            "buildgraph help VERB or help RULE tells more; buildgraph --version tells which this is",
        ]
    )
