import json

import pandas as pd
import pytest

from cosmop.errors import InputError
from cosmop.labels.answers import check_there_are_answers, gather_answers


def _event(image_id, choices, annotator="ann", at="2026-01-05T09:00:00.000Z", **fields):
    return {
        "id": f"{annotator} {image_id[-4:]} {at}",
        "at": at,
        "annotator": annotator,
        "image_id": image_id,
        "task_id": 1,
        "event": "answer",
        "choices": choices,
        "suggestion": None,
        "lead_time_s": 2.0,
        "session": "s",
        "undoes": None,
    } | fields


def _write(folder, *events):
    folder.mkdir(exist_ok=True)
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "answers-ann.jsonl").write_text(lines, encoding="utf-8")


def _exported(image_id, choices, annotator="bob", at="2026-01-05T10:00:00.000Z", lead_time=1.0):
    value = {"from_name": "criteria", "type": "choices", "value": {"choices": choices}}
    annotation = {"completed_by": annotator, "created_at": at, "lead_time": lead_time}
    return {"data": {"image_id": image_id}, "annotations": [annotation | {"result": [value]}]}


def test_answers_of_export_and_log_stand_side_by_side(tmp_path, manifest, schema):
    ids = manifest["image_id"]
    _write(tmp_path, _event(ids[0], ["crowded"]), _event(ids[1], ["none"]))
    export = [_exported(ids[0], ["none"])]

    read = gather_answers(export, tmp_path, manifest, schema)

    rows = read.annotations[["image_id", "annotator", "crowded"]].to_numpy().tolist()
    assert rows == [[ids[0], "bob", False], [ids[0], "ann", True], [ids[1], "ann", False]]
    assert read.problems.empty


def test_an_answer_in_both_counts_once(tmp_path, manifest, schema):
    image_id, at = manifest["image_id"][0], "2026-01-05T09:00:00.000Z"
    _write(tmp_path, _event(image_id, ["crowded"], at=at))
    export = [_exported(image_id, ["crowded"], "ann", at, 2.0)]

    assert len(gather_answers(export, tmp_path, manifest, schema).annotations) == 1


def test_answers_in_the_log_about_other_images_are_told(tmp_path, manifest, schema):
    _write(tmp_path, _event("f" * 64, ["none"]), _event(manifest["image_id"][0], ["none"]))

    read = gather_answers([], tmp_path, manifest, schema)

    assert len(read.annotations) == 1
    assert read.problems["record"].tolist() == [0]
    assert f"'ann' about the image_id '{'f' * 64}'" in read.problems["problem"][0]


@pytest.mark.parametrize("records", [[], [{"annotations": [], "data": {"image_id": "0" * 64}}]])
def test_without_any_answer_one_sentence_says_how_to_label(tmp_path, manifest, schema, records):
    read = gather_answers(records, tmp_path / "absent", manifest, schema)

    with pytest.raises(InputError) as caught:
        check_there_are_answers(read, 20)

    sentence = str(caught.value)
    assert sentence.startswith("The label import wanted answers about 20 images, but found none")
    assert "kedro annotate" in sentence
    assert "Label Studio" in sentence
    assert "--from-nodes=import_labels" in sentence
    assert read.annotations.dtypes["crowded"].kind == "b"


def test_one_answer_is_enough(tmp_path, manifest, schema):
    _write(tmp_path, _event(manifest["image_id"][0], ["none"]))

    check_there_are_answers(gather_answers([], tmp_path, manifest, schema), 20)


def test_kinds_are_the_same_wherever_answers_come_from(tmp_path, manifest, schema):
    _write(tmp_path, _event(manifest["image_id"][0], ["none"]))
    from_log = gather_answers([], tmp_path, manifest, schema).annotations
    export = [_exported(manifest["image_id"][0], ["none"])]
    from_export = gather_answers(export, tmp_path / "no", manifest, schema).annotations

    assert from_log.dtypes.equals(from_export.dtypes)
    assert isinstance(from_log, pd.DataFrame)
