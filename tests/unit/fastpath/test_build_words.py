"""The common options of `build` mean what its parser says."""

from __future__ import annotations

import pytest

from buildgraph.cli.invocation import Invocation
from buildgraph.cli.parser import Parser
from buildgraph.cli.verbs.build import arguments, to_request
from buildgraph.fastpath.build_words import parse_build_words
from buildgraph.types.errors import BuildError

KNOWN = [
    ["//..."],
    ["//a:b", "-//c/...", "-:d", ":e"],
    ["-j2", "//..."],
    ["//...", "-j", "3"],
    ["//...", "--jobs=4", "-j1"],
    ["//...", "--jobs", "5", "-k"],
    ["--keep-going", "-q", "//..."],
    ["//a", "--quiet", "//b"],
    ["--sandbox", "none", "//..."],
    ["--sandbox=landlock", "--no-gates", "//..."],
    ["//...", "-j0", "--sandbox", "namespaces", "--sandbox", "none"],
]
LEFT = [
    [],
    ["-j2"],
    ["--json", "//..."],
    ["//...", "-j"],
    ["//...", "-j", "//a"],
    ["//...", "-jx"],
    ["//...", "-j-1"],
    ["//...", "--jobs=\N{SUPERSCRIPT TWO}"],
    ["//...", "--jobs"],
    ["//...", "--sandbox"],
    ["//...", "--sandbox="],
    ["//...", "--sandbox", "strong"],
    ["//...", "-kq"],
    ["//...", "--out", "x"],
    ["//...", "--check"],
    ["//...", "--", "x"],
    ["//...", "--help"],
    ["//...", "-k=1"],
    ["-", "//..."],
]


@pytest.mark.parametrize("words", KNOWN, ids=" ".join)
def test_they_mean_what_the_parser_says(words: list[str]) -> None:
    parsed = parse_build_words(words)
    parser = Parser(prog="build")
    arguments(parser)
    options = parser.read(words)
    assert parsed is not None and options is not None
    request = to_request(Invocation("/w", "p"), options)
    assert tuple(parsed.request_words()) == request.words
    assert (tuple(parsed.patterns), parsed.jobs) == (request.patterns, request.jobs)
    assert (parsed.keep_going, parsed.sandbox) == (request.keep_going, request.sandbox)
    assert (parsed.gates, parsed.quiet) == (request.gates, options.quiet)
    assert request.can_use_manifest


@pytest.mark.parametrize("words", LEFT, ids=" ".join)
def test_other_words_are_left_to_the_parser(words: list[str]) -> None:
    assert parse_build_words(words) is None


def test_a_value_that_is_left_is_an_error_of_the_parser() -> None:
    parser = Parser(prog="build")
    arguments(parser)
    with pytest.raises(BuildError, match="invalid choice"):
        parser.read(["//...", "--sandbox", "strong"])
