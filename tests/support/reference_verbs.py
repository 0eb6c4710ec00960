"""The page `reference/verbs.md`, from the parsers of the verbs, and the exit codes of each verb."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from importlib import import_module

from buildgraph.cli.dispatch import VERBS
from buildgraph.cli.parser import Parser
from tests.support.markdown import block, code, page, table

# Meanings of exit codes that all verbs share; 0 and what a verb adds are in _OF_VERBS.
EXIT_CODES = {
    0: "Success.",
    1: "An action, a gate or a container failed.",
    2: "The input is wrong: the command line, a `BUILD.toml`, a source, or a model that a tool "
    "refuses.",
    3: "A guarantee was violated: stored data is damaged, or an output is not reproducible.",
    30: "The machine lacks something: space on a disk, a permission, memory or a program.",
    70: "buildgraph has a bug. The traceback is printed; please report it.",
    129: "Interrupted by SIGHUP.",
    130: "Interrupted by SIGINT (Ctrl-C), also when the work was complete by then.",
    141: "The reader of stdout is gone, as after `| head`.",
    143: "Interrupted by SIGTERM.",
}
_BUILD = {
    0: "everything requested is built, and no gate failed",
    1: 'an action or a gate failed, or a gate is "not checked" and had to be checked',
    2: "the input is wrong, also where only an action can see it; 1 when another action failed as "
    "well",
}
OF_VERBS: dict[str, dict[int, str]] = {
    "build": _BUILD | {3: "`--check` found an output that is not reproducible"},
    "test": _BUILD,
    "run": _BUILD
    | {
        0: "the program ended with 0; any other exit code of the program is the exit code of the "
        "verb"
    },
    "load": _BUILD | {0: "the image is built and loaded"},
    "push": _BUILD | {0: "the image is built and pushed", 3: "the registry or a layout is damaged"},
    "report": _BUILD | {0: "the page is written, and no gate failed"},
    "pull": {
        0: "the image is pulled and verified",
        3: "the registry sends wrong bytes, or a document that is not valid",
        30: "the registry is not reachable, or asks for credentials",
    },
    "image": _BUILD
    | {
        0: "the image or the differences are printed; there may be none",
        3: "an image is damaged",
        30: "the registry is not reachable, or asks for credentials",
    },
    "query": {0: "the answer is printed; it may be empty"},
    "model": {
        0: "the model is printed",
        1: "the action that imports the model failed",
        2: "the model is not valid",
    },
    "affected": {0: "the affected targets are printed; there may be none"},
    "why": {0: "the explanation is printed"},
    "diff": {
        0: "the differences are printed; there may be none",
        3: "the record of a key is damaged",
    },
    "log": {0: "the log is printed", 2: "no action of the target ran in this workspace"},
    "trace": {0: "the trace is written"},
    "release": _BUILD
    | {
        0: "the release is written, or was there with equal content",
        1: "an action or a gate failed, or a gate was not checked",
        2: "the work tree differs from the commit, the tag has other content, the tools differ "
        "from `buildgraph.lock`, no key is given, or the input is wrong",
        3: "an action is not reproducible, or the ledger is damaged",
        30: "the sandbox level does not work here, or git cannot write",
    },
    "verify": {
        0: "the rebuild is identical, or all checks passed",
        1: "the build of the tagged commit failed",
        2: "there is no such release, or a tool differs from `buildgraph.lock`",
        3: "the rebuild differs, or a file, signature, tag or record is refused",
    },
    "rules": {0: "the rules are printed"},
    "schema": {0: "the schema is printed"},
    "completion": {0: "the script is printed"},
    "cache": {0: "done", 3: "`verify` found damage and `--repair` is not given"},
    "key": {0: "done", 2: "the file is no usable key, exists already, or is in a source tree"},
    "hardware": {0: "done", 1: "`detect` found no profile for the device"},
    "doctor": {0: "the checks are printed, whatever they found"},
    "init": {0: "the workspace is written", 2: "the folder has files of the same names"},
    "docs": {0: "the page is printed", 2: "there is no such topic"},
}


def verbs_page() -> str:
    """Every verb with its words, options and exit codes."""
    return page(
        "Verbs",
        "`buildgraph VERB [OPTIONS] [WORDS]`: options and words may come in any order. `-h` or "
        "`--help` prints the help of a verb; `buildgraph help VERB` and `buildgraph help RULE` do "
        "as well. `buildgraph --version` prints the version.",
        "Every verb takes `--json`. It then prints one JSON object on one line, with the version "
        "of its shape as `schema`. Verbs that build print one [event](events.md) a line.",
        table(
            ("verb", "what it does"),
            [(f"[`{verb}`](#{verb})", _sentence(what)) for verb, what in VERBS.items()],
        ),
        *(part for verb in VERBS for part in _verb(verb)),
        "## Exit codes",
        "Every verb may end with these, besides those of its own above. The [reasons of "
        "errors](errors.md) say more.",
        table(("code", "meaning"), [(str(number), text) for number, text in EXIT_CODES.items()]),
    )


def parser_of(verb: str) -> Parser:
    """The parser of a verb, with its words and options."""
    parser = Parser(prog=f"buildgraph {verb}", description=VERBS[verb])
    import_module(f"buildgraph.cli.verbs.{verb}").arguments(parser)
    return parser


def _verb(verb: str) -> Iterator[str]:
    parser = parser_of(verb)
    words = [action for action in parser._actions if not action.option_strings]
    options = [
        action
        for action in parser._actions
        if action.option_strings and action.dest not in ("help", "json")
    ]
    yield f"## {verb}"
    yield block(
        "text",
        " ".join(
            [
                f"buildgraph {verb}",
                *["[OPTIONS]"] * bool(options),
                *map(_word, words),
                *["[-- ARGUMENTS]"] * parser.takes_rest,
            ]
        ),
    )
    yield _sentence(VERBS[verb])
    if words:
        yield table(
            ("word", "meaning"), [(code(_name(action)), action.help or "") for action in words]
        )
    if options:
        yield table(
            ("option", "meaning"),
            [(_forms(action, parser), action.help or "") for action in options],
        )
    if parser.epilog:
        yield block("text", parser.epilog) if "\n" in parser.epilog else _sentence(parser.epilog)
    if len(OF_VERBS[verb]) > 1:
        yield table(
            ("exit code", "meaning"),
            [(str(number), text) for number, text in OF_VERBS[verb].items()],
        )


def _word(action: argparse.Action) -> str:
    name = _name(action)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} ..."}.get(
        str(action.nargs or ""), name
    )


def _name(action: argparse.Action) -> str:
    return (
        str(action.metavar)
        if action.metavar
        else _choices(action.choices or ()) or action.dest.upper()
    )


def _choices(values: object) -> str:
    return "|".join(map(str, values)) if isinstance(values, Sequence) else ""


def _forms(action: argparse.Action, parser: Parser) -> str:
    """The forms of an option, shortest first, with the name of its value."""
    value = "" if action.nargs == 0 else _name(action)
    forms = [
        f"{form}[={value}]" if form in parser.optional_values else f"{form} {value}".rstrip()
        for form in sorted(action.option_strings, key=len)
    ]
    return ", ".join(map(code, forms))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
