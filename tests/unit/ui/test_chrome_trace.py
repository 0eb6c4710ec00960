"""The file of a trace: a file is replaced, a pipe is written to, and no temporary file remains."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from buildgraph.types.errors import BuildError
from buildgraph.ui.chrome_trace import write_trace


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_trace(str(tmp_path / "link"), [])
    assert (tmp_path / "link").is_symlink() and "traceEvents" in json.loads(
        (tmp_path / "real").read_text()
    )
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """The same holds for devices: otherwise root would replace /dev/null by a file."""
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_trace(str(pipe), [])
    reader.join(timeout=30)
    assert pipe.is_fifo() and "traceEvents" in json.loads(read[0])


def test_a_folder_is_refused_without_a_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(BuildError, match="cannot be written"):
        write_trace(str(tmp_path / "folder"), [])
    assert os.listdir(tmp_path) == ["folder"]


def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("mine")
    (tmp_path / f"trace.{os.getpid()}").symlink_to("user")
    with pytest.raises(BuildError, match="cannot be written"):
        write_trace(str(tmp_path / "trace"), [])
    assert (tmp_path / "user").read_text() == "mine"
