"""Registered models: versions, champions, loading by MLflow, and loading by the catalog."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from kedro.io import DataCatalog
from kedro.io.core import Version
from mlflow import MlflowClient

from cosmop.classifiers.image_classifier import ImageClassifier, predict
from cosmop.classifiers.one_class import fit_one_class, score_one_class
from cosmop.classifiers.options import ImageClassifierOptions, OneClassOptions
from cosmop.datasets import ModelDataset, SklearnModelDataset
from cosmop.errors import InputError
from cosmop.hooks.models import model_of, pin
from cosmop.people.binary_network import seeded
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions
from cosmop.stylegan2.sampling import sample_images
from cosmop.tracking import Destination
from cosmop.tracking.champions import Judgement, decide
from tests.unit.shell.tracks import RUN, client_of, options, tracker_in

NETWORK: dict[str, Any] = {
    "height": 16,
    "width": 16,
    "channel_base": 64,
    "channel_max": 8,
    "z_dim": 8,
    "w_dim": 8,
}
FIGURE = {"metric": "m.kd", "better": "lower", "test": ["m.checksum"]}
WISH = {
    "generator": {"registered": "cosmop-generator", "takes": "seeds", **FIGURE},
    "image_classifier": {"registered": "cosmop-classifier", "takes": "images", **FIGURE},
    "one_class_svm": {"registered": "cosmop-one-class-svm", "takes": "features", **FIGURE},
}


def generator() -> Generator:
    return Generator(NetworkOptions(**NETWORK))


def classifier() -> ImageClassifier:
    options = ImageClassifierOptions(
        backbone="resnext_small", pretrained="none", image_size=(16, 24)
    )
    return seeded(ImageClassifier, options, 0)


def judged(value: float, low: float, high: float, **other: Any) -> Judgement:
    given = {"metric": "m.kd", "better": "lower", "n": 50, "test": "t", **other}
    return Judgement(value=value, low=low, high=high, **given)


@pytest.mark.parametrize(
    ("new", "wins", "word"),
    [
        (judged(1, 0.9, 1.1), True, "takes the place"),
        (judged(1.9, 1.0, 2.8), False, "holds “no better”"),
        (judged(2.1, 2.0, 2.2), False, "does not take the place"),
        (judged(3, 2.9, 3.1), False, "it is worse"),
        (judged(1, 0.9, 1.1, test="another"), False, "cannot be compared"),
        (judged(1, 0.9, 1.1, metric="other"), False, "cannot be compared"),
        (None, False, "has no figure"),
    ],
)
def test_the_champion_yields_to_what_is_better_beyond_chance_on_the_same_test_set(
    new: Judgement | None, wins: bool, word: str
) -> None:
    decision = decide("cosmop-generator", "2", new, ("1", judged(2, 1.9, 2.1)))

    assert decision.is_champion == wins
    assert word in decision.sentence


def test_higher_may_be_better() -> None:
    old = judged(0.5, 0.45, 0.55, better="higher")

    decision = decide("c", "2", judged(0.8, 0.75, 0.85, better="higher"), ("1", old))

    assert decision.is_champion
    assert decision.gain is not None
    assert decision.gain["low"] == pytest.approx(0.3 - 0.05 * 2**0.5)


def test_the_first_with_a_figure_is_champion_and_a_figure_survives_as_tags() -> None:
    figure = judged(2, 1.9, 2.1)

    assert decide("c", "2", figure, None).is_champion
    assert decide("c", "2", figure, ("1", None)).is_champion
    assert Judgement.from_tags(figure.tags() | {"other": "x"}) == figure


@pytest.mark.parametrize(
    "event",
    [
        {"figure": None, "test": "t"},
        {"figure": 3.0, "test": "t"},
        {"figure": {"value": 1, "low": None, "high": 2}, "test": "t"},
        {"figure": {"value": 1, "low": 0, "high": 2}, "test": None},
    ],
)
def test_what_has_no_interval_or_test_set_is_no_figure(event: Mapping[str, Any]) -> None:
    assert Judgement.of({"metric": "m", "better": "lower", **event}) is None


def save(store: Path, name: str, model: Any, version: str, value: float | None = None) -> None:
    """One tracked run that saves a model, and measures it if there is a value."""
    kind: Any = SklearnModelDataset if name == "one_class_svm" else ModelDataset
    builders = {
        "generator": "cosmop.stylegan2.generator.build_generator",
        "image_classifier": "cosmop.classifiers.image_classifier.build_image_classifier",
    }
    more = {"builder": builders[name]} if name in builders else {}
    file = f"{store}/{name}.skops" if name == "one_class_svm" else f"{store}/{name}"
    dataset = kind(filepath=file, version=Version(None, version), **more)
    dataset.save(model)
    tracker = tracker_in(store)
    tracker.start({**RUN, "run_id": version}, {})
    tracker.log_model(**model_of(DataCatalog({name: dataset}), name, WISH[name]))
    if value is not None:
        figure = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 9}
        tracker.log_judgement(
            registered=WISH[name]["registered"], name=name, version=version, metric="m.kd",
            better="lower", figure=figure, test="t", figures={"m.kd": value},
        )  # fmt: skip
    tracker.finish("FINISHED")


@pytest.fixture
def served(store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store, as the place where MLflow's own functions look."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}/mlflow.db")
    return store


def test_mlflow_serves_the_generator_that_is_champion(served: Path) -> None:
    models = [generator() for _ in range(3)]
    for number, (model, value) in enumerate(zip(models, (5.0, 3.0, 4.0), strict=True)):
        save(served, "generator", model, f"2026-01-0{number + 1}T00.00.00.000Z", value)

    client = client_of(served)
    aliases = client.get_registered_model("cosmop-generator").aliases
    loaded = mlflow.pyfunc.load_model("models:/cosmop-generator@champion")
    images = loaded.predict(np.array([3, 9]))
    (expected,) = sample_images(models[1], [3, 9])

    assert {key: str(value) for key, value in aliases.items()} == {"champion": "2", "newest": "3"}
    np.testing.assert_array_equal(images, expected)
    version = client.get_model_version("cosmop-generator", "2")
    assert version.tags["champion.became"] == "true"
    assert float(version.tags["champion.gain.low"]) == pytest.approx(2 - 0.1 * 2**0.5)
    logged = client.get_logged_model(version.tags["logged_model"])
    assert {metric.key: metric.value for metric in logged.metrics or []} == {"m.kd": 3.0}
    assert logged.source_run_id == version.run_id
    assert "# cosmop-generator" in str(version.description)
    files = {item.path for item in client.list_logged_model_artifacts(logged.model_id)}
    assert {"MLmodel", "README.md", "data", "input_example.json"} <= files


def test_mlflow_serves_classifiers_and_svms(served: Path, chance: np.random.Generator) -> None:
    network = classifier()
    svm = fit_one_class(chance.normal(size=(40, 6)), OneClassOptions())
    save(served, "image_classifier", network, "2026-01-01T00.00.00.000Z", 1.0)
    save(served, "one_class_svm", svm, "2026-01-02T00.00.00.000Z", 1.0)
    images = chance.integers(0, 256, (3, 16, 24, 3), dtype=np.uint8)
    features = chance.normal(size=(4, 6)).astype(np.float32)

    by_classifier = mlflow.pyfunc.load_model("models:/cosmop-classifier@champion").predict(images)
    by_svm = mlflow.pyfunc.load_model("models:/cosmop-one-class-svm@champion").predict(features)

    np.testing.assert_allclose(by_classifier, predict(network, images), rtol=1e-6)
    np.testing.assert_allclose(by_svm, score_one_class(svm, features), rtol=1e-6)
    assert not list(served.rglob("*.pkl"))


def catalog_of(store: Path) -> DataCatalog:
    return DataCatalog(
        {
            "generator": ModelDataset(
                filepath=f"{store}/generator",
                builder="cosmop.stylegan2.generator.build_generator",
                version=Version(None, "2026-02-01T00.00.00.000Z"),
                metadata={"mlflow": WISH["generator"]},
            )
        }
    )


def same(one: Any, other: Any) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(bool((a == b).all()) for a, b in pairs)


def test_an_alias_or_a_number_pins_the_catalog_to_that_version_here_or_from_afar(
    store: Path,
) -> None:
    first, second = generator(), generator()
    save(store, "generator", first, "2026-01-01T00.00.00.000Z", 1.0)
    save(store, "generator", second, "2026-01-02T00.00.00.000Z", 2.0)
    destination, saved = Destination.of(options(), store), "2026-02-01T00.00.00.000Z"
    by_alias, by_number, from_afar = (catalog_of(store) for _ in range(3))

    pin(by_alias, "generator", "champion", destination, saved)
    pin(by_number, "generator", "2", destination, saved)
    shutil.rmtree(store / "generator")
    pin(from_afar, "generator", "champion", destination, saved)

    assert (store / "generator" / "2026-01-01T00.00.00.000Z" / "generator").is_dir()
    loaded = from_afar.load("generator")
    assert same(loaded, first)
    assert not same(loaded, second)
    pinned: list[Any] = [item["generator"] for item in (by_alias, by_number)]
    versions = [dataset._version.load for dataset in pinned]
    assert versions == ["2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"]


@pytest.mark.parametrize(
    ("name", "wanted", "sentence"),
    [
        (
            "generator",
            "best",
            r"by alias \(\['champion', 'newest'\]\) or number \(\['1'\]\), got 'best'",
        ),
        ("image", "champion", r"models that are registered, \['generator'\], got 'image'"),
    ],
)
def test_what_is_not_registered_is_refused_with_what_there_is(
    store: Path, name: str, wanted: str, sentence: str
) -> None:
    save(store, "generator", generator(), "2026-01-01T00.00.00.000Z", 1.0)

    with pytest.raises(InputError, match=sentence):
        pin(catalog_of(store), name, wanted, Destination.of(options(), store), "v")


def test_a_store_that_is_out_of_reach_is_named(store: Path) -> None:
    (store / "mlflow.db").write_bytes(b"this is no data base" * 100)

    with pytest.raises(InputError, match="needs MLflow at sqlite"):
        pin(catalog_of(store), "generator", "champion", Destination.of(options(), store), "v")


def test_an_empty_registry_is_named(store: Path) -> None:
    assert MlflowClient(f"sqlite:///{store}/mlflow.db").search_registered_models() == []
    with pytest.raises(InputError, match=r"one of \[\], got 'cosmop-generator'"):
        pin(catalog_of(store), "generator", "champion", Destination.of(options(), store), "v")
