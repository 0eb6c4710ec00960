"""The pages are correct: files parse, and commands print the output that a page shows."""

from __future__ import annotations

import ast
import json
import shutil
import socket
import tomllib
from pathlib import Path

import pytest

from tests.docs.blocks import Block, PageError, blocks_of
from tests.docs.pages import ROOT, name_of, pages, workspace_of
from tests.docs.scratch import BlockError, Scratch
from tests.support.requirements import absent, need, need_module
from tests.support.small_filesystems import repository

pytestmark = pytest.mark.slow
_PROGRAMS = {"qemu": "qemu-aarch64-static"}
_INDEX = ("pypi.org", 443)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_page(page: Path, tmp_path: Path, docs_cache: Path, request: pytest.FixtureRequest) -> None:
    """Each block works as shown; when a requirement is missing, the others run before the skip."""
    name, text = name_of(page), page.read_text()
    try:
        blocks = blocks_of(text)
    except PageError as error:
        pytest.fail(f"{name}: {error}", pytrace=False)
    environ: dict[str, str] = {}
    scratch = Scratch(tmp_path, docs_cache, environ)
    _start(scratch, workspace_of(page, text))
    skipped: list[str] = []
    for block in blocks:
        missing = _missing(block, environ, request)
        if missing:
            skipped.append(f"line {block.line}: {missing}")
            continue
        try:
            check_fragment(name, block)
            scratch.run(name, block)
        except (BlockError, PageError) as error:
            pytest.fail(
                str(error) if isinstance(error, BlockError) else f"{name}: {error}", pytrace=False
            )
    if skipped:
        absent(f"blocks of {name} were not run: {'; '.join(skipped)}")


def check_fragment(page: str, block: Block) -> None:
    """BlockError when a block of data or code does not parse."""
    try:
        match block.language:
            case "toml":
                tomllib.loads(block.text)
            case "json":
                json.loads(block.text)
            case "python":
                ast.parse(block.text)
            case "yaml":
                _check_yaml(block.text)
    except (ValueError, SyntaxError) as error:
        raise BlockError(
            f"{page}:{block.line}: this {block.language} does not parse: {error}"
        ) from None


def _check_yaml(text: str) -> None:
    import yaml

    try:
        yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _start(scratch: Scratch, source: Path | None) -> None:
    """Make the workspace of a page: empty, or a copy of a folder of the repository."""
    if source is None:
        scratch.workspace.mkdir()
    elif source == ROOT:
        repository(scratch.workspace, scratch.cache)
        for name in ("README.md", "LICENSE"):
            shutil.copy(ROOT / name, scratch.workspace)
    else:
        shutil.copytree(
            source,
            scratch.workspace,
            ignore=shutil.ignore_patterns("out", ".buildgraph", "__pycache__"),
        )


def _missing(block: Block, environ: dict[str, str], request: pytest.FixtureRequest) -> str:
    """Requirements of a block that this machine lacks; a daemon or a registry is started."""
    try:
        for name in block.needs:
            if name == "docker":
                environ["DOCKER_HOST"] = request.getfixturevalue("daemon")
            elif name == "registry":
                environ["REGISTRY"] = request.getfixturevalue("registry")
            elif name == "network":
                _need_network()
            elif name == "pymdp":
                need_module("pymdp")
            else:
                need(_PROGRAMS.get(name, name))
    except pytest.skip.Exception as reason:
        return str(reason)
    return ""


def _need_network() -> None:
    try:
        socket.create_connection(_INDEX, 3).close()
    except OSError:
        absent(f"{_INDEX[0]} cannot be reached")
