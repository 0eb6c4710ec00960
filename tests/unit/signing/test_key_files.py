"""Key files: modes, owners, places, and nothing is overwritten."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from buildgraph.signing import key_files
from buildgraph.signing.key_files import (
    create_key,
    read_any_key,
    read_private_key,
    read_public_key,
)
from buildgraph.types.errors import BuildError


def test_a_new_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    umask = os.umask(0)
    try:
        key = create_key(str(path))
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "key.pub").stat().st_mode) == 0o644
    assert read_private_key(str(path)).public == key.public
    assert read_public_key(f"{path}.pub") == key.public
    assert read_any_key(str(path)) == read_any_key(f"{path}.pub") == key.public


@pytest.mark.parametrize("existing", ["key", "key.pub"])
def test_a_key_is_never_overwritten(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("old")
    with pytest.raises(BuildError, match="exists, and a key is never overwritten"):
        create_key(str(tmp_path / "key"))
    assert os.listdir(tmp_path) == [existing] and (tmp_path / existing).read_text() == "old"


def test_no_half_of_a_pair_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = key_files._create

    def fail_at_public(path: str, content: bytes, mode: int) -> None:
        if path.endswith(".pub"):
            raise OSError(28, "No space left on device")
        create(path, content, mode)

    monkeypatch.setattr(key_files, "_create", fail_at_public)
    with pytest.raises(OSError, match="No space"):
        create_key(str(tmp_path / "key"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "content"), [("BUILD.toml", '[workspace]\nname = "w"\n'), (".git", "gitdir: x\n")]
)
def test_source_trees_are_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / "key"
    with pytest.raises(BuildError, match="is in the source tree") as error:
        create_key(str(path))
    assert error.value.code == 2 and not path.exists()
    (tmp_path / name).unlink()
    create_key(str(path))
    (tmp_path / name).write_text(content)
    with pytest.raises(BuildError, match="is in the source tree"):
        read_private_key(str(path))
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(path)
    with pytest.raises(BuildError, match="is in the source tree"):
        read_private_key(str(link))
    assert read_public_key(f"{path}.pub") == read_any_key(f"{path}.pub")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_private_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    create_key(str(path))
    path.chmod(mode)
    with pytest.raises(BuildError, match=f"other users can .*mode {mode:04o}") as error:
        read_private_key(str(path))
    assert error.value.fix == f"chmod 600 {path}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_private_key_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    create_key(str(path))
    os.chown(path, 12345, -1)
    with pytest.raises(BuildError, match="belongs to another user"):
        read_private_key(str(path))


def test_missing_and_odd_files(tmp_path: Path) -> None:
    for read in (read_private_key, read_public_key, read_any_key):
        with pytest.raises(BuildError, match="there is no key file"):
            read(str(tmp_path / "none"))
        with pytest.raises(BuildError, match="cannot read the key file"):
            read(str(tmp_path))
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BuildError, match="cannot read the key file"):
        read_any_key(str(tmp_path / "fifo"))
    with pytest.raises(BuildError, match="cannot create .*: No such file or directory"):
        create_key(str(tmp_path / "no" / "key"))
