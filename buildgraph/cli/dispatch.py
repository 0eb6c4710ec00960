"""Run the verb that the arguments name, and turn exceptions into exit codes.

Only the module of that verb is imported.
"""

from __future__ import annotations

import os
import sys

from ..fastpath.build_words import parse_build_words
from ..lite import TYPE_CHECKING
from ..types.errors import INTERRUPTED, OK, BuildError, did_you_mean
from .errors import NO_MEMORY, report_bug, report_error, report_os_error, report_out_of_memory
from .invocation import Invocation, ci_service
from .signals import Interrupted, SignalHandler

if TYPE_CHECKING:
    from collections.abc import Callable

VERBS = {
    "build": "build targets and check their gates",
    "test": "build targets and report only the verdicts of their gates",
    "run": "build an image, load it into Docker and run it hardened",
    "load": "build an image and load it into Docker",
    "push": "push an image or a release to a container registry",
    "pull": "pull an image by digest from a container registry",
    "image": "show an image, or the differences of two",
    "query": "list targets and the dependencies between them",
    "release": "release images under a tag: signed, with SBOM and provenance",
    "verify": "rebuild a release, or check its files, signatures and rebuilders",
    "model": "show a model: shapes, cost of a step, heat maps",
    "report": "write one HTML page about the exports, their gates, images and agents",
    "affected": "list the targets that a change affects, and why",
    "why": "explain why the actions of a target ran again",
    "diff": "compare an action with its previous run, or two keys",
    "log": "print the output of a target's actions",
    "trace": "write a Chrome trace of one of the last builds",
    "rules": "list the rules, or show the keys of one",
    "schema": "print the JSON Schema of BUILD.toml, for editors",
    "completion": "print a completion script for a shell",
    "key": "make and show keys that sign results and releases",
    "cache": "show, clean and check the cache",
    "hardware": "show the catalogue of boards, and detect the board of this device",
    "doctor": "check this machine, and print how to install what is missing",
    "init": "create a workspace with a small example",
    "docs": "show the documentation in the terminal",
}


def dispatch(words: list[str]) -> int:
    """Run the verb that the arguments name. Errors are printed to stderr and become exit codes."""
    return run_guarded(words, lambda: _verb(words))


def continue_build(words: list[str]) -> int:
    """Run `build` in the workspace whose manifest was just checked."""
    from ..fastpath import manifest
    from .verbs.build import build_words

    if ci_service(os.environ):  # the parser's way writes the reports
        return dispatch(["build", *words])
    check, parsed = manifest.last_check, parse_build_words(words)
    assert check is not None and parsed is not None, "no manifest was checked"
    return run_guarded(words, lambda: build_words(Invocation(check.root, check.package), parsed))


def run_guarded(words: list[str], work: Callable[[], int]) -> int:
    """Run some work and turn the exception that ends it into an exit code.

    In a job of GitHub, no text that is printed can be a workflow command.
    """
    if ci_service(os.environ) != "github":
        return _run(words, work)
    from ..ci.workflow_commands import guarded_streams

    with guarded_streams("--json" in words):
        return _run(words, work)


def _run(words: list[str], work: Callable[[], int]) -> int:
    try:
        with SignalHandler():
            code = work()
            sys.stdout.flush()
            return code
    except (KeyboardInterrupt, Exception) as error:
        interrupt = _interrupt_behind(error)
        if interrupt is not None:
            print("interrupted", file=sys.stderr)
            return interrupt.code if isinstance(interrupt, Interrupted) else INTERRUPTED
        if isinstance(error, BuildError):
            return report_error(error, "--json" in words)
        if isinstance(error, OSError):
            return report_os_error(error, "--json" in words)
        if isinstance(error, MemoryError) or any(text in str(error) for text in NO_MEMORY):
            return report_out_of_memory("--json" in words)
        return report_bug()


def _interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """Find an interrupt among the causes of an exception, such as the error of a class creation.

    Causes and contexts may form a circle, so each exception is visited once.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        exception = waiting.pop()
        if isinstance(exception, KeyboardInterrupt):
            return exception
        if exception is not None and id(exception) not in seen:
            seen.add(id(exception))
            waiting += [exception.__context__, exception.__cause__]
    return None


def _verb(words: list[str]) -> int:
    if words[:1] == ["help"] and len(words) > 1 and not words[1].startswith("-"):
        return _help_of(words[1], words[2:])
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return OK
    name = words[0]
    if name == "__complete":  # called by completion scripts of shells
        from .verbs.complete import run

        return run(words[1:], VERBS)
    if name not in VERBS:
        what = f"no option {name!r}" if name.startswith("-") else f"no verb {name!r}"
        raise BuildError(
            what,
            fix=did_you_mean(name, VERBS) or "`buildgraph --help` lists the verbs",
            reason="usage",
        )
    is_direct = name == "build" and not ci_service(os.environ)
    parsed = parse_build_words(words[1:]) if is_direct else None
    if parsed is not None:
        from .verbs.build import build_words

        return build_words(Invocation.find(), parsed)
    from importlib import import_module

    from .parser import Parser

    module = import_module(f".verbs.{name}", __package__)
    parser = Parser(prog=f"buildgraph {name}", description=VERBS[name])
    module.arguments(parser)
    options = parser.read(words[1:])
    return OK if options is None else int(module.run(options))


def _help_of(word: str, more: list[str]) -> int:
    """Print the help of a verb or a rule, or of both where they share a name."""
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
    width = max(map(len, VERBS))
    return "\n".join(
        [
            "usage: buildgraph VERB [ARGUMENTS...]",
            "",
            *(f"  {name:<{width}}  {summary}" for name, summary in VERBS.items()),
            "",
            "`buildgraph help VERB` and `buildgraph help RULE` show the help of a verb or a rule.",
            "`buildgraph --version` prints the version.",
        ]
    )
