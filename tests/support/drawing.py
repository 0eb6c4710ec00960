"""Draw SVG that reads well on light and dark pages, with equal bytes for equal content.

Boxes have fills and borders of their own; what is drawn on the page itself is a grey that both
backgrounds allow. Fonts are those of the reader's system. Coordinates are whole pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
LINE, NOTE = "#848d97", "#768390"  # about 3.5:1 and 4:1 on white as on #0d1117
FILLS = {"light": ("#dff3e3", "#2f7d47"), "plain": ("#e3ecfa", "#3565a8"), "empty": ("none", LINE)}
TEXT = "#1f2328"


@dataclass(frozen=True)
class Box:
    """A box with a line of text, from its upper left corner; an empty one has a dashed border."""

    x: int
    y: int
    width: int
    height: int
    title: str
    kind: str = "plain"
    is_bold: bool = True
    size: int = 13

    @property
    def middle(self) -> int:
        """The x of its middle."""
        return self.x + self.width // 2


def svg(width: int, height: int, label: str, shapes: Sequence[str]) -> str:
    """A picture; `label` says in words what is shown, for readers who do not see it."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" '
            f'role="img" aria-label="{escape(label)}" font-family="{FONT}" font-size="13">',
            f"<title>{escape(label)}</title>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="{LINE}"/></marker></defs>',
            *shapes,
            "</svg>",
            "",
        ]
    )


def box(shape: Box) -> str:
    """A box as SVG."""
    fill, border = FILLS[shape.kind]
    dashed = "" if shape.title else ' stroke-dasharray="3 4"'
    rect = (
        f'<rect x="{shape.x}" y="{shape.y}" width="{shape.width}" height="{shape.height}" '
        f'rx="5" fill="{fill}" '
        f'stroke="{border}"{dashed}/>'
    )
    words = text(
        shape.middle,
        shape.y + shape.height // 2 + 4,
        shape.title,
        TEXT,
        "middle",
        shape.is_bold,
        shape.size,
    )
    return f"{rect}\n{words}" if shape.title else rect


def text(
    x: int,
    y: int,
    words: str,
    colour: str = NOTE,
    anchor: str = "start",
    bold: bool = False,
    size: int = 13,
) -> str:
    """A line of text; `y` is that of its base line."""
    weight = ' font-weight="600"' if bold else ""
    small = f' font-size="{size}"' if size != 13 else ""
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" '
        f'text-anchor="{anchor}"{weight}{small}>{escape(words)}</text>'
    )


def arrow(points: Sequence[tuple[int, int]], headed: bool = True) -> str:
    """A smooth line through points that go down the page, with a head at its end."""
    path = f"M{points[0][0]},{points[0][1]}"
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        half = (y + to_y) // 2
        path += f" L{to_x},{to_y}" if x == to_x else f" C{x},{half} {to_x},{half} {to_x},{to_y}"
    head = ' marker-end="url(#head)"' if headed else ""
    return f'<path d="{path}" fill="none" stroke="{LINE}"{head}/>'
