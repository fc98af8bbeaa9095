"""Previews for kedro-viz stay small and cheap, however large the data are."""

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import OneClassSVM

from cosmop.datasets import JSONDataset, PageDataset, SklearnModelDataset


def test_a_document_of_many_long_entries_has_a_small_preview(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=str(tmp_path / "m.json"))
    dataset.save({f"key {number}": "long " * 1000 for number in range(5000)})

    preview = dataset.preview()

    assert len(preview) < 1_000_000
    shown = json.loads(preview)
    assert shown["…"] == "and 4900 more"
    assert shown["key 0"] == "long " * 60 + "…"


def test_a_scikit_learn_model_shows_its_settings_without_its_arrays(tmp_path: Path) -> None:
    model = make_pipeline(PCA(2, whiten=True), OneClassSVM(nu=0.25))
    model.fit(np.random.default_rng(0).normal(size=(20, 5)))
    dataset = SklearnModelDataset(filepath=str(tmp_path / "m.skops"))
    dataset.save(model)
    without = SklearnModelDataset(filepath=str(tmp_path / "without_arrays.skops"))
    with ZipFile(tmp_path / "m.skops") as whole, ZipFile(without._filepath, "w") as part:
        part.writestr("schema.json", whole.read("schema.json"))

    shown = json.loads(without.preview())["parts"]

    settings = {name: given for part in shown for name, given in part.items()}
    assert list(settings) == ["Pipeline", "PCA", "OneClassSVM"]
    assert settings["PCA"] == {name: getattr(model[0], name) for name in settings["PCA"]}
    assert settings["PCA"]["whiten"] is True
    assert settings["OneClassSVM"]["nu"] == 0.25


def test_figures_of_a_page_stand_apart_without_its_styles(tmp_path: Path) -> None:
    dataset = PageDataset(filepath=str(tmp_path / "p.html"))
    dataset.save(
        "<!-- headline --><dd><b>0.91</b><span>n=8</span><span>new</span></dd><!-- /headline -->"
    )

    assert dataset.preview() == "<dd><b>0.91</b> <span>n=8</span> <span>new</span> </dd>"
