"""A whole study made of drawn images and invented figures, to be rendered."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.reports.facts import StudyFacts
from tests.unit.reports import invented
from tests.unit.reports.invented import interval as _interval


def _draw(rng: np.random.Generator, size: tuple[int, int], has_person: bool) -> Image.Image:
    width, height = size
    sky, ground = (tuple(int(c) for c in rng.integers(90, 235, 3)) for _ in range(2))
    image = Image.new("RGB", size, sky)
    pen = ImageDraw.Draw(image)
    pen.rectangle([0, height * 0.62, width, height], fill=ground)
    for _ in range(int(rng.integers(1, 4)) if has_person else 0):
        x, tall = rng.uniform(0.15, 0.85) * width, rng.uniform(0.25, 0.45) * height
        coat = tuple(int(c) for c in rng.integers(20, 200, 3))
        foot = height * 0.85
        pen.rectangle([x - tall / 6, foot - tall, x + tall / 6, foot], fill=coat)
        pen.ellipse(
            [x - tall / 8, foot - tall * 1.28, x + tall / 8, foot - tall], fill=(214, 170, 140)
        )
    return image


def _image_set(
    store: ImageStore, count: int, seed: int, size: tuple[int, int] = (160, 120)
) -> ImageSet:
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        target = io.BytesIO()
        _draw(rng, size, has_person=index % 3 != 0).save(target, "JPEG", quality=85)
        image_id, path = store.add(target.getvalue(), "jpg")
        row = {"image_id": image_id, "path": path, "width": size[0], "height": size[1]}
        rows.append(
            row
            | {
                "title": f"<b>scene</b> & number {index}",
                "is_positive": index % 2 == 0,
                "with_bags": index % 4 == 0,
                "licence": ("CC BY 4.0", "all rights <b>reserved</b>", "")[index % 3],
            }
        )
    return ImageSet(pd.DataFrame(rows), store)


def _curve() -> pd.DataFrame:
    kimg = np.arange(0, 9) * 5.0
    value = 180 * np.exp(-kimg / 12) + 22 + np.where(kimg > 30, (kimg - 30) * 2.0, 0)
    return pd.DataFrame(
        {
            "kimg": kimg,
            "name": "fd_person_filter",
            "value": value,
            "low": value * 0.93,
            "high": value * 1.08,
            "kernel_distance": value / 900,
            "precision": np.linspace(0.1, 0.74, 9),
            "recall": np.linspace(0.02, 0.41, 9),
            "augmentation_strength": np.clip(np.linspace(-0.1, 0.35, 9), 0, 1),
            "generator_loss": 1.0 + 0.4 * np.sin(kimg / 6),
            "discriminator_loss": 0.8 + 0.3 * np.cos(kimg / 7),
            "is_best": kimg == 30,
        }
    )


def _scores(test: ImageSet, synthetic: ImageSet) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    images = [
        (i, "test", bool(p)) for i, p in zip(test.ids, test.manifest["is_positive"], strict=True)
    ]
    images += [(i, "synthetic", True) for i in synthetic.ids]
    frame = pd.DataFrame(images, columns=["image_id", "set", "is_positive"])
    cnn = np.clip(rng.normal(np.where(frame["is_positive"], 0.68, 0.3), 0.2), 0, 1)
    svm = rng.normal(np.where(frame["is_positive"], 0.1, -0.1), 0.5)
    return frame.assign(
        one_class_svm_score=svm,
        one_class_svm_accepts=svm > 0,
        image_classifier_score=cnn,
        image_classifier_accepts=cnn > 0.5,
    )


@pytest.fixture(scope="session")
def study_facts(tmp_path_factory: pytest.TempPathFactory) -> StudyFacts:
    return make_facts(tmp_path_factory.mktemp("images"))


def make_facts(folder: Path) -> StudyFacts:
    """Invent a study in which every field of the report is filled."""
    store = ImageStore(folder)
    raw = _image_set(store, 60, seed=0)
    synthetic = _image_set(store, 40, seed=1, size=(32, 32))
    both = ImageSet(pd.concat([raw.manifest, synthetic.manifest]), store)
    rng = np.random.default_rng(9)
    positive, is_kept = raw.manifest["is_positive"], rng.random(60) > 0.3
    grids = [
        (float(k), Image.fromarray(rng.integers(0, 255, (128, 128, 3), dtype=np.uint8)))
        for k in range(0, 45, 5)
    ]
    return StudyFacts(
        title="People, bags and children: the demo study",
        subtitle="From a list of keywords to an audited, synthetic image data set.",
        made_at="2025-01-31 12:00 UTC",
        environment="base",
        funnel=pd.DataFrame(
            [
                ("found", "found in search results", 1012, "3 providers"),
                ("downloaded", "downloaded and readable", 934, ""),
                ("unique", "unique", 641, "median pHash, radius 6"),
                ("with_people", "with people", 452, ""),
                ("labelled", "labelled", 440, ""),
                ("positive", "positive", 203, ""),
            ],
            columns=["stage", "label", "images", "note"],
        ),
        stages={
            "raw": raw,
            "unique": raw.where(is_kept),
            "people": raw.where(np.arange(60) % 3 != 0),
            "labelled positive": raw.where(positive),
            "synthetic": synthetic,
        },
        failures=pd.DataFrame(
            {"reason": ["not a JPEG, PNG or WebP image", "truncated <file>"], "images": [31, 47]}
        ),
        duplicates={"images": 934, "groups": 641, "removed": 293, "radius_bits": 6},
        duplicate_groups=pd.DataFrame(
            {
                "image_id": raw.ids,
                "group": np.repeat(np.arange(20), 3),
                "is_kept": np.tile([False, True, False], 20),
            }
        ),
        person_filter={
            **invented.judge(140, 12, 15, 145),
            "epochs": 4,
            "backbone": "resnext_small",
        },
        person_scores=pd.DataFrame(
            {
                "image_id": raw.ids,
                "score": np.clip(rng.normal(np.where(is_kept, 0.8, 0.2), 0.15), 0, 1),
                "is_kept": is_kept,
            }
        ),
        person_curve=pd.DataFrame(
            {"recall": [0.0, 1.0], "precision": [1.0, 0.5], "low": [0.9, 0.4], "high": [1.0, 0.6]}
        ),
        flags=pd.DataFrame({"image_id": raw.ids, "is_dark": is_kept, "is_blurred": False}),
        curation=pd.DataFrame(
            {"image_id": raw.ids, "is_kept": is_kept, "decided_by": ["duplicates", "person"] * 30}
        ),
        duplicate_review="../../duplicate_review/v1/duplicate_review/index.html",
        labelling={
            "images": 440,
            "answers": 512,
            "annotators": 2,
            "suspected_labels": 14,
            "positive": _interval(0.46, 440),
            "criteria": {"with_bags": {"holds": _interval(0.3, 440)}},
            "agreement": {"with_bags": {"images": 72, "agreeing_share": 0.9, "cohen_kappa": 0.8}},
        },
        splits=pd.DataFrame(
            [
                ("train", "positive", 160),
                ("train", "negative", 190),
                ("test", "positive", 43),
                ("test", "negative", 47),
            ],
            columns=["split", "label", "images"],
        ),
        curve=_curve(),
        grids=grids,
        training_distances={
            "name": "fd_person_filter",
            "untrained": {"value": 202.0, "low": 195.0, "high": 210.0, "n": 160},
            "best": {"value": 36.8, "low": 34.0, "high": 39.9, "n": 160},
            "floor": {"value": 8.1, "low": 7.2, "high": 9.4, "n": 160},
        },
        distances=invented.distances(),
        classifiers=invented.judges(),
        baselines={
            "always_negative": {"accuracy": _interval(47 / 90, 90)},
            "always_positive": {
                "accuracy": _interval(43 / 90, 90),
                "precision": _interval(43 / 90, 90),
            },
        },
        acceptance=invented.acceptance(),
        judge_curves=invented.all_curves(),
        calibration=invented.calibration(),
        by_group=invented.by_group(),
        one_class=invented.ONE_CLASS,
        scores=_scores(raw, synthetic),
        score_images=both,
        error_heat_maps=raw.open(0),
        augmentation_study=invented.study(),
        memorisation=invented.memorisation(synthetic.ids, raw.ids),
        memorisation_images=both,
        leaks=invented.LEAKS,
        split_hash="3f" * 32,
        test_split_note="The test split is the one of the last run.",
        data_card={"known_failures": ["Hands are often drawn with too many fingers."]},
        truth={
            "duplicates": {"precision": _interval(0.99, 293), "recall": _interval(0.96, 300)},
            "person_filter": {"accuracy": _interval(0.93, 641)},
            "labels": {"errors": 12},
        },
        provenance=pd.DataFrame(
            {
                "dataset": ["raw_images", "generator"],
                "version": ["2025-01-31T12.00.00.000Z"] * 2,
                "path": ["data/01_raw/raw_images", "data/06_models/generator"],
                "produced_by": ["download_images", "train_stylegan2"],
            }
        ),
        parameters={"generation": {"batch_size": 16, "learning_rate": 0.002}, "seed": 0},
        code_version="cosmop 0.1.0, 0a1b2c3",
        extractor={"name": "person_filter", "checksum": "sha256 9f2c…", "dimensions": 256},
        notes=["The demo's images are drawn, not photographed."],
    )
