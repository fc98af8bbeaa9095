"""The leak test finds planted differences between sources, and nothing where there is none."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import binomtest

from cosmop.errors import InputError
from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.metrics.intervals import wilson
from cosmop.people.sources.gathering import collect_person_images
from cosmop.people.sources.leak import measure_source_leak
from cosmop.people.sources.leak_words import is_leak, leak_sentence
from cosmop.people.sources.options import SourceLeakOptions, SourcesOptions
from cosmop.people.sources.traces import METADATA, file_traces
from tests.unit.people.published_sources import backdrop

QUICK = SourceLeakOptions(trees=30)
ALIKE = {"reencoding": {"longest_side_px": 96, "jpeg_quality": [60, 95], "max_enlargement": 4.0}}


@pytest.fixture
def two_sources(tmp_path, chance):
    """Pictures of one kind, saved in two ways; returns what collects them."""

    def build(people, no_people, count=120, draw=textured, **options):
        folders = {True: tmp_path / "people", False: tmp_path / "no_people"}
        for folder, encoding in zip(folders.values(), (people, no_people), strict=True):
            folder.mkdir(exist_ok=True)
            settings = {name: value for name, value in encoding.items() if name != "size"}
            for at in range(count):
                image = draw(chance, encoding["size"])
                image.save(folder / f"{at}.jpg", "JPEG", **settings)
        given = SourcesOptions.model_validate(options)
        return collect_person_images(
            folders, ImageStore(tmp_path / "store"), DecodingLimits(), given
        )[0]

    return build


def textured(chance, size):
    """A backdrop as rough as photographs are: some hardly, some very."""
    smooth = np.asarray(backdrop(chance, size)).astype(float)
    rough = chance.normal(0, chance.uniform(5, 40), (*smooth.shape[:2], 1))
    return Image.fromarray((smooth + rough).clip(0, 255).astype(np.uint8))


PLANTED = {
    "quality": ({"size": (192, 128), "quality": 75}, {"size": (192, 128), "quality": 90}),
    "size": ({"size": (192, 128), "quality": 80}, {"size": (204, 136), "quality": 80}),
}


@pytest.mark.parametrize("difference", PLANTED)
def test_a_planted_difference_is_found_and_gone_after_encoding_alike(two_sources, difference):
    leaking = measure_source_leak(two_sources(*PLANTED[difference]), QUICK)
    mended = measure_source_leak(two_sources(*PLANTED[difference], **ALIKE), QUICK)

    assert leaking["is_leak"]
    assert leaking["is_person"]["metadata"]["value"] > 0.9
    assert "encoding alone tell images with people" in leaking["sentence"]
    assert not mended["is_leak"]
    assert mended["is_person"]["both"]["value"] < 0.62  # chance is 0.5, its standard error 0.03
    assert "do not tell images with people" in mended["sentence"]


def test_what_is_planted_in_real_photographs_is_found_and_gone(tmp_path, shared_data):
    folders = {True: tmp_path / "people", False: tmp_path / "no_people"}
    for is_person, folder in folders.items():
        folder.mkdir()
        for path in sorted((shared_data / "photos" / "objects1000").glob("*.JPEG"))[is_person::8]:
            with Image.open(path) as image:
                small = image.convert("RGB").reduce(2)
                small.save(folder / path.name, "JPEG", quality=75 if is_person else 95)
    found = []
    for options in ({}, ALIKE):
        given, store = SourcesOptions.model_validate(options), ImageStore(tmp_path / "store")
        images, _ = collect_person_images(folders, store, DecodingLimits(), given)
        found.append(measure_source_leak(images, QUICK))
    leaking, mended = found

    assert leaking["is_person"]["metadata"]["value"] > 0.99
    assert not mended["is_leak"]
    assert mended["is_person"]["both"]["value"] < 0.62


def invented_set(tmp_path, chance, colours, groups=None):
    """Images of one plain colour each, true for the first half."""
    store, rows = ImageStore(tmp_path / "store"), []
    for at, colour in enumerate(colours):
        image = backdrop(chance, (40, 40))
        image.paste(colour, (0, 0, 40, 20))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        rows.append((*store.add(buffer.getvalue(), "png"), 40, 40, at < len(colours) / 2))
    table = pd.DataFrame(rows, columns=["image_id", "path", "width", "height", "is_person"])
    origin = [str(at) for at in range(len(rows))] if groups is None else groups
    return ImageSet(table.assign(source="folder", original_id=origin), store)


def test_a_subject_that_shows_in_a_thumbnail_is_not_called_a_leak(tmp_path, chance):
    images = invented_set(tmp_path, chance, 30 * [(200, 40, 40)] + 30 * [(190, 50, 40)])

    leak = measure_source_leak(images, QUICK)

    assert leak["is_person"]["thumbnails"]["value"] > 0.9
    assert not leak["is_leak"]
    assert "which may be the subject as well as the source" in leak["sentence"]
    assert leak["source"] is None
    assert leak["source_without_people"] is None


def test_copies_of_one_photograph_do_not_make_a_leak(tmp_path, chance):
    colours = [tuple(chance.integers(0, 256, 3).tolist()) for _ in range(20)]
    crops = [colour for colour in colours for _ in range(6)]
    together = invented_set(tmp_path, chance, crops, [str(at // 6) for at in range(120)])
    apart = together.with_columns(original_id=[str(at) for at in range(120)])

    by_photo, by_image = (
        measure_source_leak(images, QUICK)["is_person"] for images in (together, apart)
    )

    assert by_image["thumbnails"]["value"] > 0.9
    assert by_photo["thumbnails"]["value"] < 0.8
    found = by_photo["thumbnails"]
    expected = binomtest(round(found["value"] * 20), 20).proportion_ci(0.95, method="wilson")
    assert found["n"] == 120
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high))


def test_the_source_is_asked_among_images_without_people_too(tmp_path, chance):
    red, blue = (200, 40, 40), (40, 40, 200)
    images = invented_set(tmp_path, chance, 40 * [red] + 20 * [red] + 20 * [blue])
    images = images.with_columns(source=60 * ["crowdhuman"] + 20 * ["pass"])

    leak = measure_source_leak(images, QUICK)

    assert leak["source"]["both"]["n"] == leak["source_without_people"]["both"]["n"] == 40
    assert leak["source_without_people"]["both"]["value"] == 1.0
    assert "tell the source of images without people in 1.00" in leak["sentence"]


def answer(metadata, n=200):
    """Views in which metadata are right in so many of n cases, and thumbnails by chance."""
    views = {"metadata": wilson(metadata, n), "thumbnails": wilson(n // 2, n)}
    return {"chance": 0.5, **views, "both": views["metadata"]}


@pytest.mark.parametrize(
    ("of_people", "of_sources", "leak", "told"),
    [
        (190, None, True, "may be the source"),
        (190, 180, True, "tell the source of images without people in 0.90"),
        (190, 104, False, "the bytes of a file depend on what it shows, too"),
        (104, 180, False, "do not tell images with people from those without"),
        (104, 104, False, "neither do 8×8 pixels"),
        (118, None, False, "do not tell"),  # 0.59 [0.52, 0.66]: sure, but hardly of weight
    ],
)
def test_a_leak_is_what_tells_people_and_sources(of_people, of_sources, leak, told):
    control = None if of_sources is None else answer(of_sources)
    answers = {"is_person": answer(of_people), "source": None, "source_without_people": control}

    assert is_leak(answers) is leak
    assert told in leak_sentence(answers)
    assert leak_sentence(answers).count(".\x20") == 0  # one sentence


def test_both_classes_count_the_same_and_the_figures_are_json(two_sources):
    like = {"size": (96, 64), "quality": 80}
    images = two_sources(like, like, count=30, draw=backdrop)
    unequal = images.where(images.manifest["is_person"] | (np.arange(60) % 3 == 0))

    leak = measure_source_leak(unequal, QUICK)
    again = measure_source_leak(unequal, QUICK)

    assert leak == again
    assert leak["is_person"]["both"]["n"] == 20
    assert leak["is_person"]["chance"] == 0.5
    assert isinstance(leak["is_leak"], bool)


def test_too_few_photographs_of_a_class_are_said_so(two_sources):
    like = {"size": (96, 64), "quality": 80}
    images = two_sources(like, like, count=6)
    few = images.where(images.manifest["is_person"] | (np.arange(12) > 8))

    leak = measure_source_leak(few, QUICK)

    assert leak["is_person"] is None
    assert not leak["is_leak"]
    assert leak["sentence"].startswith("No source leak could be looked for")


def test_the_traces_are_those_of_the_file(two_sources):
    images = two_sources({"size": (96, 64), "quality": 75}, {"size": (60, 40), "quality": 100}, 4)

    metadata, thumbnails = file_traces(images, np.array([0, len(images) - 1]))
    sizes = [images.files[at].stat().st_size for at in (0, -1)]
    expected = pd.DataFrame(metadata, columns=METADATA)

    assert expected["width"].tolist() == [96, 60]
    assert expected["bytes"].tolist() == sizes
    assert expected["bits_per_pixel"][0] == pytest.approx(8 * sizes[0] / (96 * 64))
    assert expected["quantisation_sum"][1] == 128  # quality 100: every step is 1, in two tables
    assert expected["quantisation_sum"][0] > 1000
    exact = np.asarray(images.open(0)).reshape(8, 8, 8, 12, 3).mean((1, 3)).ravel()
    np.testing.assert_allclose(thumbnails[0], exact, atol=1.0)


def test_a_manifest_without_sources_is_refused(tmp_path, chance):
    images = invented_set(tmp_path, chance, 4 * [(1, 2, 3)])
    without = ImageSet(images.manifest.drop(columns="source"), images.store)

    with pytest.raises(InputError, match=r"without \['source'\]"):
        measure_source_leak(without, QUICK)
