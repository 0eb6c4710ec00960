"""The words of a request, under which its state is saved."""

from __future__ import annotations

from buildgraph.types.request import Request


def test_words_have_the_options_that_change_the_outputs() -> None:
    assert Request(("//a", ":b")).words == ("//a", ":b")
    assert Request(("//a",), gates=False, sandbox="none", jobs=3).words == (
        "--sandbox=none",
        "--no-gates",
        "//a",
    )


def test_a_manifest_answers_requests_that_their_words_describe() -> None:
    assert Request(("//a",), jobs=2, keep_going=True, sandbox="none").can_use_manifest
    for request in (
        Request(("//a",), sandbox_debug=True),
        Request(("//a",), out="/tmp/x"),
        Request(("//a",), on_finish=lambda executor, code: code),
    ):
        assert not request.can_use_manifest
