"""Hashes that are known are not computed again, and never taken for others."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cosmop.imaging.phash import HashingOptions, hash_image_set, hashing_fingerprint

OPTIONS = HashingOptions()


@pytest.fixture
def images(make_image_set, draw_scene, encode):
    return make_image_set({str(seed): encode(draw_scene(seed)) for seed in range(8)})


def known_of(images, rows, options=OPTIONS):
    table = hash_image_set(images, options).iloc[rows]
    return table.assign(hashing=hashing_fingerprint(options))


@pytest.mark.parametrize("rows", [[], [3], [6, 1, 4], list(range(8))])
def test_known_rows_are_taken_over_and_only_the_files_of_others_are_read(images, rows, tmp_path):
    expected = hash_image_set(images, OPTIONS)
    known = known_of(images, rows)
    known.to_parquet(tmp_path / "known.parquet")
    for row in rows:
        images.files[row].unlink()

    found = hash_image_set(images, OPTIONS, pd.read_parquet(tmp_path / "known.parquet"))

    assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    "other", [{"threshold": "mean"}, {"decoded_side_px": 128}, {"min_information": 50.0}]
)
def test_rows_of_another_making_are_computed_again(images, other):
    known = known_of(images, range(8), HashingOptions(**other))

    assert_frame_equal(hash_image_set(images, OPTIONS, known), hash_image_set(images, OPTIONS))


def test_another_library_is_another_making(monkeypatch):
    before = hashing_fingerprint(OPTIONS)

    monkeypatch.setattr("cosmop.imaging.hash_rows.decoder_versions", lambda: "Pillow 99")

    assert hashing_fingerprint(OPTIONS) != before
    assert len(before) == 16


def test_the_number_of_processes_is_no_part_of_the_making():
    assert hashing_fingerprint(HashingOptions(workers=2)) == hashing_fingerprint(OPTIONS)


def test_rows_with_a_problem_of_others_and_repeated_are_no_help(images):
    known = known_of(images, [0, 1, 1, 2])
    known.loc[0, "problem"] = "the process that decoded it was killed by signal 9"
    known.loc[0, "phash"] = ""
    stranger = known.iloc[[3]].assign(image_id="0" * 64)

    found = hash_image_set(images, OPTIONS, pd.concat([known, stranger]))

    assert_frame_equal(found, hash_image_set(images, OPTIONS))
