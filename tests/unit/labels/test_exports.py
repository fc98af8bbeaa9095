import io
import json

import numpy as np
import pandas as pd
import pytest

from cosmop.errors import InputError
from cosmop.labels.exports import ImportOptions, check_problem_share, read_label_export
from cosmop.labels.file_names import FileNames
from cosmop.labels.schema import LabelSchema, TableFormat
from cosmop.labels.tasks import TaskOptions, make_label_tasks

PEOPLE = LabelSchema(
    criteria=("people",),
    table=TableFormat(
        label_column="people", values={"people": ("people",), "none": (), "unsure": None}
    ),
)


def _annotation(choices, control="criteria", **fields):
    result = {"from_name": control, "to_name": "image", "type": "choices"}
    return {
        "completed_by": 1,
        "was_cancelled": False,
        "lead_time": 3.25,
        "created_at": "2024-05-01T10:00:00.123456Z",
        "ground_truth": False,
        "result": [result | {"value": {"choices": choices}}],
    } | fields


def _record(image_id, *annotations):
    return {"id": 7, "data": {"image_id": image_id}, "annotations": list(annotations)}


def _answers(schema, seed=0, count=20):
    held = np.random.default_rng(seed).random((count, len(schema.criteria))) < 0.3
    return [
        [name for name, yes in zip(schema.criteria, row, strict=True) if yes] or ["none"]
        for row in held
    ]


def _expected(manifest, schema, answers):
    held = [[name in choices for name in schema.criteria] for choices in answers]
    return pd.DataFrame(held, columns=list(schema.criteria), index=manifest["image_id"])


def _imported(label_import, schema):
    return label_import.annotations.set_index("image_id")[list(schema.criteria)]


def _problem(record, manifest, schema):
    """Import one good record before `record`, and return the problem of the latter."""
    good = _record(manifest["image_id"][0], _annotation(["none"]))
    label_import = read_label_export([good, record], manifest, schema)
    assert len(label_import.annotations) == 1
    assert label_import.problems["record"].tolist() == [2]
    return label_import.problems["problem"][0]


def test_tasks_come_back_as_labels_through_label_studio_json(manifest, schema):
    tasks = make_label_tasks(manifest, schema, TaskOptions(order="manifest"))["tasks"]
    answers = _answers(schema)
    export = [
        task | {"annotations": [_annotation(choices)], "predictions": [3]}
        for task, choices in zip(tasks, answers, strict=True)
    ]

    label_import = read_label_export(json.loads(json.dumps(export)), manifest, schema)

    assert _imported(label_import, schema).equals(_expected(manifest, schema, answers))
    assert label_import.problems.empty
    first = label_import.annotations.iloc[0]
    assert (first["annotator"], first["lead_time_s"]) == ("1", 3.25)
    assert first["created_at"] == "2024-05-01T10:00:00.123456Z"


@pytest.mark.parametrize("layout", ["JSON_MIN", "CSV"])
def test_the_flat_exports_say_the_same(manifest, schema, layout):
    answers = _answers(schema)
    flat = [
        {
            "image": f"/data/local-files/?d={path}",
            "image_id": image_id,
            "id": 1,
            "criteria": choices[0] if len(choices) == 1 else {"choices": choices},
            "annotator": 2,
            "lead_time": 1.5,
            "created_at": "2024-05-01T10:00:00Z",
        }
        for image_id, path, choices in zip(
            manifest["image_id"], manifest["path"], answers, strict=True
        )
    ]
    if layout == "CSV":
        frame = pd.DataFrame(flat)
        frame["criteria"] = [v if isinstance(v, str) else json.dumps(v) for v in frame["criteria"]]
        frame.loc[0, "annotator"] = np.nan
        flat = pd.read_csv(io.StringIO(frame.to_csv(index=False))).to_dict("records")

    label_import = read_label_export(flat, manifest, schema)

    assert _imported(label_import, schema).equals(_expected(manifest, schema, answers))
    assert label_import.annotations["annotator"][1:].tolist() == ["2"] * 19
    assert label_import.annotations["lead_time_s"].eq(1.5).all()


def test_a_plain_table_is_read_as_the_schema_says(tmp_path):
    manifest = pd.DataFrame(
        {"image_id": ["a", "b", "c"], "location": [str(tmp_path / f"{n}.JPEG") for n in "xyz"]}
    )
    records = [
        {"file": "z.JPEG", "wnid": "n1", "people": "people"},
        {"file": "y.JPEG", "wnid": "n2", "people": "unsure"},
        {"file": "x.JPEG", "wnid": "n3", "people": "none"},
        {"file": "x.JPEG", "wnid": "n3", "people": "maybe"},
        {"file": "q.JPEG", "wnid": "n4", "people": "none"},
    ]

    label_import = read_label_export(records, manifest, PEOPLE)

    assert label_import.annotations["image_id"].tolist() == ["c", "a"]
    assert label_import.annotations["people"].tolist() == [True, False]
    assert label_import.annotations["annotator"].tolist() == ["table", "table"]
    assert label_import.problems.to_dict("list") == {
        "record": [4, 5],
        "problem": [
            "the label 'maybe' is unknown; wanted one of ['people', 'none', 'unsure']",
            "the file 'q.JPEG' is not in this image set",
        ],
    }


def test_cancelled_and_empty_tasks_are_no_problem(manifest, schema):
    ids = manifest["image_id"]
    records = [
        _record(ids[0], _annotation([], was_cancelled=True), _annotation(["crowded"])),
        _record(ids[1], _annotation(["crowded"], was_cancelled=True)),
        _record(ids[2]),
    ]

    label_import = read_label_export(records, manifest, schema)

    assert label_import.annotations["image_id"].tolist() == [ids[0]]
    assert label_import.problems.empty


def test_several_annotators_keep_their_own_rows(manifest, schema):
    record = _record(
        manifest["image_id"][0],
        _annotation(["crowded"], completed_by=1),
        _annotation(["none"], completed_by={"id": 2, "email": "b@example.org"}),
        _annotation(["none"], completed_by=None, lead_time=None),
    )

    annotations = read_label_export([record], manifest, schema).annotations

    assert annotations["annotator"].tolist() == ["1", "b@example.org", "unknown"]
    assert annotations["crowded"].tolist() == [True, False, False]
    assert annotations["lead_time_s"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("lead_time", [float("inf"), float("nan"), -5, 0, "", "soon", None, [3]])
def test_what_is_no_length_of_time_is_an_unknown_one(lead_time, manifest, schema):
    record = {"image_id": manifest["image_id"][0], "criteria": "none", "lead_time": lead_time}

    annotations = read_label_export([record], manifest, schema).annotations

    assert annotations["lead_time_s"].isna().tolist() == [True]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (
            _record("f" * 64, _annotation(["none"])),
            f"image_id '{'f' * 64}' is not in this image set",
        ),
        (_record("0" * 64, _annotation(["bags"])), "the label 'bags' is unknown; wanted one of"),
        (_record("0" * 64, _annotation(["none", "crowded"])), "'none' contradicts"),
        (_record("0" * 64, _annotation([])), "holds no choice"),
        ({"annotations": [_annotation(["none"])]}, "no 'data'"),
        ({"annotations": [_annotation(["none"])], "data": {"text": "x"}}, "names no image"),
        ({"image_id": "0" * 64, "person": "yes"}, r"no answer: .* under \['criteria'\]"),
        ({"image": "/data/upload/1/other.jpg", "criteria": "none"}, "is not in this image set"),
        ({"image_id": "0" * 64, "criteria": 5}, "not laid out"),
        ({"image_id": "0" * 64, "annotations": 5, "data": {"image_id": "0" * 64}}, "not laid out"),
        (_record("0" * 64, "text"), "not laid out"),
        (["a", "list"], "it is list, not an object"),
        (None, "it is NoneType"),
    ],
)
def test_what_cannot_be_used_is_a_row_with_its_number_and_reason(record, words, manifest, schema):
    import re

    assert re.search(words, _problem(record, manifest, schema))


def test_an_unknown_control_beside_a_good_one_is_told_and_loses_nothing(manifest, schema):
    annotation = _annotation(["crowded"])
    annotation["result"].append(_annotation(["x"], control="weather")["result"][0])

    label_import = read_label_export(
        [_record(manifest["image_id"][0], annotation)], manifest, schema
    )

    assert label_import.annotations["crowded"].tolist() == [True]
    assert (
        "the control 'weather' is unknown; wanted 'criteria'" in label_import.problems["problem"][0]
    )


def _good_and_bad(manifest, good, bad):
    ids = [*manifest["image_id"][:good], *(f"{'f' * 60}{at:04}" for at in range(bad))]
    return [_record(image_id, _annotation(["none"])) for image_id in ids]


@pytest.mark.parametrize(("good", "bad", "is_refused"), [(19, 1, False), (18, 2, True)])
def test_a_few_unusable_records_are_told_and_more_refuse_the_file(
    good, bad, is_refused, manifest, schema
):
    read = read_label_export(_good_and_bad(manifest, good, bad), manifest, schema)

    assert (len(read.annotations), len(read.problems), len(read.refused)) == (good, bad, bad)
    options = ImportOptions(max_problem_share=0.05)
    if not is_refused:
        check_problem_share(read, 20, schema, options)
        return
    words = f"2 of 20 records .* more than 5%.* the first is record 19: the image_id '{'f' * 60}"
    with pytest.raises(InputError, match=words):
        check_problem_share(read, 20, schema, options)


def test_the_file_of_another_project_quotes_its_first_problem(manifest, schema):
    records = [_record(manifest["image_id"][0], _annotation(["yes"], control="person"))]

    read = read_label_export(records, manifest, schema)

    with pytest.raises(InputError, match="the first is record 1: the control 'person' is unknown"):
        check_problem_share(read, 20, schema, ImportOptions())


def test_labels_of_images_that_dropped_out_since_are_no_sign_of_another_project(manifest, schema):
    records = _good_and_bad(manifest, 20, 0)
    records.append({"image": "http://x/photo%2019.jpg", "criteria": "crowded"})

    read = read_label_export(records, manifest.head(5), schema, dropped=manifest)

    assert read.annotations["image_id"].tolist() == manifest["image_id"][:5].tolist()
    assert read.refused == ()
    assert read.problems["record"].tolist() == list(range(6, 22))
    assert read.problems["problem"].str.contains("dropped out of the study").all()


def test_an_empty_export_and_tasks_without_an_answer_are_no_problem(manifest, schema):
    """As Label Studio 1.23 exports them with ``download_all_tasks``, and a table half filled in."""
    image_id = manifest["image_id"][0]
    min_row = {"image_id": image_id, "id": 5, "annotator": None, "annotation_id": None}
    csv_row = {"image_id": image_id, "annotation_id": "", "annotator": "", "criteria": "", "id": 5}
    table_row = {"file": "photo 3.jpg", "people": ""}

    for label_schema, records in (
        (schema, []),
        (schema, [min_row, csv_row]),
        (PEOPLE, [table_row]),
    ):
        read = read_label_export(records, manifest, label_schema)
        assert (len(read.annotations), len(read.problems), read.refused) == (0, 0, ())
        assert read.annotations.columns.tolist()[4:] == list(label_schema.criteria)


def test_an_annotation_without_its_control_is_a_problem(manifest, schema):
    row = {"image_id": manifest["image_id"][0], "id": 5, "annotation_id": 3, "weather": "sun"}

    assert "it has no answer" in _problem(row, manifest, schema)


def test_answers_of_one_annotator_that_contradict_each_other_are_told(tmp_path):
    manifest = pd.DataFrame({"image_id": ["a", "b"], "location": ["a.jpg", "b.jpg"]})
    records = [
        {"file": "a.jpg", "people": "people"},
        {"file": "b.jpg", "people": "people"},
        {"file": "a.jpg", "people": "none"},
        {"file": "b.jpg", "people": "people"},
    ]

    read = read_label_export(records, manifest, PEOPLE)

    assert len(read.annotations) == 4
    assert read.refused == ()
    assert read.problems["record"].tolist() == [3]
    assert "contradicts ['people'] in record 1" in read.problems["problem"][0]


def test_a_changed_mind_is_no_contradiction(manifest, schema):
    record = _record(
        manifest["image_id"][0],
        _annotation(["crowded"]),
        _annotation(["none"], created_at="2024-05-02T10:00:00Z"),
    )

    assert read_label_export([record], manifest, schema).problems.empty


@pytest.mark.parametrize(
    "file",
    [
        "photo 3.jpg",
        "/home/x/photos/photo 3.jpg",
        "C:\\photos\\photo 3.jpg",
        "http://elsewhere/a/photo%203.jpg?x=1",
        "/data/local-files/?d=folder/photo%203.jpg",
        "/data/upload/12/1a2b3c4d-photo%203.jpg",
        "scene 3",
        f"/data/local-files/?d=00/{3:064x}.jpg",
    ],
)
def test_an_image_is_found_by_every_name_it_goes_by(file, manifest):
    assert FileNames(manifest).find(file) == [manifest["image_id"][3]]


def test_a_name_of_two_images_is_refused(manifest, schema):
    twins = manifest.assign(title="twin.jpg")

    problem = _problem({"image": "twin.jpg", "criteria": "none"}, twins, schema)

    assert problem == "the file 'twin.jpg' is the name of 20 images in this image set"
