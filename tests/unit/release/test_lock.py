"""The lock of a workspace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildgraph.release.lock import LOCK, check_installed, check_lock, write_lock
from buildgraph.types.errors import BuildError

TOOLS = {"distribution:deflate": f"0.9.0 sha256:{'a' * 64}", "program:python3": "3.11 sha256:bb"}


def test_a_lock_fits_the_tools_that_it_was_written_for(tmp_path: Path) -> None:
    check_lock(str(tmp_path), TOOLS)  # without a lock, all tools fit
    path = write_lock(str(tmp_path), TOOLS)
    assert Path(path) == tmp_path / LOCK
    check_lock(str(tmp_path), TOOLS)
    check_lock(str(tmp_path), {"program:python3": TOOLS["program:python3"]})
    before = (tmp_path / LOCK).read_bytes()
    write_lock(str(tmp_path), dict(reversed(TOOLS.items())))
    assert (tmp_path / LOCK).read_bytes() == before


@pytest.mark.parametrize(
    "tools, message",
    [
        ({"program:python3": "3.12 sha256:cc"}, "program:python3 is 3.12 sha256:cc, locked is"),
        ({"program:gcc": "sha256:dd"}, "program:gcc is not locked"),
        (
            {"distribution:deflate": f"0.9.1 sha256:{'c' * 64}"},
            "distribution:deflate is 0.9.1 sha256:cccccccccccc, locked is 0.9.0 sha256:aaaa",
        ),
    ],
)
def test_drift_is_named(tmp_path: Path, tools: dict[str, str], message: str) -> None:
    write_lock(str(tmp_path), TOOLS)
    with pytest.raises(BuildError, match=message) as raised:
        check_lock(str(tmp_path), tools)
    assert raised.value.reason == "lock" and raised.value.code == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1, "buildgraph": "1", "tools": 7}'])
def test_a_damaged_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(BuildError, match="cannot be read"):
        check_lock(str(tmp_path), TOOLS)


def test_a_lock_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = Path(write_lock(str(tmp_path), TOOLS))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 9}))
    with pytest.raises(BuildError, match="has the version 9"):
        check_lock(str(tmp_path), TOOLS)


def test_installed_tools_are_compared_without_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILDGRAPH_CACHE", str(tmp_path / "cache"))
    check_installed(str(tmp_path))  # there is no lock
    version = "9.9 sha256:aa"
    write_lock(str(tmp_path), {"distribution:deflate": version, "program:no-such-program": version})
    with pytest.raises(BuildError) as raised:
        check_installed(str(tmp_path))
    assert "distribution:deflate is 0.9" in raised.value.what
    assert "program:no-such-program is not installed, locked is 9.9" in raised.value.what
