"""Heat maps as PNG: read back by a reader of our own, cell by cell; sizes stay bounded."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import show_model
from modelview import heatmap_png as model_picture
from numpy.typing import NDArray

from tests.support.requirements import need_module
from tests.support.small_models import EXAMPLES


def chunks(data: bytes) -> dict[str, bytes]:
    """Contents of each chunk of a PNG, with checksums verified."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    result, at = {}, 8
    while at < len(data):
        [size] = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(
            kind + body
        )
        result[kind.decode()] = body
        at += 12 + size
    assert list(result)[-1] == "IEND"
    return result


def pixels(data: bytes) -> NDArray[np.uint8]:
    """Places in the palette by pixel."""
    parts = chunks(data)
    width, height, depth, kind = struct.unpack(">IIBB", parts["IHDR"][:10])
    assert (depth, kind) == (8, 3) and len(parts["PLTE"]) == 768
    lines = np.frombuffer(zlib.decompress(parts["IDAT"]), dtype=np.uint8).reshape(height, width + 1)
    assert not np.any(lines[:, 0])
    return np.asarray(lines[:, 1:])


def test_every_entry_is_a_cell() -> None:
    array = np.array([[0.0, 1.0, 1e-9], [1.0, 0.0, 0.5]])[:, :, None].repeat(2, axis=2)
    array[0, 0, 1] = 1.0
    page = pixels(model_picture.png(model_picture.picture(array), "x"))
    gap, cell = model_picture.GAP, model_picture.CELL
    wide = 3 * cell + gap
    assert page.shape == (2 * cell + 2 * gap, 2 * wide + gap)
    for index in np.ndindex(array.shape):
        row, column, part = index
        block = page[
            gap + row * cell : gap + (row + 1) * cell, gap + part * wide + column * cell :
        ][:, :cell]
        assert np.all(block == model_picture.levels(array[index])), index
    assert np.all(page[:gap] == model_picture.PAPER)


def test_zero_is_not_nearly_zero() -> None:
    shades = model_picture.levels(np.array([0.0, 1e-300, 0.5, 1.0]))
    assert shades[0] == model_picture.ZERO and 2 <= shades[1] < shades[2] < shades[3] == 255


@pytest.mark.parametrize(
    "shape", [(1, 1), (5,), (2000, 1500), (3, 4, 700), (2, 2, 3, 4, 5), (1, 3000, 2)]
)
def test_any_shape_fits(shape: tuple[int, ...]) -> None:
    page = model_picture.picture(np.full(shape, 0.25))
    assert 1 < max(page.shape) <= 2 * model_picture.MOST * 2 and page.dtype == np.uint8


def test_model_show_writes_one_for_each_matrix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_model.main([str(EXAMPLES / "tmaze.npz"), "--png", str(tmp_path / "maps")]) == 0
    page = capsys.readouterr().out
    written = sorted(path.name for path in (tmp_path / "maps").iterdir())
    assert written == ["A0.png", "A1.png", "A2.png", "B0.png", "B1.png"]
    text = chunks((tmp_path / "maps/B0.png").read_bytes())["tEXt"].decode("latin-1")
    assert (
        text.startswith("Description\0B0: next location (5) down, location (5) across; slices by")
        and "B0" in page
    )
    (tmp_path / "file").write_text("")
    assert show_model.main([str(EXAMPLES / "tmaze.npz"), "--png", str(tmp_path / "file")]) == 1
    assert "file" in capsys.readouterr().err


@pytest.mark.slow
def test_another_program_reads_them(tmp_path: Path) -> None:
    need_module("matplotlib")
    from matplotlib.image import imread

    (tmp_path / "a.png").write_bytes(model_picture.png(model_picture.picture(np.eye(3)), "an eye"))
    colours = np.round(255.0 * np.asarray(imread(str(tmp_path / "a.png")))[..., :3])
    assert colours.shape == (56, 56, 3)
    assert colours[8, 8].tolist() == [140.0, 0.0, 0.0] and colours[8, 24].tolist() == [
        222.0,
        232.0,
        245.0,
    ]
