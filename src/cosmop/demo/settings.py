"""Places: the ground's perspective, the light, and the base picture of sky and ground."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cosmop.demo.palette import Colour, blend, pick, vary

PLACES = ("town", "desert", "field", "river", "road", "indoor", "camp")
PERSON_M = 1.7

_Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

_SKIES: tuple[tuple[Colour, Colour], ...] = (  # zenith, horizon
    ((92, 146, 206), (196, 216, 228)),
    ((122, 168, 210), (224, 228, 222)),
    ((168, 176, 184), (206, 208, 206)),
    ((110, 120, 134), (178, 182, 184)),
    ((92, 110, 160), (244, 190, 140)),
    ((64, 70, 112), (214, 140, 116)),
)
_GROUNDS: dict[str, tuple[tuple[Colour, Colour], ...]] = {  # far, near
    "town": (((168, 162, 156), (138, 134, 130)), ((190, 174, 154), (158, 142, 124))),
    "desert": (((222, 192, 146), (196, 156, 108)), ((204, 164, 120), (168, 126, 88))),
    "field": (((140, 158, 92), (94, 122, 62)), ((182, 172, 100), (142, 132, 70))),
    "river": (((156, 148, 110), (122, 116, 84)), ((126, 140, 96), (96, 106, 70))),
    "road": (((150, 150, 110), (120, 122, 84)), ((186, 166, 126), (156, 134, 98))),
    "indoor": (((158, 122, 88), (138, 102, 70)), ((168, 164, 158), (146, 142, 136))),
    "camp": (((182, 158, 122), (152, 126, 94)), ((158, 144, 122), (124, 112, 92))),
}


@dataclass(frozen=True)
class Setting:
    """Where a scene plays.

    Attributes:
        place: One of the `PLACES`.
        size: Height and width in pixels.
        horizon: Row of eye level for the ground's perspective.
        ground_top: Row where the ground begins (indoors, the foot of the wall; below the horizon).
        camera_m: Height of the camera over the ground, in metres; sets how fast things grow.
        light: Side the light comes from, -1 left to 1 right.
        shadow: Darkness of shadows, 0 to 1.
        haze: Colour of the distance.
        haze_strength: How much of it a far thing takes on, 0 to 1.
        sky: Colours at the zenith and at the horizon.
        ground: Colours far and near.
    """

    place: str
    size: tuple[int, int]
    horizon: float
    ground_top: float
    camera_m: float
    light: float
    shadow: float
    haze: Colour
    haze_strength: float
    sky: tuple[Colour, Colour]
    ground: tuple[Colour, Colour]

    def scale(self, row: float) -> float:
        """Return the pixels per metre for a thing that stands at `row`."""
        return max(row - self.horizon, 1.0) / self.camera_m

    def row_for(self, height_px: float, metres: float = PERSON_M) -> float:
        """Return the row at which something of `metres` is `height_px` high."""
        return self.horizon + height_px / metres * self.camera_m

    def haze_at(self, row: float) -> float:
        """Return how much haze lies before a thing that stands at `row`."""
        near = (row - self.horizon) / (self.size[0] - self.horizon)
        return self.haze_strength * float(np.clip(1.0 - near * 1.3, 0.0, 1.0))


def draw_setting(rng: np.random.Generator, size: tuple[int, int], person_px: float) -> Setting:
    """Draw a place in which a person of `person_px` pixels fits well."""
    height = size[0]
    place = pick(rng, PLACES)
    horizon = height * float(rng.uniform(0.2, 0.5))
    furthest = (height * 0.96 - horizon) * PERSON_M / person_px
    # A camera this high keeps the heads of the tallest (1.1 of `person_px`) in the picture.
    lowest = max(0.7, PERSON_M * (1 - (horizon - 0.04 * height) / (1.1 * person_px)))
    camera_m = float(np.clip(rng.uniform(0.55, 1.0) * furthest, lowest, max(lowest, 4.5)))
    indoor = place == "indoor"
    lift = rng.uniform(0.1, 0.24) if indoor else rng.uniform(0.0, 0.03)
    sky = pick(rng, _SKIES)
    light = float(rng.uniform(0.35, 1.0)) * (1 if rng.random() < 0.5 else -1)
    return Setting(
        place=place,
        size=size,
        horizon=horizon,
        ground_top=horizon + float(lift) * height,
        camera_m=camera_m,
        light=light,
        shadow=float(rng.uniform(0.12, 0.3) if indoor else rng.uniform(0.2, 0.6)),
        haze=sky[1],
        haze_strength=0.0 if indoor else float(rng.uniform(0.1, 0.65)),
        sky=(vary(rng, sky[0], 10), vary(rng, sky[1], 8)),
        ground=_draw_ground(rng, place),
    )


def _draw_ground(rng: np.random.Generator, place: str) -> tuple[Colour, Colour]:
    far, near = pick(rng, _GROUNDS[place])
    shift = vary(rng, (128, 128, 128), 10)
    return blend(far, shift, 0.15), blend(near, shift, 0.15)


def cloud_noise(
    rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int], octaves: int = 3
) -> _Floats:
    """Return smooth noise float32 [H, W], about -1..1; its coarsest waves are `cells`."""
    height, width = size
    total = np.zeros(size, dtype=np.float32)
    for octave in range(octaves):
        shape = (cells[0] * 2**octave + 1, cells[1] * 2**octave + 1)
        coarse = rng.uniform(-1, 1, shape).astype(np.float32)
        image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(image) * (0.6 / 2**octave)
    return total


def paint_base(rng: np.random.Generator, setting: Setting, wall: Colour) -> Image.Image:
    """Paint sky (or `wall`, indoors) and ground, with clouds and texture: RGB at output size."""
    height, width = setting.size
    top = round(setting.ground_top)
    base = np.empty((height, width, 3), dtype=np.float32)
    base[:top] = _sky(rng, setting, wall, top, width)
    far, near = (np.array(c, dtype=np.float32) for c in setting.ground)
    fall = np.linspace(0, 1, height - top, dtype=np.float32)[:, None, None] ** 0.7
    base[top:] = far + (near - far) * fall
    amplitude = float(rng.uniform(4, 22)) * (0.5 if setting.place == "indoor" else 1.0)
    texture = cloud_noise(rng, (height - top, width), (6, 4), 3)
    grain = rng.standard_normal((height - top, width), dtype=np.float32) * amplitude * 0.3
    base[top:] += (texture * amplitude + grain)[..., None] * (0.4 + 0.6 * fall)
    return Image.fromarray(base.clip(0, 255).astype(np.uint8))


def _sky(rng: np.random.Generator, setting: Setting, wall: Colour, top: int, width: int) -> _Floats:
    fall = np.linspace(0, 1, top, dtype=np.float32)[:, None, None]
    if setting.place == "indoor":
        lit = np.linspace(1.08, 0.88, width, dtype=np.float32)[
            None, :: int(-np.sign(setting.light)), None
        ]
        return (np.array(wall, dtype=np.float32) * lit * (1 - 0.08 * fall)).astype(np.float32)
    zenith, low = (np.array(c, dtype=np.float32) for c in setting.sky)
    sky = zenith + (low - zenith) * fall**1.3
    clouds = cloud_noise(rng, (top, width), (3, 3), 4) + float(rng.uniform(-0.5, 0.35))
    cover = clouds.clip(0, 0.5)[..., None] * 1.5
    return (sky + (np.float32(244) - sky) * cover).astype(np.float32)
