"""`buildgraph test PATTERN...`: build targets and tell what their gates say."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..invocation import Invocation
from .build import choose, how, perform, request


def arguments(parser: ArgumentParser) -> None:
    """The words and options of the verb."""
    parser.add_argument(
        "patterns", nargs="*", metavar="PATTERN", help="the targets whose gates to check"
    )
    how(parser)


def run(options: Namespace) -> int:
    """Check the gates; 0 when none failed."""
    here = Invocation.find()
    return perform(here, request(here, options), choose(options, frozenset({"gates", "counts"})))
