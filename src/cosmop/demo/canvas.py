"""The canvas: paints colours and, in the same strokes, the truth about who is visible where."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageDraw

from cosmop.demo.geometry import Circle, Point, capsule
from cosmop.demo.palette import Colour, blend, shade

SUPERSAMPLING = 2


class Canvas:
    """A picture that is painted back to front, with an instance mask painted along.

    Colours are painted at twice the output size and averaged at the end (anti-aliasing). Every
    *solid* stroke also writes the current instance number (0 is the background) into the mask, so
    whoever is painted later hides whoever was painted before. All coordinates are output pixels.

    Attributes:
        light: Where the light comes from: -1 left to 1 right.
        instance: Number of the person that is being painted, 0 for everything else.
    """

    def __init__(self, backdrop: Image.Image, light: float = -0.6) -> None:
        size = (backdrop.width * SUPERSAMPLING, backdrop.height * SUPERSAMPLING)
        self.width, self.height = backdrop.size
        self.light = light
        self.instance = 0
        self._image = backdrop.resize(size, Image.Resampling.BILINEAR)
        self._pen = ImageDraw.Draw(self._image)
        self._mask = Image.new("L", backdrop.size, 0)
        self._mask_pen = ImageDraw.Draw(self._mask)
        self._haze: tuple[Colour, float] | None = None
        self._extent: list[float] = []

    def set_haze(self, colour: Colour, amount: float) -> None:
        """Let all following strokes fade towards `colour` by `amount`, 0 to 1."""
        self._haze = (colour, amount) if amount > 0.01 else None

    @contextmanager
    def person(self, instance: int) -> Iterator[list[float]]:
        """Paint the strokes inside as person `instance`; yields the growing box x0, y0, x1, y1."""
        self.instance, self._extent = instance, [np.inf, np.inf, -np.inf, -np.inf]
        try:
            yield self._extent
        finally:
            self.instance = 0

    @contextmanager
    def belongings(self) -> Iterator[None]:
        """Paint the strokes inside as things, even while a person is painted."""
        instance, self.instance = self.instance, 0
        try:
            yield
        finally:
            self.instance = instance

    def polygon(self, points: Sequence[Point], colour: Colour, *, solid: bool = True) -> None:
        """Fill a polygon; `solid` strokes also write the mask, shading need not."""
        s = SUPERSAMPLING
        self._pen.polygon([(x * s, y * s) for x, y in points], self._tinted(colour))
        if solid:
            self._mask_pen.polygon([(x - 0.5, y - 0.5) for x, y in points], self.instance)
            if self.instance:
                self._grow(points)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, colour: Colour, *, solid: bool = True
    ) -> None:
        """Fill an upright rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, solid=solid)

    def disc(self, circle: Circle, colour: Colour, *, solid: bool = True) -> None:
        """Fill a circle; its truth is the enclosing twelve-corner polygon."""
        x, y, r = circle
        s = SUPERSAMPLING
        self._pen.ellipse(
            ((x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s), self._tinted(colour)
        )
        if solid:
            bounds = (x - r - 0.5, y - r - 0.5, x + r - 0.5, y + r - 0.5)
            self._mask_pen.ellipse(bounds, self.instance)
            if self.instance:
                self._grow(((x - r, y - r), (x + r, y + r)))

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw an open line of `width` pixels; lines thinner than a pixel hide nobody."""
        s = SUPERSAMPLING
        self._pen.line(
            [(x * s, y * s) for x, y in points],
            self._tinted(colour),
            max(1, round(width * s)),
            joint="curve" if width > 2 else None,
        )
        if width >= 1:
            self._mask_pen.line(
                [(x - 0.5, y - 0.5) for x, y in points], self.instance, round(width)
            )

    def limb(self, start: Circle, end: Circle, colour: Colour) -> None:
        """Paint a rounded, tapered limb, darker on the side away from the light."""
        size = max(start[2], end[2])
        if size < 1.2:
            self.polygon(capsule(start, end), colour)
            return
        self.polygon(capsule(start, end), shade(colour, 0.78))
        self.polygon(
            capsule(self._towards_light(start), self._towards_light(end)), colour, solid=False
        )

    def shaded(self, outline: Sequence[Point], colour: Colour, depth: float = 0.22) -> None:
        """Paint a solid shape with a lit and a dark side; `depth` is the contrast, 0 to 1."""
        self.polygon(outline, shade(colour, 1 - depth))
        xs = [x for x, _ in outline]
        centre, half = (min(xs) + max(xs)) / 2, (max(xs) - min(xs)) / 2
        if half < 1.5:
            return
        shift = self.light * half * 0.22
        lit = [(centre + (x - centre) * 0.76 + shift, y) for x, y in outline]
        self.polygon(lit, colour, solid=False)

    def count(self, instance: int) -> int:
        """Return how many output pixels show person `instance` so far."""
        return self._mask.histogram()[instance]

    def picture(self) -> Image.Image:
        """Return the anti-aliased RGB picture at output size."""
        return self._image.reduce(SUPERSAMPLING)

    def mask(self) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
        """Return the instance mask, uint8 [H, W]."""
        return np.array(self._mask)

    def darken(self, shadow: Image.Image, top: int, strength: float) -> None:
        """Lay `shadow` (L, 255 full) on the picture from row `top` down; `strength` is 0 to 1."""
        s = SUPERSAMPLING
        veil = shadow.point([round(value * strength) for value in range(256)])
        veil = veil.resize((veil.width * s, veil.height * s), Image.Resampling.BILINEAR)
        area = (0, top * s, veil.width, top * s + veil.height)
        self._image.paste((22, 20, 34), area, veil)

    def _towards_light(self, circle: Circle) -> Circle:
        x, y, r = circle
        return (x + self.light * r * 0.28, y - r * 0.12, r * 0.74)

    def _tinted(self, colour: Colour) -> Colour:
        return colour if self._haze is None else blend(colour, *self._haze)

    def _grow(self, points: Iterable[Point]) -> None:
        extent = self._extent
        for x, y in points:
            extent[0] = min(extent[0], x)
            extent[1] = min(extent[1], y)
            extent[2] = max(extent[2], x)
            extent[3] = max(extent[3], y)
