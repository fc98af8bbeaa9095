"""Planted faults do what they say."""

import io

import imagehash
import numpy as np
import pytest
from PIL import Image

from cosmop.demo.faults import BROKEN, COPIES, FAULTS, plant_fault
from cosmop.demo.scenes import draw_scene
from cosmop.demo.truth import KINDS
from cosmop.imaging.decoding import DecodingLimits, UnreadableImageError, decode_rgb, inspect_image


def _jpeg(seed: int) -> bytes:
    buffer = io.BytesIO()
    kind = KINDS[seed % len(KINDS)]
    draw_scene(kind, np.random.default_rng(seed)).image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def originals():
    return [_jpeg(seed) for seed in range(12)]


def _hash(content: bytes) -> imagehash.ImageHash:
    return imagehash.phash(decode_rgb(content))


@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_generator_state_plants_the_same_bytes(originals, fault):
    first, second = (plant_fault(fault, originals[0], np.random.default_rng(3)) for _ in range(2))

    assert first == second


def test_an_exact_copy_has_the_same_bytes(originals):
    assert plant_fault("exact_copy", originals[0], np.random.default_rng(0)) == (
        originals[0],
        "jpg",
    )


@pytest.mark.parametrize("fault", [fault for fault in COPIES if fault != "exact_copy"])
def test_a_changed_copy_has_other_bytes_and_nearly_the_same_hash(originals, fault):
    distances = []
    for i, content in enumerate(originals):
        copy, extension = plant_fault(fault, content, np.random.default_rng(i))
        assert copy != content
        assert inspect_image(copy, DecodingLimits()).extension == extension.replace("jpeg", "jpg")
        distances.append(_hash(content) - _hash(copy))

    assert np.median(distances) <= 4
    assert max(distances) <= 10


def test_originals_are_further_apart_than_copies(originals):
    hashes = [_hash(content) for content in originals]

    assert min(a - b for i, a in enumerate(hashes) for b in hashes[:i]) > 12


def test_a_crop_loses_at_most_three_percent(originals):
    for i, content in enumerate(originals):
        copy, _ = plant_fault("cropped", content, np.random.default_rng(i))
        facts = inspect_image(copy, DecodingLimits())
        assert 0.96 * 320 <= facts.width < 320
        assert 0.96 * 240 <= facts.height < 240


def test_a_resized_copy_keeps_its_proportions(originals):
    for i, content in enumerate(originals):
        facts = inspect_image(
            plant_fault("resized", content, np.random.default_rng(i))[0], DecodingLimits()
        )
        assert 0.4 * 320 - 1 <= facts.width < 320
        assert facts.width / facts.height == pytest.approx(320 / 240, rel=0.01)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_refused(originals, fault):
    content, _ = plant_fault(fault, originals[0], np.random.default_rng(0))

    with pytest.raises(UnreadableImageError):
        inspect_image(content, DecodingLimits())


def test_the_bomb_is_small_and_claims_400_megapixels(originals):
    content, extension = plant_fault("absurd_bomb", originals[0], np.random.default_rng(0))

    assert extension == "png"
    assert len(content) < 100_000
    assert (
        int.from_bytes(content[16:20], "big") * int.from_bytes(content[20:24], "big") == 400_000_000
    )


def test_an_image_on_its_side_stands_upright_after_decoding(originals):
    for seed in range(4):
        content, _ = plant_fault("exif_orientation", originals[0], np.random.default_rng(seed))
        upright, original = decode_rgb(content), decode_rgb(originals[0])

        assert Image.open(io.BytesIO(content)).size == (240, 320)
        assert upright.size == (320, 240)
        difference = np.abs(np.asarray(upright, dtype=int) - np.asarray(original, dtype=int))
        assert difference.mean() < 6


def test_an_unknown_fault_is_refused(originals):
    with pytest.raises(KeyError, match="eaten"):
        plant_fault("eaten", originals[0], np.random.default_rng(0))
