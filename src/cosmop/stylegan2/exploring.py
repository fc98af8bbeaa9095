"""What a generator knows: style mixing, truncation, walks between images.

Seeds mean the images of `sample_images`. Images that another batch computes may differ from them by
one level of 255, for sums are rounded in another order.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cosmop.devices import pick_device
from cosmop.errors import InputError
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.sampling import draw_inputs, to_uint8

_BATCH = 32


def label_of(generator: Generator, criteria: Sequence[str]) -> NDArray[np.float32] | None:
    """Return the row of labels [classes] that asks for `criteria`, None without classes.

    Classes that have no names are called by their numbers, "0", "1" and so on.

    Raises:
        InputError: The generator does not know a criterion, or wants some and got none.
    """
    count = generator.options.num_classes
    names = generator.options.class_names or tuple(str(number) for number in range(count))
    if set(criteria) - set(names) or (count and not criteria):
        wanted = f"criteria among {list(names)}" if count else "no criteria, for it has no classes"
        raise InputError(f"The generator wants {wanted}, got {list(criteria)}; correct `criteria`.")
    return np.array([name in criteria for name in names], np.float32) if count else None


def synthesise(
    generator: Generator, ws_NLD: Tensor, noises: Sequence[Tensor], device: str = "auto"
) -> NDArray[np.uint8]:
    """Return uint8 images [N, H, W, C] from styles and their noise [N or 1, 1, h, w] each."""
    where = pick_device(device)
    generator = generator.to(where).eval()
    with torch.inference_mode():
        images = [
            to_uint8(
                generator.synthesis(
                    ws_NLD[part].to(where),
                    [(noise if len(noise) == 1 else noise[part]).to(where) for noise in noises],
                )
            )
            for part in _parts(len(ws_NLD))
        ]
    return np.concatenate(images)


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + _BATCH) for start in range(0, count, _BATCH))


def _styles(
    generator: Generator,
    z_ND: Tensor,
    label: NDArray[np.float32] | None,
    truncation: float,
    device: str,
) -> Tensor:
    where = pick_device(device)
    rows = None if label is None else torch.from_numpy(label).to(where).expand(len(z_ND), -1)
    with torch.inference_mode():
        mapping = generator.to(where).eval().mapping
        ws: Tensor = mapping(z_ND.to(where), rows, truncation)
    return ws


def mix_styles(
    generator: Generator,
    row_seeds: Sequence[int],
    column_seeds: Sequence[int],
    layers: Sequence[int],
    *,
    truncation: float = 1.0,
    label: NDArray[np.float32] | None = None,
    device: str = "auto",
) -> NDArray[np.uint8]:
    """Return uint8 images [rows, columns, H, W, C]: the row's, with `layers` styled by the column.

    The noise of an image is that of its row's seed, so a seed mixed with itself is its own image
    (StyleGAN, Karras et al. 2019, section 3.1 and figure 3).

    Raises:
        InputError: The network has no such layer, or a seed is negative.
    """
    absent = [layer for layer in layers if not 0 <= layer < generator.options.num_ws]
    if absent:
        raise InputError(
            f"Style mixing wants layers from 0 to {generator.options.num_ws - 1} of this "
            f"generator, got {absent}; leave them out."
        )
    z_rows, noises = draw_inputs(generator, _seeds(row_seeds))
    z_columns, _ = draw_inputs(generator, _seeds(column_seeds))
    rows_RLD, columns_CLD = (
        _styles(generator, z, label, truncation, device) for z in (z_rows, z_columns)
    )
    mixed_RCLD = rows_RLD[:, None].repeat(1, len(column_seeds), 1, 1)
    mixed_RCLD[:, :, list(layers)] = columns_CLD[None, :, list(layers)]
    each = [noise.repeat_interleave(len(column_seeds), 0) for noise in noises]
    images = synthesise(generator, mixed_RCLD.flatten(0, 1), each, device)
    return images.reshape(len(row_seeds), len(column_seeds), *images.shape[1:])


def sweep_truncation(
    generator: Generator,
    seeds: Sequence[int],
    truncations: Sequence[float],
    *,
    label: NDArray[np.float32] | None = None,
    device: str = "auto",
) -> NDArray[np.uint8]:
    """Return uint8 images [seeds, truncations, H, W, C], each row with the noise of its seed.

    Psi 0 is the image of the mean style, 1 that of the seed (StyleGAN, appendix B).

    Raises:
        InputError: A seed is negative.
    """
    z_ND, noises = draw_inputs(generator, _seeds(seeds))
    columns = [
        synthesise(generator, _styles(generator, z_ND, label, psi, device), noises, device)
        for psi in truncations
    ]
    return np.stack(columns, 1)


def spherical_path(from_D: Tensor, to_D: Tensor, shares_T: Tensor) -> Tensor:
    """Return points [T, D] on the great circle from one vector to another (Shoemake 1985, "slerp").

    ``sin((1 - t)Ω) / sin Ω`` and ``sin(tΩ) / sin Ω`` weigh the ends, Ω being the angle between
    them; both ends are met exactly. Along a vector's own direction the path is straight.

    Raises:
        InputError: The vectors are opposite, so that no great circle is the shortest.
    """
    angle = torch.acos(torch.cosine_similarity(from_D.double(), to_D.double(), 0).clamp(-1, 1))
    t = shares_T.double()[:, None]
    sine = angle.sin()
    if sine < 1e-6:
        if angle > 1:
            raise InputError(
                "A spherical path wants vectors that are not opposite, got a vector and its "
                "negative; put another seed between them."
            )
        weights = 1 - t, t
    else:
        weights = ((1 - t) * angle).sin() / sine, (t * angle).sin() / sine
    return (weights[0] * from_D + weights[1] * to_D).to(from_D.dtype)


def interpolate(
    generator: Generator,
    seeds: Sequence[int],
    frames_per_leg: int,
    *,
    space: Literal["z", "w"] = "z",
    truncation: float = 1.0,
    label: NDArray[np.float32] | None = None,
    device: str = "auto",
) -> Iterator[NDArray[np.uint8]]:
    """Yield uint8 frames [H, W, C] of a walk through the images of `seeds` and back to the first.

    Frame ``i * frames_per_leg`` has the latent of seed i. The noise is that of the first seed all
    along, so that details do not flicker; only the first frame is therefore its seed's own image.
    In z the walk keeps to great circles, at constant angular speed between two seeds, for that is
    where normal latents lie; in w it is straight.

    Raises:
        InputError: There are fewer than two seeds, no frames, or a seed is negative.
    """
    if len(seeds) < 2 or frames_per_leg < 1:
        raise InputError(
            f"Interpolation wants at least two seeds and one frame per leg, got {len(seeds)} and "
            f"{frames_per_leg}; give more."
        )
    z_ND, noises = draw_inputs(generator, _seeds(seeds))
    styles = partial(_styles, generator, label=label, truncation=truncation, device=device)
    still = [noise[:1] for noise in noises]
    walk = _walk(z_ND, frames_per_leg, space, styles)
    return (frame for ws in walk for frame in synthesise(generator, ws, still, device))


def _walk(
    z_ND: Tensor, frames: int, space: str, styles: Callable[[Tensor], Tensor]
) -> Iterator[Tensor]:
    """Yield the styles [at most _BATCH, layers, w] of the frames in order."""
    shares_T = torch.arange(frames) / frames
    stops = z_ND if space == "z" else styles(z_ND)
    for here, there in itertools.pairwise([*stops, stops[0]]):
        for part in _parts(frames):
            if space == "z":
                yield styles(spherical_path(here, there, shares_T[part]))
            else:
                yield torch.lerp(here, there, shares_T[part].to(here.device)[:, None, None])


def _seeds(seeds: Sequence[int]) -> Sequence[int]:
    if not seeds or min(seeds) < 0:
        raise InputError(f"Exploring wants seeds from 0 on, got {list(seeds)}; give at least one.")
    return seeds
