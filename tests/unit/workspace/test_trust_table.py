"""The table [workspace.trust]: keys by domain, and errors with places."""

from __future__ import annotations

import pytest

from buildgraph.types.errors import BuildError, BuildErrors
from buildgraph.workspace.toml import parse
from buildgraph.workspace.trust_table import TrustedKey, parse_trust

KEY = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def keys(text: str) -> tuple[TrustedKey, ...] | None:
    """The keys of a BUILD.toml."""
    return parse_trust(parse(text.encode(), "BUILD.toml"))


@pytest.mark.parametrize("text", ["", "[workspace]\n", '[trust]\nmain = "x.pub"\n'])
def test_no_table(text: str) -> None:
    assert keys(text) is None


def test_an_empty_table_trusts_nobody_else() -> None:
    assert keys("[workspace.trust]\n") == ()


@pytest.mark.parametrize(
    "text",
    [
        '[workspace.trust]\nmain = ["keys/main.pub", "%s"]\n',
        '[workspace]\ntrust = { main = ["keys/main.pub", "%s"] }\n',
        'workspace.trust.main = ["keys/main.pub", "%s"]\n',
        '["work\\u0073pace"."tr\\u0075st"]\nmain = ["keys/main.pub", "%s"]\n',
    ],
)
def test_files_and_keys_in_each_spelling(text: str) -> None:
    read = keys(text % KEY)
    assert read is not None
    first, second = read
    assert (first.domain, first.path, first.pem) == ("main", "keys/main.pub", "")
    assert (second.domain, second.path) == ("main", "") and KEY in second.pem
    assert first.at.line >= 1


@pytest.mark.parametrize(
    "value",
    [
        "1",
        '"x"',
        '""',
        "[]",
        "[1]",
        '"/etc/key.pub"',
        '"../key.pub"',
        '"a/../../key.pub"',
        '"a\\\\b.pub"',
        '"key"',
        f'"{KEY[:-1]}"',
        f'"{KEY.replace("EA", "EB")}"',
        "{ a = 1 }",
    ],
)
def test_other_values_are_refused_at_their_place(value: str) -> None:
    with pytest.raises(BuildError, match="main must be the path of a public key") as error:
        keys(f"[workspace.trust]\nmain = {value}\n")
    assert error.value.at is not None and error.value.at.line == 2
    assert (error.value.reason, error.value.code) == ("table", 2)


@pytest.mark.parametrize("name", ["Main", '"a b"', '"a\\"b"', '""', "a_b", "-a", "a" * 33])
def test_other_names_of_domains_are_refused(name: str) -> None:
    with pytest.raises(BuildError, match="is no name of a domain"):
        keys(f'[workspace.trust]\n{name} = "{KEY}"\n')


def test_all_errors_are_reported() -> None:
    with pytest.raises(BuildErrors) as error:
        keys('[workspace.trust]\nmain = 1\nA = "x.pub"\n')
    assert len(error.value.errors) == 2
    with pytest.raises(BuildError, match="must be a table"):
        keys("[workspace]\ntrust = 1\n")
