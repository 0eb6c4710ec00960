"""Draw text with escape sequences as a terminal shows it, as SVG.

The window has colours of its own, so it reads well on light and dark pages. Each run of text is as
wide as its columns, in whatever monospace font the reader's system has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

_FONT = (
    "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', "
    "monospace"
)
_COLUMN, _LINE, _EDGE, _BAR = 8.4, 19, 16, 30  # pixels
_BACK, _FRAME, _TEXT, _FAINT = "#161b22", "#3d444d", "#e6edf3", "#9198a1"
_COLOURS = {
    31: "#ff7b72",
    32: "#56d364",
    33: "#e3b341",
    34: "#79c0ff",
    35: "#d2a8ff",
    36: "#76e3ea",
    37: "#e6edf3",
}
_SEQUENCE = re.compile(r"\x1b\[([\d;]*)m")
_PART = re.compile(r"\S+(?: \S+)*")
_DOTS = ("#ff5f57", "#febc2e", "#28c840")


@dataclass(frozen=True)
class Style:
    """How text is shown; `colour` is a number of SGR from 31 to 37, or 0."""

    colour: int = 0
    is_bold: bool = False
    is_faint: bool = False


def runs(line: str, style: Style) -> Iterator[tuple[str, Style]]:
    """The runs of text of a line with their styles.

    The last run is empty and has the style at the end of the line.
    """
    at = 0
    for sequence in _SEQUENCE.finditer(line):
        yield line[at : sequence.start()], style
        for number in sequence[1].split(";"):
            style = styled(style, int(number or 0))
        at = sequence.end()
    yield line[at:], style
    yield "", style


def styled(style: Style, number: int) -> Style:
    """A style after a number of SGR; ValueError for a number that no output of buildgraph has."""
    if number == 0:
        return Style()
    if 30 < number < 38 or 90 < number < 98:
        return replace(style, colour=number % 10 + 30)
    changes = {
        1: replace(style, is_bold=True),
        2: replace(style, is_faint=True),
        39: replace(style, colour=0),
        49: style,
        22: replace(style, is_bold=False, is_faint=False),
    }
    if number not in changes:
        raise ValueError(f"SGR {number} has no place in the picture")
    return changes[number]


def terminal_svg(text: str, columns: int) -> str:
    """A window of a terminal `columns` wide that shows some text."""
    lines = text.split("\n")
    width, height = round(columns * _COLUMN) + 2 * _EDGE, _BAR + len(lines) * _LINE + _EDGE
    shapes = [
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="{_BACK}" '
        f'stroke="{_FRAME}"/>'
    ]
    shapes += [
        f'<circle cx="{_EDGE + 4 + 18 * number}" cy="16" r="5.5" fill="{dot}"/>'
        for number, dot in enumerate(_DOTS)
    ]
    style = Style()
    for number, line in enumerate(lines):
        column, pieces = 0, list(runs(line, style))
        style = pieces[-1][1]
        for words, shape in pieces:
            # Readers of SVG join blanks, so words that more than one blank divides are texts of
            # their own.
            shapes += [
                _run(part, shape, column, _BAR + number * _LINE + 14)
                for part in _PART.finditer(words)
            ]
            column += len(words)
    label = escape(_SEQUENCE.sub("", text))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family="{_FONT}" font-size="14">',
            f"<title>{label}</title>",
            *shapes,
            "</svg>",
            "",
        ]
    )


def _run(part: re.Match[str], style: Style, column: int, y: int) -> str:
    start, words = column + part.start(), part[0]
    colour = _COLOURS[style.colour] if style.colour else _FAINT if style.is_faint else _TEXT
    weight = ' font-weight="600"' if style.is_bold else ""
    return (
        f'<text x="{_EDGE + start * _COLUMN:.1f}" y="{y}" fill="{colour}"{weight} '
        f'textLength="{len(words) * _COLUMN:.1f}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(words)}</text>'
    )
