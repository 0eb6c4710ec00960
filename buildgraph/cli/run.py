"""`buildgraph run LABEL [-- ARGS]`: build an image, load it, and run it as a device would: hardened."""
from __future__ import annotations

import sys
from argparse import Namespace

from . import load
from .parser import Parser


def arguments(parser: Parser) -> None:
    """The words and options of the verb."""
    load.arguments(parser)
    parser.takes_rest = True
    parser.epilog = "words after -- are given to the program, whose stdin and stdout are yours"


def run(options: Namespace) -> int:
    """Build, load and run; the program's exit code is ours."""
    from ..execute.container import attach
    code, image, _ = load.loaded(options, sys.stderr)   # stdout is the program's
    return code or attach(image, options.rest)
