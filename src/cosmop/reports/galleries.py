"""Pictures of what was judged: right and wrong answers, where a network looked, close pairs."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cosmop.imaging.image_set import ImageSet
from cosmop.reports.estimates import as_estimate, format_number
from cosmop.reports.facts import Metrics, StudyFacts, rows_of, truths
from cosmop.reports.judge_curves import judges_of
from cosmop.reports.names import judge_name
from cosmop.reports.thumbnails import ReportOptions, Sheet, Tile, sheet_tile, spread, tile_of

_CELLS = (
    ("False positives", False, True, False),
    ("False negatives", True, False, True),
    ("True positives", True, True, True),
    ("True negatives", False, False, False),
)  # title, is positive, is accepted, lowest score first: the worst of each cell comes first
_STUDY_JUDGES = ("image_classifier", "one_class_svm")


def judges_shown(facts: StudyFacts, options: ReportOptions) -> list[str]:
    """Choose the judges shown in pictures: the study's own two, then the best by AUROC."""
    known = judges_of(facts.scores)

    def rank(key: str) -> tuple[int, float]:
        auroc = as_estimate(facts.classifiers.get(key, {}).get("auroc"))
        is_study = key in _STUDY_JUDGES
        return (_STUDY_JUDGES.index(key) if is_study else 2, -(auroc.value if auroc else 0.0))

    return sorted(known, key=rank)[: options.gallery_judges]


def galleries(facts: StudyFacts, options: ReportOptions) -> list[tuple[str, list[Sheet]]]:
    """Show for each judge the four cells of the confusion matrix, worst first; then synthetic."""
    images = facts.score_images
    if images is None or len(images) == 0:
        return []
    places = {image_id: index for index, image_id in enumerate(images.ids)}
    shown = []
    for judge in judges_shown(facts, options):
        frame = facts.scores.rename(
            columns={f"{judge}_score": "score", f"{judge}_accepts": "accepts"}
        )
        frame = frame.assign(
            accepts=truths(frame["accepts"]),
            is_positive=truths(frame["is_positive"]),
        )
        sheets = [
            *_cells(frame, images, places, options),
            *_synthetic(frame, images, places, options),
        ]
        shown.append((judge_name(judge), sheets))
    return shown


def _cells(
    frame: pd.DataFrame, images: ImageSet, places: Mapping[str, int], options: ReportOptions
) -> list[Sheet]:
    sheets = []
    for title, is_positive, is_accepted, lowest_first in _CELLS:
        is_here = (frame["is_positive"] == is_positive) & (frame["accepts"] == is_accepted)
        here = frame[is_here & (frame["set"] == "test")]
        here = here.sort_values("score", ascending=lowest_first, kind="stable")
        rows = here.head(options.gallery_images)
        sheets.append(Sheet(title, len(here), _score_tiles(rows, title, images, places, options)))
    return sheets


def _synthetic(
    frame: pd.DataFrame, images: ImageSet, places: Mapping[str, int], options: ReportOptions
) -> list[Sheet]:
    sheets = []
    for title, is_accepted in (("Synthetic, accepted", True), ("Synthetic, refused", False)):
        here = frame[(frame["set"] == "synthetic") & (frame["accepts"] == is_accepted)]
        here = here.sort_values("score", ascending=False, kind="stable")
        rows = here.iloc[spread(len(here), options.gallery_images)]
        tiles = _score_tiles(rows, title, images, places, options)
        if tiles:
            sheets.append(Sheet(title, len(here), tiles, "from the highest score to the lowest"))
    return sheets


def _score_tiles(
    rows: pd.DataFrame,
    title: str,
    images: ImageSet,
    places: Mapping[str, int],
    options: ReportOptions,
) -> list[Tile]:
    tiles, criteria = [], criteria_of(images)
    for row in rows_of(rows, "image_id", "score"):
        if row["image_id"] in places:
            number = float(row["score"])
            score = format_number(number)
            alt = f"{title}, image {row['image_id'][:8]}, score {score}"
            place = places[row["image_id"]]
            tile = tile_of(images, place, options, alt=alt, caption=score)
            answers = images.manifest.loc[place, criteria]
            shows = [str(name) for name, answer in answers.items() if answer is True]
            tiles.append(dataclasses.replace(tile, score=f"{number:.6g}", shows=shows))
    return tiles


def criteria_of(images: ImageSet | None) -> list[str]:
    """Return the columns that answer yes or no about what an image shows."""
    if images is None:
        return []
    known = {name: column.dropna() for name, column in images.manifest.items()}
    return [
        str(name)
        for name, answers in known.items()
        if name != "is_positive" and len(answers) and answers.map(_is_answer).all()
    ]


def _is_answer(value: object) -> bool:
    return isinstance(value, bool)


def heat_maps(facts: StudyFacts, options: ReportOptions) -> Tile | None:
    """Show where the network looked, for the worst errors of each kind."""
    if facts.error_heat_maps is None:
        return None
    alt = "Test images that were judged wrongly, each above its heat map, the worst first"
    return sheet_tile(facts.error_heat_maps, options, alt=alt)


def close_pairs(facts: StudyFacts, options: ReportOptions) -> tuple[list[Sheet], list[Sheet]]:
    """Show the synthetic images closest to training images, and the same for held-out real ones."""
    synthetic = facts.memorisation.get("closest") or ()
    held_out = facts.memorisation.get("closest_held_out") or ()
    few = options.closest_pairs
    return (
        _triples(facts, synthetic[:few], "synthetic", options),
        _triples(facts, held_out[: min(5, few)], "held out, real", options),
    )


def _triples(
    facts: StudyFacts, pairs: Sequence[Metrics], first: str, options: ReportOptions
) -> list[Sheet]:
    images = facts.memorisation_images
    if images is None:
        return []
    places = {image_id: index for index, image_id in enumerate(images.ids)}
    sheets = []
    for pair in pairs:
        tiles = _triple(pair, first, images, places, options)
        sheets.append(Sheet(_pair_title(pair), len(tiles), tiles))
    return sheets


def _triple(
    pair: Mapping[str, Any],
    first: str,
    images: ImageSet,
    places: Mapping[str, int],
    options: ReportOptions,
) -> list[Tile]:
    is_mirrored = bool(pair.get("is_mirrored"))
    nearest = "nearest training, mirrored" if is_mirrored else "nearest training"
    wanted = (
        (pair.get("image_id"), first, False),
        (pair.get("nearest_id"), nearest, is_mirrored),
        (pair.get("second_id"), "second nearest", False),
    )
    tiles = []
    for image_id, words, mirrored in wanted:
        alt = f"{words} image {str(image_id)[:8]}"
        if image_id in places:
            place = places[str(image_id)]
            tiles.append(
                tile_of(images, place, options, alt=alt, caption=words, is_mirrored=mirrored)
            )
        else:
            tiles.append(Tile("", f"{alt}, not at hand", 1, 1, words))
    return tiles


def _pair_title(pair: Metrics) -> str:
    ratio, bits = as_estimate(pair.get("ratio")), as_estimate(pair.get("phash_distance"))
    words = "" if ratio is None else f"ratio {ratio.value:.3f}"
    words += f" by {pair['by']}" if pair.get("by") else ""
    return words if bits is None else f"{words} · {bits.value:.0f} bits apart"
