"""The verb `key`: text, JSON, and errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.cli import main
from buildgraph.signing.key_files import read_any_key


def test_new_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "main")
    assert main(["key", "new", path]) == 0
    key = read_any_key(path)
    assert capsys.readouterr().out.split() == (
        f"private key {path} public key {path}.pub key id {key.key_id}".split()
    )
    for name in (path, f"{path}.pub"):
        assert main(["key", "show", name]) == 0
        assert capsys.readouterr().out == f"key id {key.key_id}\n{key.to_pem()}"
        assert main(["key", "show", "--json", name]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert (shown["key_id"], shown["pem"]) == (key.key_id, key.to_pem())
    assert main(["key", "new", "--json", str(tmp_path / "pr")]) == 0
    new = json.loads(capsys.readouterr().out)
    assert new["key_id"] == read_any_key(new["private"]).key_id
    assert new["key_id"] == read_any_key(new["public"]).key_id


def test_errors_are_those_of_the_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "show", str(tmp_path / "none")]) == 2
    assert "there is no key file" in capsys.readouterr().err
    (tmp_path / "BUILD.toml").write_text('[workspace]\nname = "w"\n')
    assert main(["key", "new", str(tmp_path / "key")]) == 2
    error = capsys.readouterr().err
    assert "is in the source tree" in error and "keep it outside" in error
    assert not (tmp_path / "key").exists()
    assert main(["key", "old", str(tmp_path / "key")]) == 2
