"""Photographs of any layout become one set: chosen, cut where their people allow, encoded alike."""

import io

import numpy as np
import pytest
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.decoding import DecodingLimits
from cosmop.imaging.store import ImageStore
from cosmop.people.sources.cutting import (
    framing_of,
    people_within,
    person_crops,
    person_free_crops,
    whole_photo,
)
from cosmop.people.sources.gathering import collect_person_images
from cosmop.people.sources.options import SourcesOptions
from cosmop.people.sources.photos import KnownPeople
from tests.unit.people.published_sources import (
    CROWD,
    MASKED,
    backdrop,
    draw_crowd,
    encoded,
    odgt,
    person_box,
    write_crowdhuman,
    write_pass,
    write_zip,
)

LIMITS = DecodingLimits(min_side_px=16)
PUBLISHED = {
    "people": {"layout": "crowdhuman", "person_crops": 2, "person_free_crops": 2},
    "no_people": {"layout": "pass"},
    "reencoding": {"longest_side_px": 96, "jpeg_quality": [80, 90]},
}


@pytest.fixture
def collect(tmp_path):
    folders = {True: tmp_path / "people", False: tmp_path / "no_people"}

    def run(**options):
        given = SourcesOptions.model_validate(options)
        return collect_person_images(folders, ImageStore(tmp_path / "store"), LIMITS, given)

    run.folders = folders
    return run


@pytest.fixture
def published(collect, chance):
    write_crowdhuman(collect.folders[True], chance, [f"{at},ab" for at in range(12)])
    write_pass(collect.folders[False], chance, 20)
    return collect


def reds_and_blues(image):
    """Shares of pixels in the colours of people and of what is masked or ignored."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    return [(np.abs(pixels - colour).sum(2) < 90).mean() for colour in (CROWD, MASKED)]


def test_published_layouts_become_one_set_of_known_columns(published):
    images, problems = published(**PUBLISHED)
    table = images.manifest

    assert problems.empty
    assert table["is_person"].dtype == bool
    assert str(table["people"].dtype) == "Int64"
    kinds = table.groupby(["source", "is_person", "kind"]).size()
    assert kinds["crowdhuman", True, "photo"] == 12
    assert kinds["crowdhuman", True, "person_crop"] == 24
    assert 12 <= kinds["crowdhuman", False, "person_free_crop"] <= 24
    assert kinds["pass", False, "photo"] == 20
    assert len(kinds) == 4
    assert table["original_id"].nunique() == 32
    assert table.loc[table["source"] == "pass", "author"].str.startswith("Photographer").all()


def test_what_is_said_of_an_image_is_what_is_drawn_in_it(published):
    images, _ = published(**PUBLISHED)

    for at, row in images.manifest.iterrows():
        red, blue = reds_and_blues(images.open(at))
        assert (red > 0.02) == row["is_person"] == (row["people"] > 0), row
        assert row["is_person"] or (red, blue) == (0, 0), row
    whole = images.manifest.query("kind == 'photo' and is_person")
    assert set(whole["people"]) == {2}
    np.testing.assert_allclose(whole["largest_person_share"], 80 / 160)
    without = images.manifest[~images.manifest["is_person"]]
    assert set(without["people"]) == {0}
    assert set(without["largest_person_share"]) == {0.0}


def test_every_image_has_the_form_of_every_other(published):
    images, _ = published(**PUBLISHED)

    sampling, qualities = set(), set()
    for file in images.files:
        with Image.open(file) as image:
            assert (image.format, max(image.size)) == ("JPEG", 96)
            sampling.add(tuple(image.layer))
            qualities.add(tuple(image.quantization[0]))
            assert not image.getexif()
    assert len(sampling) == 1
    assert len(qualities) == 11  # 80 to 90, drawn for each image anew
    assert (images.manifest["height"] == 64).all()  # crops have the shape of their photograph


def test_the_same_seed_gives_the_same_images_and_another_seed_others(published):
    first, again, other = (published(**PUBLISHED, seed=seed)[0] for seed in (1, 1, 2))

    assert first.ids == again.ids != other.ids


def test_a_photograph_gives_the_same_images_whatever_lies_beside_it(published):
    everything, _ = published(**PUBLISHED)
    few = PUBLISHED | {"people": PUBLISHED["people"] | {"max_images": 4}}
    some, _ = published(**few)

    assert set(some.ids) < set(everything.ids)
    people = some.manifest.query("source == 'crowdhuman'")
    assert people["original_id"].nunique() == 4


def test_whole_photographs_can_be_left_out(published):
    sides = PUBLISHED["people"] | {"whole_photos": False}
    images, _ = published(**PUBLISHED | {"people": sides})

    assert set(images.manifest.query("is_person")["kind"]) == {"person_crop"}


def test_crops_that_would_have_to_be_enlarged_too_much_are_not_cut(published):
    large = PUBLISHED | {"reencoding": {"longest_side_px": 240, "max_enlargement": 1.0}}
    images, _ = published(**large)
    too_large = PUBLISHED | {"reencoding": {"longest_side_px": 500, "max_enlargement": 2.0}}

    assert set(images.manifest["kind"]) == {"photo"}
    with pytest.raises(InputError, match="12, first 0,ab: \\(240, 160\\)"):
        published(**too_large)


def test_plain_folders_keep_their_bytes_and_know_nothing_of_people(collect, picture):
    for is_person, folder in collect.folders.items():
        (folder / "deeper").mkdir(parents=True)
        picture().save(folder / "deeper" / "a.png")
        picture().save(folder / "b.JPG", "JPEG")
        assert is_person or folder.name == "no_people"

    images, problems = collect()
    table = images.manifest

    assert problems.empty
    assert table["original_id"].tolist() == [
        "people/b.JPG",
        "people/deeper/a.png",
        "no_people/b.JPG",
        "no_people/deeper/a.png",
    ]
    assert [file.read_bytes() for file in images.files[:2]] == [
        (collect.folders[True] / name).read_bytes() for name in ("b.JPG", "deeper/a.png")
    ]
    assert table["is_person"].tolist() == [True, True, False, False]
    assert table["people"].isna().tolist() == [True, True, False, False]
    assert table["largest_person_share"].isna().tolist() == [True, True, False, False]


def test_unusable_files_and_contradictions_are_left_out_and_told(collect, picture):
    both = picture()
    for folder in collect.folders.values():
        folder.mkdir()
        picture().save(folder / "own.png")
        both.save(folder / "both.png")
        (folder / "broken.jpg").write_bytes(b"<html>")

    images, problems = collect()

    assert images.manifest["original_id"].tolist() == ["people/own.png", "no_people/own.png"]
    assert problems["problem"].tolist() == [
        "unusable image",
        "image that lies on both sides",
        "unusable image",
    ]
    assert problems["n"].tolist() == [1, 2, 1]
    assert problems["example"][0].startswith("people/broken.jpg: not a JPEG")


def test_the_log_says_in_one_sentence_what_is_used_and_what_is_not(published, caplog):
    (published.folders[False] / "PASS.2.tar").unlink()
    with caplog.at_level("INFO"):
        published(**PUBLISHED)

    records = [record for record in caplog.records if record.name.startswith("cosmop")]
    assert [record.getMessage() for record in records] == [
        "Source crowdhuman: 12 photographs are used; nothing is missing or damaged.",
        "Source pass: 18 photographs are used; archive that is missing: 1, first PASS.2.tar.",
    ]
    assert records[1].levelname == "WARNING"


@pytest.mark.parametrize("empty", [True, False])
def test_a_side_without_a_usable_image_is_named(collect, picture, empty):
    for folder in collect.folders.values():
        folder.mkdir()
        picture().save(folder / "a.png")
    (collect.folders[empty] / "a.png").write_bytes(b"<html>")
    name = {True: "people", False: "no_people"}[empty]

    with pytest.raises(
        InputError, match=rf"/{name} must hold usable images .* got none \(unusable"
    ):
        collect()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"people": {"layout": "pass"}}, "'people.layout' must be 'folder' or 'crowdhuman'"),
        ({"no_people": {"layout": "crowdhuman"}}, "'folder' or 'pass'"),
        ({"people": {"person_crops": 1}, "reencoding": {}}, "layout: crowdhuman"),
        ({"no_people": {"person_crops": 1}}, "got 1"),
        ({"no_people": {"person_free_crops": 1}}, "`reencoding` when images are cut"),
        ({"reencoding": {"jpeg_quality": [90, 80]}}, "the lower one first"),
        ({"reencoding": {"aspect": 1.0}}, "what is cut off might be them"),
    ],
)
def test_senseless_options_are_refused(options, told):
    with pytest.raises(InputError, match=told):
        SourcesOptions.model_validate(options)


def random_people(chance, count, size=(300, 200)):
    corners = chance.uniform(0, 0.9, (count, 2)) * size
    boxes = np.concatenate([corners, corners + chance.uniform(5, 60, (count, 2))], axis=1)
    return KnownPeople(boxes[: count // 2].astype(np.float32), boxes.astype(np.float32))


def meets(one, other):
    return min(one[2], other[2]) > max(one[0], other[0]) and min(one[3], other[3]) > max(
        one[1], other[1]
    )


@pytest.mark.parametrize("aspect", [None, 1.0, 0.5, 3.0])
@pytest.mark.parametrize("count", [0, 2, 6, 20])
def test_person_free_regions_meet_no_box_and_not_one_another(chance, count, aspect):
    people = random_people(chance, count)
    framing = framing_of((300, 200), aspect, 30.0)

    cut = [one.window for one in person_free_crops(people, framing, 5, chance)]

    assert count == 20 or cut
    for at, window in enumerate(cut):
        left, top, right, bottom = window
        assert 0 <= left < right <= 300
        assert 0 <= top < bottom <= 200
        assert max(right - left, bottom - top) >= 30
        assert (right - left) / (bottom - top) == pytest.approx(aspect or 1.5, rel=0.06)
        assert not any(meets(window, box) for box in people.taken)
        assert not any(meets(window, other) for other in cut[:at])


def test_a_photograph_full_of_people_has_no_person_free_region(chance):
    full = KnownPeople(taken=np.array([[0, 0, 300, 200]], np.float32))

    assert person_free_crops(full, framing_of((300, 200), None, 30.0), 5, chance) == []


def test_a_single_person_is_whole_in_its_window_and_the_least_crowded_come_first(chance):
    alone, pair = [230, 60, 250, 120], [[20, 60, 40, 130], [44, 60, 64, 130]]
    people = KnownPeople(*2 * [np.array([*pair, alone], np.float32)])

    cut = [one.window for one in person_crops(people, framing_of((300, 200), None, 20.0), 3, 0.1)]

    assert len(cut) == 3
    for window, box in zip(cut, [alone, *pair], strict=True):
        assert window[0] <= box[0] < box[2] <= window[2]
        assert window[1] <= box[1] < box[3] <= window[3]
        assert (window[2] - window[0]) / (window[3] - window[1]) == pytest.approx(1.5, rel=0.03)
    assert not any(meets(cut[0], box) for box in pair)
    assert cut[0][3] - cut[0][1] == pytest.approx(60 * 1.2, abs=1)


def test_a_frame_is_the_largest_of_its_shape_and_lies_around_the_tallest_person(chance):
    people = KnownPeople(np.array([[10, 10, 20, 40], [240, 50, 280, 150]], np.float32))

    assert whole_photo(people, framing_of((300, 200), None, 1)).window == (0, 0, 300, 200)
    assert whole_photo(people, framing_of((300, 200), 1.0, 1)).window == (100, 0, 300, 200)
    assert whole_photo(people, framing_of((300, 200), 3.0, 1)).window == (0, 50, 300, 150)
    assert whole_photo(KnownPeople(), framing_of((300, 200), 1.0, 1)).window == (50, 0, 250, 200)


def test_photographs_of_all_shapes_become_images_of_one(published, chance):
    write_pass(published.folders[False], chance, 20, size=(150, 200))
    images, _ = published(**PUBLISHED | {"reencoding": {"longest_side_px": 80, "aspect": 0.8}})

    assert set(map(tuple, images.manifest[["width", "height"]].values.tolist())) == {(64, 80)}
    assert (images.manifest["people"] > 0).tolist() == images.manifest["is_person"].tolist()
    for at, is_person in enumerate(images.manifest["is_person"]):
        assert (reds_and_blues(images.open(at))[0] > 0.02) == is_person


def test_a_frame_that_cuts_everybody_off_gives_no_image_of_people(collect, chance):
    boxes = [person_box(0, 100, 240, 20)]
    content = encoded(draw_crowd(chance, boxes))
    folder = collect.folders[True]
    write_crowdhuman(folder, chance, ["a"])
    write_zip(folder / "CrowdHuman_val.zip", {"wide.jpg": content})
    (folder / "annotation_val.odgt").write_text(odgt({"wide": (content, boxes)}))
    write_pass(collect.folders[False], chance)
    narrow = {"longest_side_px": 80, "aspect": 0.25}

    images, problems = collect(
        people={"layout": "crowdhuman"}, no_people={"layout": "pass"}, reencoding=narrow
    )

    assert images.manifest["original_id"][images.manifest["is_person"]].tolist() == ["a"]
    told = dict(zip(problems["problem"], problems["example"], strict=True))
    assert told["photograph whose frame cuts everybody off"] == "wide"


def test_people_count_when_half_of_them_is_in_the_window():
    visible = np.array([[0, 0, 10, 40], [45, 0, 55, 60], [48, 0, 58, 50]], np.float32)

    assert people_within(visible, (0, 0, 50, 80)) == (2, 60 / 80)
    assert people_within(visible[:0], (0, 0, 50, 80)) == (0, 0.0)


def test_reencoding_an_upright_photograph_turns_it_upright(collect, chance):
    image = backdrop(chance, (120, 80))
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    for folder in collect.folders.values():
        folder.mkdir()
    (collect.folders[True] / "turned.jpg").write_bytes(buffer.getvalue())
    (collect.folders[False] / "plain.jpg").write_bytes(encoded(backdrop(chance)))

    images, _ = collect(reencoding={"longest_side_px": 60})

    assert images.manifest[["width", "height"]].values.tolist() == [[40, 60], [60, 40]]
