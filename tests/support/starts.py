"""The picture of the six starts of a build: what each reads, runs and writes."""

from __future__ import annotations

from tests.support.drawing import Box, box, svg, text

_STAGES = (
    "inputs compared",
    "action graph",
    "actions considered",
    "outputs written",
    "state saved",
)
_NONE = ""
# (start, when, a cell for each stage), from the cheapest to the most general.
STARTS = [
    (
        "no-op",
        "no input changed, as the manifest shows",
        ("all, by stamp", _NONE, _NONE, _NONE, _NONE),
    ),
    (
        "incremental",
        "some inputs changed since the last build",
        (
            "all, by stamp",
            "this workspace's snapshot",
            "reached by a change",
            "those that changed",
            "manifest, journal",
        ),
    ),
    (
        "restore",
        "this workspace has no snapshot that fits",
        (
            "all, by content",
            "the cache's snapshot",
            "reached by a difference",
            "those not in place",
            "manifest, snapshot",
        ),
    ),
    (
        "clone",
        "another workspace was built from equal files",
        (
            "all, by content",
            "the cache's snapshot",
            "reached by a difference",
            "all",
            "manifest, snapshot",
        ),
    ),
    (
        "graph only, every action dirty",
        "results of the snapshot are gone, or tools differ",
        (
            "of the analysis",
            "the cache's action graph",
            "all",
            "those that changed",
            "manifest, snapshot",
        ),
    ),
    (
        "from source",
        "nothing of the above",
        ("none", "parse and analyse", "all", "those that changed", "manifest, snapshot, graph"),
    ),
]
_NAME, _CELL, _HEIGHT, _ROW, _TOP, _MARGIN = 330, 176, 34, 52, 34, 12


def starts_svg() -> str:
    """A row for each start; a stage that it does not need is empty."""
    width = _MARGIN + _NAME + len(_STAGES) * _CELL + _MARGIN
    shapes = [
        text(
            _MARGIN + _NAME + number * _CELL + (_CELL - 12) // 2,
            20,
            stage,
            anchor="middle",
            size=12,
        )
        for number, stage in enumerate(_STAGES)
    ]
    for row, (name, when, cells) in enumerate(STARTS):
        y = _TOP + row * _ROW
        shapes += [
            text(_MARGIN, y + 14, f"{row + 1}  {name}", bold=True),
            text(_MARGIN + 17, y + 30, when, size=12),
        ]
        shapes += [box(_cell(number, y, words)) for number, words in enumerate(cells)]
    return svg(
        width,
        _TOP + len(STARTS) * _ROW,
        "The six starts of a build, from the cheapest to the most general.",
        shapes,
    )


def _cell(number: int, y: int, words: str) -> Box:
    return Box(
        _MARGIN + _NAME + number * _CELL,
        y,
        _CELL - 12,
        _HEIGHT,
        words,
        "plain" if words else "empty",
        False,
        11,
    )
