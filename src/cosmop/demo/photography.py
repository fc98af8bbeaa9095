"""The camera: white balance, exposure, vignette, blur, noise, without regard to the subject."""

import numpy as np
from PIL import Image, ImageFilter

from cosmop.demo.palette import pick
from cosmop.demo.settings import Setting

_TIMES = ("day", "day", "day", "golden", "overcast", "dusk")
_CASTS: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0),
    "golden": (1.12, 1.0, 0.8),
    "overcast": (0.96, 1.0, 1.05),
    "dusk": (0.74, 0.76, 0.98),
}


def develop(image: Image.Image, setting: Setting, rng: np.random.Generator) -> Image.Image:
    """Turn the clean drawing into a photograph of it: RGB of the same size."""
    blur = float(rng.uniform(0.5, 1.2)) if rng.random() < 0.25 else 0.0
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(blur * setting.size[0] / 240))
    image = image.point(_tone_curves(rng))
    pixels = np.asarray(image, dtype=np.float32)
    return Image.fromarray(_expose(pixels, setting, rng).clip(0, 255).astype(np.uint8))


def _tone_curves(rng: np.random.Generator) -> list[int]:
    """Draw one 256-entry curve per channel: white balance, exposure, contrast and gamma."""
    cast = np.array(_CASTS[pick(rng, _TIMES)]) * rng.uniform(0.9, 1.1, 3)
    exposure, gamma = float(rng.uniform(0.78, 1.2)), float(rng.uniform(0.8, 1.3))
    contrast, lift = float(rng.uniform(0.7, 1.2)), float(rng.uniform(-8, 22))
    levels = np.linspace(0, 1, 256) ** gamma
    curves = [((levels * exposure * c - 0.5) * contrast + 0.5) * 255 + lift for c in cast]
    return [int(v) for v in np.concatenate(curves).clip(0, 255)]


def _expose(
    pixels: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]",
    setting: Setting,
    rng: np.random.Generator,
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    height, width = setting.size
    vignette = float(rng.uniform(0.0, 0.4)) if rng.random() < 0.5 else 0.0
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    side = float(rng.uniform(-0.1, 0.1))
    light = 1.0 + side * x - vignette * 0.5 * (x * x + y * y)
    strength = float(rng.uniform(0.5, 7.0))
    noise = rng.standard_normal((height, width), dtype=np.float32) * strength
    saturation = float(rng.uniform(0.65, 1.15))
    grey = pixels.mean(axis=2, keepdims=True)
    exposed = (grey + (pixels - grey) * saturation) * light[..., None] + noise[..., None]
    return np.asarray(exposed, dtype=np.float32)
