"""A person's photograph is brought to the generator's size before it is looked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.pipelines.exploration.photograph import find_latents
from cosmop.stylegan2.exploring_options import PhotographOptions, ProjectionOptions
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions

BRIEF = ProjectionOptions(steps=2, samples=10, device="cpu")


def generator_of(channels: int) -> Generator:
    torch.manual_seed(0)
    sizes = {"height": 16, "width": 24, "channel_base": 64, "channel_max": 8, "z_dim": 8}
    options = {"w_dim": 8, "mapping_layers": 1, "image_channels": channels, **sizes}
    return Generator(NetworkOptions.model_validate(options))


def no_images(folder: Path) -> ImageSet:
    return ImageSet(
        pd.DataFrame(columns=["image_id", "path", "width", "height"]), ImageStore(folder)
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_photograph_of_another_size_is_fitted_and_shown_beside_what_was_found(
    tmp_path: Path, picture: Callable[..., Image.Image], channels: int
) -> None:
    photograph = picture(96, 40)
    photograph.save(tmp_path / "mine.png")
    options = PhotographOptions(path=str(tmp_path / "mine.png"))

    sheet, latents, curve = find_latents(
        generator_of(channels), no_images(tmp_path), options, BRIEF
    )

    wanted = np.asarray(photograph.convert("L").resize((24, 16)), int)
    shown = np.asarray(
        sheet.crop((10, sheet.height - 10 - 16 * 11, 10 + 24 * 11, sheet.height - 10))
    )
    assert np.abs(np.asarray(Image.fromarray(shown).convert("L"))[::11, ::11] - wanted).mean() < 12
    assert [*latents][:2] == ["ws", "noise_00"]
    assert len(curve) == 2


@pytest.mark.parametrize(("name", "told"), [("absent.jpg", "No such file"), ("a.jpg", "identify")])
def test_a_photograph_that_cannot_be_opened_is_one_sentence(
    tmp_path: Path, name: str, told: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no image")
    options = PhotographOptions(path=str(tmp_path / name))

    with pytest.raises(InputError, match=told) as caught:
        find_latents(generator_of(3), no_images(tmp_path), options, BRIEF)

    assert "exploration.photograph.path" in str(caught.value)
