"""All answers that people have given: those of an export and those of the annotation log."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cosmop.errors import InputError
from cosmop.labels.annotation_log import annotations_from_log
from cosmop.labels.exports import LabelImport, problem_table, read_label_export
from cosmop.labels.schema import LabelSchema


def gather_answers(
    records: Sequence[Mapping[str, Any]],
    log_folder: Path,
    manifest: pd.DataFrame,
    schema: LabelSchema,
    dropped: pd.DataFrame | None = None,
) -> LabelImport:
    """Read an export and an annotation log into one table; either may be empty, or both.

    An answer that is in both counts once.

    Args:
        records: Of the export.
        log_folder: Of ``kedro annotate``; may be empty or missing.
        manifest: The images that people were asked about.
        schema: What was asked.
        dropped: Images that were in the study once, see `read_label_export`.

    Returns:
        Annotations of the export first, then of the log. Problems of the log are those of record 0;
        its refused answers are not among ``refused``, which is about the export alone.

    Raises:
        InputError: A line of the log is no event, or answers what the schema does not ask.
    """
    export = read_label_export(records, manifest, schema, dropped)
    log = annotations_from_log(log_folder, schema)
    is_known = log["image_id"].isin(manifest["image_id"])
    annotations = pd.concat([export.annotations, log[is_known]], ignore_index=True)
    told = [(0, _stray(*row)) for row in log.loc[~is_known, ["image_id", "annotator"]].to_numpy()]
    problems = pd.concat([export.problems, problem_table(told)], ignore_index=True)
    distinct = annotations.drop_duplicates(ignore_index=True)
    return LabelImport(distinct, problems, export.records, export.refused)


def _stray(image_id: str, annotator: str) -> str:
    return (
        f"the annotation log has an answer of {annotator!r} about the image_id {image_id!r}, which "
        "is not in this image set"
    )


def check_there_are_answers(read: LabelImport, images: int) -> None:
    """Say how to label when nobody has yet.

    Raises:
        InputError: There is not one usable answer.
    """
    if len(read.annotations):
        return
    raise InputError(
        f"The label import wanted answers about {images} images, but found none in the "
        f"{read.records} records of `label_export` and none in `annotation_log`; label the images "
        "with `kedro annotate`, or import `label_tasks` into Label Studio and put its export where "
        "the catalog says `label_export`, then go on with `kedro run --from-nodes=import_labels` "
        "(both with the same --env as this run)."
    )
