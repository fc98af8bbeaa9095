"""Sheets and videos from what the generator gives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cosmop.datasets.pictures import Video
from cosmop.imaging.labelled_grid import enlarged, labelled_grid
from cosmop.stylegan2.exploring import interpolate, label_of, mix_styles, sweep_truncation
from cosmop.stylegan2.exploring_options import (
    InterpolationOptions,
    StyleMixingOptions,
    TruncationOptions,
)

_FILM_SIDE_PX = 256


def style_mixing_sheet(generator: Any, options: StyleMixingOptions) -> Image.Image:
    """Draw the mixed images below their columns' own ones, beside their rows' own ones."""
    label = label_of(generator, options.criteria)

    def mixed(rows: Sequence[int], columns: Sequence[int], layers: Sequence[int]) -> Any:
        return mix_styles(
            generator,
            rows,
            columns,
            layers,
            truncation=options.truncation,
            label=label,
            device=options.device,
        )

    own_rows = mixed(options.row_seeds, options.row_seeds[:1], ())[:, 0]
    own_columns = mixed(options.column_seeds, options.column_seeds[:1], ())[:, 0]
    inside = mixed(options.row_seeds, options.column_seeds, options.layers)
    return labelled_grid(
        [[None, *own_columns], *([own, *row] for own, row in zip(own_rows, inside, strict=True))],
        [f"layers {_ranges(options.layers)} of", *(f"seed {seed}" for seed in options.row_seeds)],
        ["", *(f"seed {seed}" for seed in options.column_seeds)],
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Write 0, 1, 2, 5 as ``0-2, 5``."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if run[1:] else str(run[0]) for run in runs)


def truncation_sheet(generator: Any, options: TruncationOptions) -> Image.Image:
    """Draw one row per seed, psi along the columns."""
    swept = sweep_truncation(
        generator,
        options.seeds,
        options.truncations,
        label=label_of(generator, options.criteria),
        device=options.device,
    )
    return labelled_grid(
        list(swept),
        [f"seed {seed}" for seed in options.seeds],
        [f"psi {psi:g}" for psi in options.truncations],
    )


def interpolation_video(generator: Any, options: InterpolationOptions) -> Video:
    """Film the walk; small images are enlarged without smoothing."""
    frames = interpolate(
        generator,
        options.seeds,
        options.frames_per_leg,
        space=options.space,
        truncation=options.truncation,
        label=label_of(generator, options.criteria),
        device=options.device,
    )
    return Video(
        (_rgb(enlarged(frame, _FILM_SIDE_PX)) for frame in frames),
        round(1000 / options.frames_per_second),
    )


def _rgb(image_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.broadcast_to(image_HWC, (*image_HWC.shape[:2], 3))
