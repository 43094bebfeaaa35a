"""The seal: a square stamp drawn from its holder's name, as SVG. Pure; a name always gives the same seal.

Hangul is taken apart into its letters and cut in straight strokes that share the height of the cell by how
many layers each letter has, as a seal cutter does. Cells are read from the right, top to bottom. A name of
two or three syllables is filled up with the customary 의인 or 인 ("seal of"); other names are stamped by
their initials. No font is needed, so the seal looks the same on screen, on paper and in a file.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from html import escape

Stroke = tuple[tuple[float, float], ...]

SIZE = 200.0
_FRAME = 12.0
_INSET = 24.5
_GUTTER = 11.0
_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3


@dataclass(frozen=True, slots=True)
class Glyph:
    """Strokes in a unit square; ovals as centre x, y and radius x, y; how many layers they need."""

    strokes: tuple[Stroke, ...] = ()
    ovals: tuple[tuple[float, float, float, float], ...] = ()
    layers: float = 2.0


@dataclass(frozen=True, slots=True)
class Box:
    """A place to draw in: left, top, width, height."""

    x: float
    y: float
    w: float
    h: float


def _lines(text: str) -> tuple[Stroke, ...]:
    """Read strokes written as ``"0,0 1,0 1,1; .5,0 .5,1"``."""
    strokes = []
    for part in text.split(";"):
        pairs = (point.split(",") for point in part.split())
        strokes.append(tuple((float(x), float(y)) for x, y in pairs))
    return tuple(strokes)


_CONSONANTS: dict[str, Glyph] = {
    "ㄱ": Glyph(_lines("0,0 1,0 1,1")),
    "ㄴ": Glyph(_lines("0,0 0,1 1,1")),
    "ㄷ": Glyph(_lines("1,0 0,0 0,1 1,1")),
    "ㄹ": Glyph(_lines("0,0 1,0 1,.5 0,.5 0,1 1,1"), layers=3),
    "ㅁ": Glyph(_lines("0,0 1,0 1,1 0,1 0,0")),
    "ㅂ": Glyph(_lines("0,0 0,1 1,1 1,0; 0,.5 1,.5"), layers=2.8),
    "ㅅ": Glyph(_lines("0,1 .5,.35 .5,0; .5,.35 1,1")),
    "ㅇ": Glyph(ovals=((0.5, 0.5, 0.5, 0.5),), layers=2.2),
    "ㅈ": Glyph(_lines("0,0 1,0; 0,1 .5,.4 .5,0; .5,.4 1,1"), layers=2.4),
    "ㅊ": Glyph(_lines("0.25,0 .75,0; 0,.3 1,.3; 0,1 .5,.6 .5,.3; .5,.6 1,1"), layers=3.2),
    "ㅋ": Glyph(_lines("0,0 1,0 1,1; 0,.5 1,.5"), layers=2.8),
    "ㅌ": Glyph(_lines("1,0 0,0 0,1 1,1; 0,.5 1,.5"), layers=3),
    "ㅍ": Glyph(_lines("0,0 1,0; 0,1 1,1; .25,0 .25,1; .75,0 .75,1")),
    "ㅎ": Glyph(_lines(".28,0 .72,0; 0,.3 1,.3"), ((0.5, 0.79, 0.45, 0.21),), layers=4.2),
}
_UPRIGHT: dict[str, Glyph] = {
    "ㅏ": Glyph(_lines(".25,0 .25,1; .25,.5 1,.5")),
    "ㅑ": Glyph(_lines(".25,0 .25,1; .25,.35 1,.35; .25,.65 1,.65")),
    "ㅓ": Glyph(_lines(".8,0 .8,1; 0,.5 .8,.5")),
    "ㅕ": Glyph(_lines(".8,0 .8,1; 0,.35 .8,.35; 0,.65 .8,.65")),
    "ㅣ": Glyph(_lines(".6,0 .6,1")),
    "ㅐ": Glyph(_lines("0.1,0 .1,1; .1,.5 .95,.5; .95,0 .95,1")),
    "ㅒ": Glyph(_lines("0.1,0 .1,1; .1,.35 .95,.35; .1,.65 .95,.65; .95,0 .95,1")),
    "ㅔ": Glyph(_lines("-.1,.5 .4,.5; .4,0 .4,1; 1,0 1,1")),
    "ㅖ": Glyph(_lines("-.1,.35 .4,.35; -.1,.65 .4,.65; .4,0 .4,1; 1,0 1,1")),
}
_LYING: dict[str, Glyph] = {
    "ㅗ": Glyph(_lines(".5,0 .5,1; 0,1 1,1"), layers=1.5),
    "ㅛ": Glyph(_lines(".3,0 .3,1; .7,0 .7,1; 0,1 1,1"), layers=1.5),
    "ㅜ": Glyph(_lines("0,0 1,0; .5,0 .5,1"), layers=1.5),
    "ㅠ": Glyph(_lines("0,0 1,0; .3,0 .3,1; .7,0 .7,1"), layers=1.5),
    "ㅡ": Glyph(_lines("0,.5 1,.5"), layers=0.6),
}
_MIXED = {
    "ㅘ": ("ㅗ", "ㅏ"), "ㅙ": ("ㅗ", "ㅐ"), "ㅚ": ("ㅗ", "ㅣ"), "ㅝ": ("ㅜ", "ㅓ"),
    "ㅞ": ("ㅜ", "ㅔ"), "ㅟ": ("ㅜ", "ㅣ"), "ㅢ": ("ㅡ", "ㅣ"),
}  # fmt: skip
_INITIALS = (
    "ㄱ", "ㄱㄱ", "ㄴ", "ㄷ", "ㄷㄷ", "ㄹ", "ㅁ", "ㅂ", "ㅂㅂ", "ㅅ",
    "ㅅㅅ", "ㅇ", "ㅈ", "ㅈㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ",
)  # fmt: skip
_MEDIALS = (
    "ㅏ", "ㅐ", "ㅑ", "ㅒ", "ㅓ", "ㅔ", "ㅕ", "ㅖ", "ㅗ", "ㅘ",
    "ㅙ", "ㅚ", "ㅛ", "ㅜ", "ㅝ", "ㅞ", "ㅟ", "ㅠ", "ㅡ", "ㅢ",
    "ㅣ",
)  # fmt: skip
_FINALS = (
    "-", "ㄱ", "ㄱㄱ", "ㄱㅅ", "ㄴ", "ㄴㅈ", "ㄴㅎ", "ㄷ", "ㄹ", "ㄹㄱ",
    "ㄹㅁ", "ㄹㅂ", "ㄹㅅ", "ㄹㅌ", "ㄹㅍ", "ㄹㅎ", "ㅁ", "ㅂ", "ㅂㅅ", "ㅅ",
    "ㅅㅅ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ",
)  # fmt: skip
_LATIN: dict[str, Glyph] = {
    "A": Glyph(_lines("0,1 0,.35 .5,0 1,.35 1,1; 0,.62 1,.62")),
    "B": Glyph(_lines("0,0 .8,0 .8,.5 0,.5; .8,.5 1,.5 1,1 0,1 0,0")),
    "C": Glyph(_lines("1,0 0,0 0,1 1,1")),
    "D": Glyph(_lines("0,0 .7,0 1,.3 1,.7 .7,1 0,1 0,0")),
    "E": Glyph(_lines("1,0 0,0 0,1 1,1; 0,.5 .85,.5")),
    "F": Glyph(_lines("1,0 0,0 0,1; 0,.5 .85,.5")),
    "G": Glyph(_lines("1,0 0,0 0,1 1,1 1,.5 .5,.5")),
    "H": Glyph(_lines("0,0 0,1; 1,0 1,1; 0,.5 1,.5")),
    "I": Glyph(_lines(".1,0 .9,0; .5,0 .5,1; .1,1 .9,1")),
    "J": Glyph(_lines(".3,0 1,0; .75,0 .75,1 0,1 0,.65")),
    "K": Glyph(_lines("0,0 0,1; 1,0 0,.5 1,1")),
    "L": Glyph(_lines("0,0 0,1 1,1")),
    "M": Glyph(_lines("0,1 0,0 .5,.5 1,0 1,1")),
    "N": Glyph(_lines("0,1 0,0 1,1 1,0")),
    "O": Glyph(_lines("0,0 1,0 1,1 0,1 0,0")),
    "P": Glyph(_lines("0,1 0,0 1,0 1,.55 0,.55")),
    "Q": Glyph(_lines("0,0 1,0 1,1 0,1 0,0; .55,.6 1,1")),
    "R": Glyph(_lines("0,1 0,0 1,0 1,.5 0,.5; .4,.5 1,1")),
    "S": Glyph(_lines("1,0 0,0 0,.5 1,.5 1,1 0,1")),
    "T": Glyph(_lines("0,0 1,0; .5,0 .5,1")),
    "U": Glyph(_lines("0,0 0,1 1,1 1,0")),
    "V": Glyph(_lines("0,0 .5,1 1,0")),
    "W": Glyph(_lines("0,0 0,1 .5,.5 1,1 1,0")),
    "X": Glyph(_lines("0,0 1,1; 1,0 0,1")),
    "Y": Glyph(_lines("0,0 .5,.45 1,0; .5,.45 .5,1")),
    "Z": Glyph(_lines("0,0 1,0 0,1 1,1")),
}
_PLAIN = Glyph(_lines("0,.5 .5,0 1,.5 .5,1 0,.5"))


def _oval(x: float, y: float, a: float, b: float) -> str:
    """Path of an oval around (x, y) with the radii a and b."""
    half = f"a{a:.1f} {b:.1f} 0 1 0 "
    return f"M{x - a:.1f} {y:.1f}{half}{2 * a:.1f} 0{half}{-2 * a:.1f} 0"


class _Cutter:
    """Collects path data; `breadth` is the breadth of a stroke."""

    def __init__(self, breadth: float) -> None:
        self.breadth = breadth
        self.parts: list[str] = []

    def cut(self, glyph: Glyph, box: Box) -> None:
        """Draw a glyph so that its strokes, breadth included, stay inside the box."""
        half = self.breadth / 2
        left, top = box.x + half, box.y + half
        width, height = max(box.w - self.breadth, 0.1), max(box.h - self.breadth, 0.1)
        for stroke in glyph.strokes:
            points = (f"{left + x * width:.1f} {top + y * height:.1f}" for x, y in stroke)
            self.parts.append("M" + "L".join(points))
        for cx, cy, rx, ry in glyph.ovals:
            a, b = rx * width, ry * height
            x, y = left + cx * width, top + cy * height
            self.parts.append(_oval(x, y, a, b))

    def cut_letters(self, letters: str, box: Box) -> None:
        """Draw one or two consonants side by side."""
        gap = box.w * 0.12 if len(letters) > 1 else 0.0
        width = (box.w - gap) / len(letters)
        for place, letter in enumerate(letters):
            self.cut(_CONSONANTS[letter], Box(box.x + place * (width + gap), box.y, width, box.h))


def _layers(letters: str) -> float:
    return max(_CONSONANTS[letter].layers for letter in letters)


def _rows(box: Box, weights: list[float], gap: float) -> list[Box]:
    """Share the height of a box by weights, with a gap between."""
    room = box.h - gap * (len(weights) - 1)
    rows, top = [], box.y
    for weight in weights:
        height = room * weight / sum(weights)
        rows.append(Box(box.x, top, box.w, height))
        top += height + gap
    return rows


def _cut_syllable(cutter: _Cutter, syllable: str, box: Box) -> None:
    """Draw one Hangul syllable (Unicode Standard, chapter 3.12: arithmetic of syllables)."""
    index = ord(syllable) - _FIRST_SYLLABLE
    initial, medial, final = _INITIALS[index // 588], _MEDIALS[index % 588 // 28], _FINALS[index % 28]
    gap = box.h * 0.085
    tail = [] if final == "-" else [max(_layers(final), 1.9)]
    upper = box
    if tail:
        lying = _LYING.get(medial) or _LYING.get(_MIXED.get(medial, ("", ""))[0])
        head = _layers(initial) + (lying.layers if lying else 0.5)
        upper, lower = _rows(box, [head, *tail], gap)
        cutter.cut_letters(final, lower)
    if medial in _LYING:
        top, bottom = _rows(upper, [_layers(initial), _LYING[medial].layers], gap)
        cutter.cut_letters(initial, Box(top.x + top.w * 0.06, top.y, top.w * 0.88, top.h))
        cutter.cut(_LYING[medial], bottom)
        return
    flat, upright = _MIXED.get(medial, ("", medial))
    share = 0.6 if _UPRIGHT[upright].strokes[1:] else 0.72
    left = Box(upper.x, upper.y, upper.w * (share - 0.04), upper.h)
    right = Box(upper.x + upper.w * (share + 0.06), upper.y, upper.w * (0.94 - share), upper.h)
    cutter.cut(_UPRIGHT[upright], right)
    if flat:
        top, bottom = _rows(left, [_layers(initial), _LYING[flat].layers + 0.3], gap)
        cutter.cut_letters(initial, top)
        cutter.cut(_LYING[flat], bottom)
    elif tail:
        cutter.cut_letters(initial, left)
    else:
        cutter.cut_letters(initial, Box(left.x, left.y + left.h * 0.1, left.w, left.h * 0.72))


def _breadth(syllable: str, height: float) -> float:
    """Breadth of a stroke so that the layers of this syllable keep daylight between them."""
    index = ord(syllable) - _FIRST_SYLLABLE
    medial, final = _MEDIALS[index % 588 // 28], _FINALS[index % 28]
    lying = _LYING.get(medial) or _LYING.get(_MIXED.get(medial, ("", ""))[0])
    layers = _layers(_INITIALS[index // 588]) + (lying.layers + 0.6 if lying else 0)
    layers += _layers(final) + 0.4 if final != "-" else 0
    return max(4.6, min(8.4, height / layers * 0.6))


def _is_hangul(letter: str) -> bool:
    return _FIRST_SYLLABLE <= ord(letter) <= _LAST_SYLLABLE


def seal_letters(name: str) -> str:
    """Return the letters a name is stamped with: ``홍길동`` → ``홍길동인``, ``John Smith`` → ``JS``."""
    plain = unicodedata.normalize("NFC", name).strip()
    hangul = "".join(letter for letter in plain if _is_hangul(letter))
    if hangul:
        return {1: hangul + "인", 2: hangul + "의인", 3: hangul + "인"}.get(len(hangul), hangul[:9])
    bare = unicodedata.normalize("NFD", plain.upper())
    words = ["".join(c for c in word if c in _LATIN) for word in bare.replace("-", " ").split()]
    initials = "".join(word[0] for word in words if word)
    return initials[:4] if len(initials) > 1 else "".join(words)[:2]


def _grid(letters: str) -> list[Box]:
    """Places of the cells, in reading order: Hangul from the right and downwards, Latin from the left."""
    count = max(len(letters), 1)
    hangul = any(_is_hangul(letter) for letter in letters)
    rows = 1 if count == 1 else (2 if hangul or count > 2 else 1)  # noqa: PLR2004 - a square of two by two
    rows = 3 if count > 4 else rows  # noqa: PLR2004 - more than four letters need a third row
    columns = -(-count // rows)
    room = SIZE - 2 * _INSET
    width = (room - _GUTTER * (columns - 1)) / columns
    places = []
    for index in range(count):
        column, row = (index // rows, index % rows) if hangul else (index % columns, index // columns)
        here = rows if column < columns - 1 or not hangul else count - rows * (columns - 1)
        height = (room - _GUTTER * ((here if hangul else rows) - 1)) / (here if hangul else rows)
        x = columns - 1 - column if hangul else column
        places.append(Box(_INSET + x * (width + _GUTTER), _INSET + row * (height + _GUTTER), width, height))
    return places


def _edge(digest: bytes) -> str:
    """Outline of the stamp: a square whose edge was cut by hand, a little differently for each name."""
    steps, low, high = 14, 3.0, SIZE - 3.0
    wobble = [(byte / 255 - 0.5) * 2.0 for byte in digest + digest[::-1]]
    points = []
    for side in range(4):
        for step in range(steps):
            along = low + (high - low) * (step + (0.3 if step == 0 else 0)) / steps
            off = wobble[(side * steps + step) % len(wobble)]
            points.append(
                [
                    (along, low + off),
                    (high - off, along),
                    (SIZE - along, high + off),
                    (low - off, SIZE - along),
                ][side]
            )
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "Z"


def _chips(digest: bytes) -> str:
    """Specks where the ink did not take."""
    parts = []
    for index in range(0, 18, 3):
        a, b, c = digest[index], digest[index + 1], digest[index + 2]
        x, y = 8 + a / 255 * 184, 8 + b / 255 * 184
        r = 0.5 + c / 255 * 1.1
        parts.append(_oval(x, y, r, r))
    return "".join(parts)


def draw_seal(name: str, *, letters: str = "", label: str = "", ink: str = "", ground: str = "") -> str:
    """Return the seal of `name` as an SVG element, 200 by 200 units.

    `letters` are stamped instead of those of the name, unchanged (a bank's mark).
    `label` is what a screen reader says (empty: decorative, hidden from it). Colours come from the style
    sheet (``.seal``: `color` is the ink, ``--on`` the cut) unless `ink` and `ground` give them for a file.
    """
    letters = letters or seal_letters(name)
    digest = hashlib.sha256(name.encode()).digest()
    places = _grid(letters)
    breadths = [
        _breadth(letter, place.h)
        for letter, place in zip(letters, places, strict=False)
        if _is_hangul(letter)
    ]
    breadth = min(breadths) if breadths else min(15.0, places[0].w * 0.2)
    cutter = _Cutter(breadth)
    for letter, place in zip(letters or "·", places, strict=True):
        if _is_hangul(letter):
            _cut_syllable(cutter, letter, place)
        else:
            cutter.cut(_LATIN.get(letter, _PLAIN), place)
    cut, fill = (escape(ground) or "var(--on)", escape(ink) or "currentColor")
    frame = SIZE - 2 * _FRAME
    spoken = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true" focusable="false"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="seal" viewBox="0 0 200 200" '
        f'width="200" height="200" {spoken}>'
        f'<path fill="{fill}" stroke="{fill}" stroke-width="3" stroke-linejoin="round" d="{_edge(digest)}"/>'
        f'<g fill="none" stroke="{cut}" stroke-linecap="square" stroke-linejoin="miter">'
        f'<rect x="{_FRAME}" y="{_FRAME}" width="{frame}" height="{frame}" rx="3" stroke-width="3.6"/>'
        f'<path stroke-width="{breadth}" d="{"".join(cutter.parts)}"/></g>'
        f'<path fill="{cut}" opacity="0.85" d="{_chips(digest)}"/></svg>'
    )
