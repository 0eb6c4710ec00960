"""The picture of the packages shows the imports, and its bytes depend on nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support import house, layout, starts
from tests.support.imports import ROOT, Package, floors_of, packages, reduce_imports
from tests.support.light import light_packages

_SVG = "{http://www.w3.org/2000/svg}"
HOUSE = {
    "cli": ("build", "ui", "lite"),
    "build": ("state", "lite"),
    "state": ("store", "ui"),
    "store": ("lite",),
    "ui": ("lite",),
    "lite": (),
}


def render_packages(light: tuple[str, ...] = ()) -> list[Package]:
    """A small house."""
    floors = floors_of(HOUSE)
    return [
        Package(name, f"The {name}", 1, tuple(sorted(below)), floors[name], name in light)
        for name, below in HOUSE.items()
    ]


def engine(folder: Path, **texts: str) -> Path:
    """An engine of some modules, `package__module` for one in a package."""
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/', 1) if not name.startswith('__') else name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_packages_have_their_imports_floors_and_first_sentences(tmp_path: Path) -> None:
    folder = engine(
        tmp_path,
        __init__="from .top import x",
        errors='"""Errors."""',
        top__a="from ..errors import E\nfrom .b import c\n",
        top__b="from buildgraph.low import z\nfrom .. import errors\nimport os.path",
        low="def f():\n    from . import errors\n",
    )
    (tmp_path / "top/__init__.py").write_text('"""Whatever is above. And more."""')
    assert packages(folder, ["low"]) == [
        Package("errors", "Errors", 1, (), 0, False),
        Package("low", "", 1, ("errors",), 1, True),
        Package("top", "Whatever is above", 3, ("errors", "low"), 2, False),
    ]


def test_a_circle_of_imports_is_refused() -> None:
    with pytest.raises(ValueError, match="imports form a circle among a, b"):
        floors_of({"a": ["b"], "b": ["a"], "c": []})


def test_an_implied_import_has_no_arrow() -> None:
    assert reduce_imports(HOUSE) == {
        "cli": ("build",),
        "build": ("state",),
        "state": ("store", "ui"),
        "store": ("lite",),
        "ui": ("lite",),
        "lite": (),
    }


def test_the_house_of_the_engine_has_every_package() -> None:
    names = {
        path.name.removesuffix(".py")
        for path in (ROOT / "buildgraph").iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.rglob("*.py")))
    } - {"__init__", "__main__"}
    house_of_engine = packages()
    assert {package.name for package in house_of_engine} == names
    assert all(package.sentence for package in house_of_engine)
    table = house.house_table()
    assert all(f"| `{name}` |" in table for name in names)


def test_boxes_are_on_their_floors_and_do_not_overlap() -> None:
    drawn = ElementTree.fromstring(house.draw(render_packages(("lite",))))
    boxes = [
        (int(box.get("y", "")), int(box.get("x", "")), int(box.get("width", "")))
        for box in drawn.iter(f"{_SVG}rect")
    ]
    legend = 2
    floors = floors_of(HOUSE)
    assert len({y for y, _, _ in boxes[:-legend]}) == max(floors.values()) + 1
    for (y, x, width), (other, right, _) in pairwise(sorted(boxes)):
        assert y != other or x + width < right
    assert len(list(drawn.iter(f"{_SVG}path"))) == 1 + sum(
        map(len, reduce_imports(HOUSE).values())
    )  # the head, and the arrows


def test_arrows_go_around_boxes() -> None:
    """An edge that passes a floor has a place of its own there."""
    rows, ways = layout.order({"a": 2, "b": 1, "c": 0}, {"a": ("b", "c"), "b": ("c",), "c": ()})
    assert ways["a", "c"] == ["a", "a>c@1", "c"] and sorted(rows[1]) == ["a>c@1", "b"]


@pytest.mark.parametrize(
    ("goals", "weights", "result"),
    [
        ([1, 2, 3], [1, 1, 1], [1, 2, 3]),
        ([3, 1], [1, 1], [2, 2]),
        ([4, 1], [1, 2], [2, 2]),
        ([], [], []),
    ],
)
def test_places_ascend(goals: list[float], weights: list[float], result: list[float]) -> None:
    assert layout.nearest_ascending(goals, weights) == result


def test_the_bytes_do_not_depend_on_the_order_of_sets() -> None:
    program = (
        "from tests.support import house, imports, starts\n"
        "print(house.draw(imports.packages(light=('lite',))), starts.starts_svg())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_the_starts_have_a_cell_for_each_stage() -> None:
    drawn = ElementTree.fromstring(starts.starts_svg())
    assert (
        len(list(drawn.iter(f"{_SVG}rect")))
        == len(starts.STARTS) * len(starts.STARTS[0][2])
        == 6 * 5
    )


def test_light_packages_are_those_of_an_incremental_build() -> None:
    light = light_packages()
    assert {"cli", "fastpath", "lite", "state", "execution"} <= light
    assert not light & {"analysis", "explain", "checks", "docker"}
