"""The root of a workspace, and the folder of the cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.types.errors import BuildError
from buildgraph.workspace.root import cache_folder, cache_within, find_root


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"BUILDGRAPH_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/buildgraph"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/buildgraph"),
        ({"HOME": "/h"}, "/h/.cache/buildgraph"),
        ({}, ""),
    ],
)
def test_the_cache_is_where_the_environment_names_it(environ: dict[str, str], folder: str) -> None:
    assert cache_folder(environ) == folder


def test_a_cache_in_the_workspace_is_a_relative_path(tmp_path: Path) -> None:
    def within(path: str) -> str:
        return cache_within(str(tmp_path), {"BUILDGRAPH_CACHE": path})

    assert within(f"{tmp_path}/a/b") == "a/b" and within("/elsewhere") == ""
    assert within(f"{tmp_path}-other") == "" and cache_within(str(tmp_path), {}) == ""
    os.symlink(tmp_path, f"{tmp_path}-link")
    assert within(f"{tmp_path}-link/c") == "c"
    with pytest.raises(BuildError, match="the workspace itself"):
        within(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "is_root"),
    [
        (b"[workspace]\n", True),
        (b" [ workspace ]\n", True),
        (b"[workspace.x]\n", True),
        (b"workspace = {}\n", True),
        (b"[workspaces]\n", False),
        (b"# [workspace]\n", False),
        (b'a = """\n[workspace]\n"""\n', False),
        (b'a = """\n"""\n[workspace]\n', True),
        (b"[workspace]\nbroken", True),
        ("[workspace]".encode("utf-16"), True),
        (b"\xef\xbb\xbf[workspace]\n", True),
    ],
)
def test_a_root_has_a_workspace_table(tmp_path: Path, text: bytes, is_root: bool) -> None:
    (tmp_path / "top/in").mkdir(parents=True)
    (tmp_path / "top/BUILD.toml").write_bytes(text)
    (tmp_path / "BUILD.toml").write_text("[workspace]\n")
    expected = tmp_path / "top" if is_root else tmp_path
    assert find_root(str(tmp_path / "top/in")) == str(expected)
