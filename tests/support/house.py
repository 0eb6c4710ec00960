"""The picture of the packages and their imports, as SVG and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.drawing import Box, arrow, box, svg, text
from tests.support.imports import Package, packages, reduce_imports
from tests.support.layout import neighbours, order, place
from tests.support.markdown import code, table

_HEIGHT, _FLOOR, _MARGIN, _GAP = 34, 78, 16, 18
_LEFT, _LEGEND = 60, 290  # for the numbers of floors; for an entry of the legend


def house_svg() -> str:
    """The packages of the engine as boxes on floors."""
    return draw(packages())


def house_table() -> str:
    """The same as a table, from the top floor down."""
    rows = sorted(packages(), key=lambda package: (-package.floor, package.name))
    return table(
        ("floor", "package", "content", "import cost", "imports"),
        [
            (
                str(package.floor),
                code(package.name),
                package.sentence,
                "light" if package.is_light else "plain",
                ", ".join(package.imports),
            )
            for package in rows
        ],
    )


def draw(house: Sequence[Package]) -> str:
    """Some packages as SVG. An import that a chain of other imports implies has no arrow."""
    floors = {package.name: package.floor for package in house}
    rows, ways = order(floors, reduce_imports({package.name: package.imports for package in house}))
    widths = {name: 14 if "@" in name else _width(name) + _GAP for row in rows for name in row}
    middles = place(rows, neighbours(ways), widths)
    tops = {name: _MARGIN + number * _FLOOR for number, row in enumerate(rows) for name in row}
    boxes = [
        Box(
            _LEFT + middles[package.name] - _width(package.name) // 2,
            tops[package.name],
            _width(package.name),
            _HEIGHT,
            package.name,
            "light" if package.is_light else "plain",
        )
        for package in house
    ]
    shapes = [
        text(_MARGIN, _MARGIN + number * _FLOOR + 22, str(len(rows) - 1 - number))
        for number in range(len(rows))
    ]
    shapes += [_way(way, middles, tops) for way in ways.values()]
    shapes += map(box, boxes)
    right = max(_LEFT + middle + widths[name] // 2 for name, middle in middles.items())
    legend = 2 * _MARGIN + (len(rows) - 1) * _FLOOR + _HEIGHT
    shapes += _legend(legend)
    return svg(
        max(right + _MARGIN, _LEFT + 2 * _LEGEND),
        legend + _HEIGHT + _MARGIN,
        "Packages of buildgraph on floors. An arrow is an import; all arrows go down.",
        shapes,
    )


def _way(way: Sequence[str], middles: dict[str, int], tops: dict[str, int]) -> str:
    points = [(_LEFT + middles[way[0]], tops[way[0]] + _HEIGHT)]
    for name in way[1:-1]:
        points += [
            (_LEFT + middles[name], tops[name]),
            (_LEFT + middles[name], tops[name] + _HEIGHT),
        ]
    return arrow([*points, (_LEFT + middles[way[-1]], tops[way[-1]] - 1)])


def _legend(y: int) -> list[str]:
    light = Box(_LEFT, y, 70, _HEIGHT, "light", "light")
    plain = Box(_LEFT + _LEGEND, y, 70, _HEIGHT, "plain")
    return [
        box(light),
        text(light.x + 78, y + 22, "imported by incremental builds"),
        box(plain),
        text(plain.x + 78, y + 22, "imported when needed"),
    ]


def _width(name: str) -> int:
    return 28 + 8 * len(name)
