"""The nodes of the annotation pipeline, round by round, as a study goes through them."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosmop.classifiers.options import FeatureOptions
from cosmop.datasets.work_folders import WorkFolder
from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.labels.exports import ImportOptions
from cosmop.labels.schema import LabelSchema
from cosmop.labels.splits import SplitOptions
from cosmop.labels.suggestion_options import SuggestionOptions
from cosmop.labels.tasks import TaskOptions
from cosmop.pipelines.annotation import nodes

SCHEMA = LabelSchema(criteria=("red",))
FEATURES = FeatureOptions(kind="resnet_small", pretrained="none", image_size=(32, 32))
LEARNING = (SCHEMA, SuggestionOptions(), FEATURES, SplitOptions())


@pytest.fixture
def images(tmp_path):
    """Forty plain pictures with noise; the even ones are red, the others blue."""
    rng, store, rows = np.random.default_rng(0), ImageStore(tmp_path / "store"), []
    for at in range(40):
        pixels = rng.integers(0, 90, (32, 32, 3), dtype=np.uint8)
        pixels[..., 0 if at % 2 == 0 else 2] += 120
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG")
        image_id, path = store.add(content.getvalue(), "png")
        rows.append({"image_id": image_id, "path": path, "width": 32, "height": 32})
    return ImageSet(pd.DataFrame(rows).assign(is_red=np.arange(40) % 2 == 0), store)


@pytest.fixture
def hashes(images):
    """Every picture looks like no other."""
    phash = [f"{0x9E3779B97F4A7C15 * (at + 1) % 2**64:016x}" for at in range(40)]
    return pd.DataFrame({"image_id": images.ids, "phash": phash, "low_information": False})


@pytest.fixture
def folders(tmp_path):
    names = ("log", "cache")
    for name in names:
        (tmp_path / name).mkdir()
    return [WorkFolder(tmp_path / name) for name in names]


def _ask(images, hashes, folders, export):
    log, cache = folders
    suggestions = nodes.suggest_labels(images, export, log, hashes, None, cache, *LEARNING)
    scores = pd.DataFrame({"image_id": images.ids, "person_score": 0.5})
    tasks = nodes.make_label_tasks(images, scores, suggestions, SCHEMA, TaskOptions())
    return suggestions, tasks


def _answer(tasks, images, *, wrong=0):
    """Answer as a person would; the first `wrong` answers are slips."""
    red = images.manifest.set_index("image_id")["is_red"]
    records = []
    for at, task in enumerate(tasks):
        says = bool(red[task["data"]["image_id"]]) != (at < wrong)
        value = {"choices": ["red" if says else "none"]}
        result = [{"from_name": "criteria", "type": "choices", "value": value}]
        records.append(task | {"annotations": [{"completed_by": 1, "result": result}]})
    return records


def _import(images, folders, tasks, export, raw=None):
    return nodes.import_labels(
        export, folders[0], tasks, images, raw or images, SCHEMA, ImportOptions()
    )


def test_before_anybody_labels_tasks_are_written_and_one_sentence_says_how_to(
    images, hashes, folders
):
    suggestions, tasks = _ask(images, hashes, folders, [])

    assert suggestions.empty
    assert len(tasks["tasks"]) == 40
    assert not any("predictions" in task for task in tasks["tasks"])
    with pytest.raises(InputError, match="kedro annotate"):
        _import(images, folders, tasks, [])


def test_the_second_round_suggests_what_the_first_taught(images, hashes, folders):
    _, first = _ask(images, hashes, folders, [])
    export = _answer(first["tasks"][:24], images)

    suggestions, second = _ask(images, hashes, folders, export)

    open_tasks, answered = second["tasks"][:16], second["tasks"][16:]
    assert [task["data"]["is_labelled"] for task in open_tasks] == [False] * 16
    assert {task["data"]["image_id"] for task in answered} == {
        record["data"]["image_id"] for record in export
    }
    red = images.manifest.set_index("image_id")["is_red"]
    told = [
        (task["predictions"][0]["result"][0]["value"]["choices"] == ["red"])
        == red[task["data"]["image_id"]]
        for task in open_tasks
    ]
    assert np.mean(told) > 0.9
    assert suggestions["is_labelled"].sum() == 24


def test_labels_become_sets_issues_and_figures(images, hashes, folders):
    cache = folders[1]
    suggestions, tasks = _ask(images, hashes, folders, [])
    export = _answer(tasks["tasks"], images, wrong=2)
    slips = {record["data"]["image_id"] for record in export[:2]}

    annotations, problems, kappas, disputed = _import(images, folders, tasks, export)
    labelled = nodes.label_images(images, annotations, SCHEMA)
    issues = nodes.find_label_issues(labelled, hashes, None, cache, *LEARNING)
    metrics = nodes.measure_labelling(annotations, kappas, disputed, issues, suggestions, SCHEMA)

    assert problems.empty
    assert disputed.empty
    assert set(issues["image_id"].head(2)) == slips
    assert issues["is_issue"].sum() == metrics["suspected_labels"] >= 2
    assert (metrics["images"], metrics["annotators"]) == (40, 1)
    assert metrics["equal_to_suggestion"] is None


def test_a_label_stays_as_it_was_given_however_doubtful(images, hashes, folders):
    _, tasks = _ask(images, hashes, folders, [])
    export = _answer(tasks["tasks"], images, wrong=2)
    annotations, *_ = _import(images, folders, tasks, export)

    labelled = nodes.label_images(images, annotations, SCHEMA).manifest
    nodes.find_label_issues(ImageSet(labelled, images.store), hashes, None, folders[1], *LEARNING)

    slips = [record["data"]["image_id"] for record in export[:2]]
    table = labelled.set_index("image_id").loc[slips]
    assert (table["red"] != table["is_red"]).all()


def test_labels_of_images_that_dropped_out_are_told_and_stop_nothing(images, hashes, folders):
    few = images.where(np.arange(40) < 20)
    _, tasks = _ask(images, hashes, folders, [])
    export = _answer(tasks["tasks"], images)

    annotations, problems, *_ = _import(few, folders, tasks, export, raw=images)

    assert set(annotations["image_id"]) == set(few.ids)
    assert len(problems) == 20


def test_the_labels_of_another_project_are_refused(images, hashes, folders):
    _, tasks = _ask(images, hashes, folders, [])
    export = _answer(tasks["tasks"], images)
    for record in export[:3]:
        record["data"] = record["data"] | {"image_id": "f" * 64}

    with pytest.raises(InputError, match=r"3 of 40 records could not be used.*record 1: the image"):
        _import(images, folders, tasks, export)


def test_labels_of_another_project_suggest_nothing_and_stop_no_tasks(images, hashes, folders):
    other = [{"image_id": "f" * 64, "criteria": "red"}] * 30

    suggestions, tasks = _ask(images, hashes, folders, other)

    assert suggestions.empty
    assert len(tasks["tasks"]) == 40
