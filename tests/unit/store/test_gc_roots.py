"""GC roots: protected keys of the last builds of workspaces."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.store.gc_roots import MAGIC, protected_keys, save_roots
from buildgraph.types.digest import Digest

KEYS = [Digest.of(b"action %d" % number) for number in range(12)]


@pytest.fixture
def workspace(tmp_path: Path) -> str:
    """Return a workspace without targets."""
    (tmp_path / "w").mkdir()
    (tmp_path / "w/BUILD.toml").write_text('[workspace]\nname = "w"\n')
    return str(tmp_path / "w")


def test_keys_are_protected_until_the_workspace_is_deleted(tmp_path: Path, workspace: str) -> None:
    save_roots(str(tmp_path), workspace, ("//...",), map(str, KEYS[:2]))
    assert protected_keys(str(tmp_path)) == dict.fromkeys(KEYS[:2], workspace)
    os.unlink(os.path.join(workspace, "BUILD.toml"))
    assert protected_keys(str(tmp_path)) == {}


def test_additional_keys_replace_earlier_additional_keys(tmp_path: Path, workspace: str) -> None:
    root, request = str(tmp_path), ("//...",)
    save_roots(root, workspace, request, [str(KEYS[0])])
    for key in KEYS[1:3]:
        save_roots(root, workspace, request, [str(key)], more=True)
    assert set(protected_keys(root)) == {KEYS[0], KEYS[2]}
    save_roots(root, workspace, request, [str(KEYS[3])])
    assert set(protected_keys(root)) == {KEYS[3]}


def test_the_latest_eight_requests_of_a_workspace_are_protected(
    tmp_path: Path, workspace: str
) -> None:
    for number in range(10):
        save_roots(str(tmp_path), workspace, (f"//:{number}",), [str(KEYS[number])])
        newest = max((tmp_path / "roots").iterdir(), key=lambda path: path.stat().st_ctime_ns)
        os.utime(newest, (1000 + number,) * 2)
    assert set(protected_keys(str(tmp_path))) == set(KEYS[2:10])


@pytest.mark.parametrize(
    "data", [b"", MAGIC, MAGIC + b"x\n", MAGIC + b"1\nwno digest", b"\xff" * 9]
)
def test_a_malformed_file_protects_nothing(tmp_path: Path, workspace: str, data: bytes) -> None:
    save_roots(str(tmp_path), workspace, ("//...",), [str(KEYS[0])])
    (path,) = (tmp_path / "roots").iterdir()
    path.write_bytes(data)
    assert protected_keys(str(tmp_path)) == {}
