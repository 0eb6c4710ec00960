"""Records that an action leaves for its next run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildgraph.execution.previous_records import PreviousRecords
from buildgraph.types.action import Shipped, Source
from buildgraph.types.digest import Digest
from buildgraph.types.result import File


def task(*, argv: str = "a", tool: bytes = b"1", source: bytes = b"1", opts_in: bool = True) -> Any:
    """A task; `tool` and `source` are the contents of its inputs."""
    action = SimpleNamespace(
        argv=(argv,),
        env=(),
        owner="//:x",
        title="x",
        timeout=1,
        platform=(("previous", "records"),) if opts_in else (("other", ""),),
    )
    inputs = (
        ("tools/t.py", Shipped("tools/t.py"), File(Digest.of(tool)), ""),
        ("in/a.py", Source("a.py"), File(Digest.of(source)), ""),
    )
    return SimpleNamespace(action=action, inputs=inputs, programs={}, distributions={})


def staged(folder: Path, one: Any) -> bytes | None:
    """The copy that a task gets; None if it gets none."""
    root = folder / "stage"
    root.mkdir(exist_ok=True)
    (root / "previous").unlink(missing_ok=True)
    PreviousRecords(str(folder)).stage(one, str(root))
    return (root / "previous").read_bytes() if (root / "previous").exists() else None


def save(folder: Path, one: Any, data: bytes) -> None:
    """Save what a task left."""
    (folder / "temp").mkdir(exist_ok=True)
    (folder / "temp/previous").write_bytes(data)
    PreviousRecords(str(folder)).save(one, str(folder / "temp"))


def test_the_next_run_gets_them_whatever_its_sources_are(tmp_path: Path) -> None:
    assert staged(tmp_path, task()) is None
    save(tmp_path, task(), b"records")
    assert staged(tmp_path, task(source=b"2")) == b"records"


@pytest.mark.parametrize("other", [{"argv": "b"}, {"tool": b"2"}, {"opts_in": False}])
def test_another_command_or_tool_gets_none(tmp_path: Path, other: dict[str, Any]) -> None:
    save(tmp_path, task(), b"records")
    assert staged(tmp_path, task(**other)) is None


def test_an_action_that_does_not_opt_in_leaves_none(tmp_path: Path) -> None:
    save(tmp_path, task(opts_in=False), b"records")
    assert not (tmp_path / "previous").exists()


def test_a_damaged_copy_counts_as_none(tmp_path: Path) -> None:
    save(tmp_path, task(), b"records")
    (copy,) = (tmp_path / "previous").iterdir()
    copy.write_bytes(copy.read_bytes()[:-1] + b"x")
    assert staged(tmp_path, task()) is None


def test_the_oldest_copies_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildgraph.execution.previous_records._MOST_FILES", 2)
    for name in ("a", "b", "c", "d"):
        save(tmp_path, task(argv=name), b"records")
    assert len([*(tmp_path / "previous").iterdir()]) == 2


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "temp/previous").symlink_to(tmp_path / "secret")
    PreviousRecords(str(tmp_path)).save(task(), str(tmp_path / "temp"))
    assert staged(tmp_path, task()) is None
