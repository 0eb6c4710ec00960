"""The reader of pages sees blocks, commands, expected output and broken conventions."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.docs.blocks import (
    Block,
    Command,
    PageError,
    blocks_of,
    commands_of,
    is_installation,
    matches,
)
from tests.docs.pages import anchors_of, links_of
from tests.docs.scratch import BlockError, Scratch
from tests.docs.test_pages import check_fragment


def run(folder: Path, *texts: str) -> Scratch:
    """Run the blocks of a page in a scratch workspace."""
    scratch = Scratch(folder, folder / "cache", {})
    scratch.workspace.mkdir()
    for block in blocks_of("\n".join(texts)):
        scratch.run("page.md", block)
    return scratch


def test_a_block_has_its_line_language_and_words() -> None:
    text = (
        '# A page\n\n```toml title="a b.toml"\nx = 1\n```\n\n1. Step:\n\n'
        '   ~~~sh needs="docker, git"\n   true\n   ~~~\n'
    )
    assert blocks_of(text) == [
        Block(3, "toml", "x = 1\n", "a b.toml"),
        Block(9, "sh", "true\n", needs=("docker", "git")),
    ]


def test_a_longer_fence_holds_a_shorter_one() -> None:
    [block] = blocks_of("````text\n```sh\ntrue\n```\n````\n")
    assert block.text == "```sh\ntrue\n```\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("```\nx\n```\n", "names no language"),
        ("```bash\nx\n```\n", "'bash' is not one of"),
        ("```sh\nx\n", "not closed"),
        ("```toml\nx = 1\n```\n", "write title="),
        ('```toml titel="x"\nx = 1\n```\n', "unknown word 'titel'"),
        ('```sh title="x"\ntrue\n```\n', "only one of these"),
        ("```text fragment\nx\n```\n", "a fragment is one of"),
    ],
)
def test_a_broken_convention_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(PageError, match=f"line 2: .*{why}"):
        blocks_of(f"text\n{text}")


def test_commands_span_lines_as_in_bash() -> None:
    [block] = blocks_of(
        "```sh\n# a note\ntrue\nfor x in 1 2; do\n  echo $x\ndone\ncat <<END\ntext\nEND\n\n"
        "echo a \\\n  b   # exits 3\n```\n"
    )
    assert commands_of(block) == [
        Command(3, "true"),
        Command(4, "for x in 1 2; do\n  echo $x\ndone"),
        Command(7, "cat <<END\ntext\nEND"),
        Command(11, "echo a \\\n  b   # exits 3", 3),
    ]


def test_a_console_block_has_output() -> None:
    [block] = blocks_of(
        "```console\n$ echo a\na\n$ false   # exits 1\n$ cat <<END\n> b\n> END\nb\n```\n"
    )
    assert commands_of(block) == [
        Command(2, "echo a", 0, "a\n"),
        Command(4, "false   # exits 1", 1, ""),
        Command(5, "cat <<END\nb\nEND", 0, "b\n"),
    ]


def test_the_commands_of_an_installation_are_known() -> None:
    assert is_installation(
        Command(
            1,
            "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/buildgraph build //x",
        )
    )
    assert not is_installation(Command(1, "python3 -m venv .venv"))


@pytest.mark.parametrize(
    ("expected", "output", "equal"),
    [
        ("a 1.2s b\n", "a 1.2s b", True),
        ("a ...s b\n", "a 1.2s b\n\n", True),
        ("a ... b\n", "a\nb\n", False),
        ("a\n...\nz\n", "a\nz\n", True),
        ("a\n...\nz\n", "a\n1\n2\nz\n", True),
        ("a\n...\nz\n", "a\n1\n2\n", False),
        ("sha256:ab...\n", "sha256:cd...\n", False),
        ("a\n", "a\nb\n", False),
        ("a+(b)\n", "a+(b)\n", True),
    ],
)
def test_dots_stand_for_any_text(expected: str, output: str, equal: bool) -> None:
    assert matches(expected, output) == equal


def test_blocks_share_the_workspace_the_folder_and_the_variables(tmp_path: Path) -> None:
    run(
        tmp_path,
        '```python title="a/b.py"\nprint("hello")\n```',
        '```sh\ncd a\nexport NAME="a b"\n```',
        '```console\n$ python b.py; echo "$NAME"\nhello\na b\n$ ls nothing   # exits 2\n'
        "ls: ...\n```",
    )


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("```sh\ntrue\nfalse\ntrue\n```", "page.md:3: exit code 1, not 0"),
        ("```sh\ntrue   # exits 1\n```", "page.md:2: exit code 0, not 1"),
        ("```sh\ntrue\nexit 0\ntrue\n```", "page.md:3: .*the shell ended"),
        ("```console\n$ echo a\nb\n```", "page.md:2: other output"),
        ('```toml title="../x"\n```', "page.md:1: ../x is outside"),
    ],
)
def test_a_block_that_does_something_else_fails(tmp_path: Path, block: str, why: str) -> None:
    with pytest.raises(BlockError, match=why):
        run(tmp_path, block)


def test_a_page_finds_the_program_and_a_cache(tmp_path: Path) -> None:
    scratch = run(
        tmp_path,
        '```toml title="BUILD.toml"\n[workspace]\n[page]\nrule = "command"\n'
        'argv = ["cp", "{in}", "{out}"]\n'
        'inputs = { in = "a.txt" }\noutputs = { out = "b.txt" }\n```',
        "```sh\necho a >a.txt\n```",
        "```console\n$ buildgraph build //:page\n//:page\n  out/page/b.txt ... sha256:...\n"
        "1 ran, 0 hits, ...\n```",
    )
    assert scratch.cache.is_dir() and not (scratch.folder / "home/.cache").exists()


def test_what_runs_in_the_background_ends_with_its_block(tmp_path: Path) -> None:
    scratch = run(tmp_path, "```sh\nsleep 600 &\necho $! >pid\n```")
    pid = (scratch.workspace / "pid").read_text().strip()
    until = time.monotonic() + 30
    while _runs(pid):
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.01)


def _runs(pid: str) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    "text",
    [
        "```toml fragment\nx = \n```",
        "```json fragment\n{\n```",
        "```python fragment\nx =\n```",
        "```yaml fragment\na: [\n```",
    ],
)
def test_a_fragment_parses(text: str) -> None:
    [block] = blocks_of(text)
    with pytest.raises(BlockError, match="page.md:1: .*does not parse"):
        check_fragment("page.md", block)


def test_links_and_anchors_of_a_page() -> None:
    text = (
        '# The `first`, page\n\n[a](x.md#y) `[b](no.md)` <img src="i.svg">\n\n```text\n'
        "[c](no.md)\n# no\n```\n"
        "## The first page\n\n[d]: z.md\n<!-- [e](no.md) -->\n"
    )
    assert list(links_of(text)) == [(3, "x.md#y"), (11, "z.md"), (3, "i.svg")]
    assert anchors_of(text) == {"the-first-page", "the-first-page-1"}
