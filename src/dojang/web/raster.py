"""The bank's seal as a PNG picture, for launchers that take no SVG. Pure Python, no picture library.

The seal consists of straight strokes, ovals and one outline (`dojang.web.seal`); each is painted with
coverage estimated from the distance to its edge, which is as smooth as a launcher needs.
"""

from __future__ import annotations

import re
import struct
import zlib
from functools import cache
from itertools import pairwise
from math import ceil, cos, floor, hypot, pi, sin
from typing import TYPE_CHECKING

from dojang.web.seal import SIZE, draw_seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Point = tuple[float, float]
Colour = tuple[int, int, int]

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_OVAL = re.compile(r"M(-?[\d.]+) (-?[\d.]+)a([\d.]+) ([\d.]+) 0 1 0 [^aMZ]*a[^aMZ]*")
_OVAL_SIDES = 40
#: Launchers cut icons to their own shape; what matters stays within this share of the edge.
_SAFE = 0.78


class Canvas:
    """A square of pixels; `scale` and `shift` bring the seal's 200 units to pixels."""

    def __init__(self, size: int, ground: Colour, share: float) -> None:
        self.size = size
        self.rows = [bytearray(bytes(ground) * size) for _ in range(size)]
        self.scale = size * share / SIZE
        self.shift = size * (1 - share) / 2

    def _mix(self, x: int, y: int, colour: Colour, share: float) -> None:
        row, at = self.rows[y], 3 * x
        for part in range(3):
            row[at + part] = round(row[at + part] * (1 - share) + colour[part] * share)

    def stroke(
        self, start: Point, end: Point, breadth: float, colour: Colour, *, rounded: bool = False
    ) -> None:
        """Paint a straight stroke with square ends, or with round ones as a curve needs."""
        (x1, y1), (x2, y2) = (self._at(point) for point in (start, end))
        half = breadth * self.scale / 2
        length = hypot(x2 - x1, y2 - y1)
        ux, uy = ((x2 - x1) / length, (y2 - y1) / length) if length else (1.0, 0.0)
        reach = half * 1.5 + 1
        for y in self._span(min(y1, y2) - reach, max(y1, y2) + reach):
            for x in self._span(min(x1, x2) - reach, max(x1, x2) + reach):
                dx, dy = x + 0.5 - x1, y + 0.5 - y1
                along, across = dx * ux + dy * uy, abs(dx * uy - dy * ux)
                inside = min(along + half, length + half - along, half - across) + 0.5
                if rounded:
                    inside = half - hypot(max(-along, along - length, 0.0), across) + 0.5
                if inside > 0:
                    self._mix(x, y, colour, min(inside, 1.0))

    def fill(self, outline: Iterable[Point], colour: Colour) -> None:
        """Fill an outline (even-odd), four lines to a pixel."""
        points = [self._at(point) for point in outline]
        edges = list(zip(points, points[1:] + points[:1], strict=True))
        for y in range(self.size):
            cover = [0.0] * self.size
            for part in range(4):
                level = y + (part + 0.5) / 4
                cuts = sorted(_crossings(edges, level))
                for left, right in zip(cuts[::2], cuts[1::2], strict=False):
                    _cover(cover, left, right)
            for x, share in enumerate(cover):
                if share:
                    self._mix(x, y, colour, min(share, 1.0))

    def png(self) -> bytes:
        """Write the picture as PNG (ISO/IEC 15948): eight bits, red, green, blue, no filter."""
        head = struct.pack(">IIBBBBB", self.size, self.size, 8, 2, 0, 0, 0)
        data = zlib.compress(b"".join(b"\0" + bytes(row) for row in self.rows), 9)
        chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in chunks
        )

    def _at(self, point: Point) -> Point:
        return point[0] * self.scale + self.shift, point[1] * self.scale + self.shift

    def _span(self, low: float, high: float) -> range:
        return range(max(floor(low), 0), min(ceil(high) + 1, self.size))


def _crossings(edges: list[tuple[Point, Point]], level: float) -> Iterator[float]:
    for (x1, y1), (x2, y2) in edges:
        if (y1 <= level) != (y2 <= level):
            yield x1 + (level - y1) * (x2 - x1) / (y2 - y1)


def _cover(cover: list[float], left: float, right: float) -> None:
    """Add a quarter line from `left` to `right` to the coverage of a row."""
    for x in range(max(floor(left), 0), min(ceil(right), len(cover))):
        cover[x] += max(0.0, min(right, x + 1) - max(left, x)) / 4


def _rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _points(path: str) -> list[Point]:
    numbers = [float(number) for number in _NUMBER.findall(path)]
    return list(zip(numbers[::2], numbers[1::2], strict=False))


def _round(path: str) -> Iterator[list[Point]]:
    for match in _OVAL.finditer(path):
        left, y, a, b = (float(number) for number in match.groups())
        turns = [2 * pi * step / _OVAL_SIDES for step in range(_OVAL_SIDES)]
        yield [(left + a + a * cos(turn), y + b * sin(turn)) for turn in turns]


def _paths(svg: str) -> tuple[str, str, float, tuple[float, float, float]]:
    outline, strokes, _chips = re.findall(r' d="([^"]*)"', svg)
    breadth = re.search(r'<path stroke-width="([\d.]+)"', svg)
    frame = re.search(r'<rect x="([\d.]+)" [^>]*width="([\d.]+)"[^>]*stroke-width="([\d.]+)"', svg)
    assert breadth is not None
    assert frame is not None
    return outline, strokes, float(breadth[1]), (float(frame[1]), float(frame[2]), float(frame[3]))


@cache
def seal_png(letters: str, size: int, *, ink: str = "#c5301c", ground: str = "#fffdf9") -> bytes:
    """Return the seal stamped with `letters` as a PNG of `size` by `size` pixels."""
    outline, strokes, breadth, (edge, width, thin) = _paths(draw_seal(letters, letters=letters))
    canvas = Canvas(size, _rgb(ground), _SAFE)
    red, paper = _rgb(ink), _rgb(ground)
    canvas.fill(_points(outline), red)
    corners = [(edge, edge), (edge + width, edge), (edge + width, edge + width), (edge, edge + width)]
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        canvas.stroke(start, end, thin, paper)
    for oval in _round(strokes):
        for start, end in zip(oval, oval[1:] + oval[:1], strict=True):
            canvas.stroke(start, end, breadth, paper, rounded=True)
    for part in _OVAL.sub("", strokes).split("M"):
        line = _points(part)
        for start, end in pairwise(line):
            canvas.stroke(start, end, breadth, paper)
    return canvas.png()
