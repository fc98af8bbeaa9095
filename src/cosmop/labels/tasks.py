"""Label tasks: which images a person is asked about, and in which order."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from cosmop.config import Options
from cosmop.labels.schema import LabelSchema, label_config_xml

_Integers = NDArray[np.int64]
_Floats = NDArray[np.float64]
_Truths = NDArray[np.bool_]


class TaskOptions(Options):
    """Order of the tasks and where the annotation tool finds the images."""

    order: Literal["uncertainty", "random", "manifest"] = Field(
        default="uncertainty",
        description="uncertainty: images of which the suggestions are least sure come first; where "
        "there are none, those whose person score is nearest to 0.5, else in random order.",
    )
    answered: Literal["last", "left_out"] = Field(
        default="last", description="What becomes of images that somebody has labelled already."
    )
    audit_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of tasks picked at random among the uncertain ones, evenly spread, so "
        "that the labels so far always hold a fair sample.",
    )
    seed: int = Field(default=0, ge=0)
    image_url: str = Field(
        default="/data/local-files/?d={path}",
        pattern=r"\{(path|image_id)\}",
        description="Where the tool finds an image; {path} and {image_id} are filled in.",
    )
    model_version: str = Field(
        default="suggestions", description="Name of the suggestions' source."
    )


def make_label_tasks(
    manifest: pd.DataFrame,
    schema: LabelSchema,
    options: TaskOptions,
    scores: pd.DataFrame | None = None,
    suggestions: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Make Label Studio tasks, one per image, in the order in which a person should see them.

    Args:
        manifest: ``image_id``, ``path``, and where known ``source`` and ``title``.
        schema: What is asked.
        options: See the class.
        scores: ``image_id`` and ``person_score`` (0 to 1), for the order.
        suggestions: ``image_id``, ``is_labelled`` and one column per criterion (probability, NaN
            where nothing is suggested); for the order, and shown apart from anybody's answer.

    Returns:
        ``label_config`` (XML) and ``tasks``, ready for JSON. A task's ``data.picked_by`` says why
        it has its place, ``data.is_labelled`` whether somebody has answered it.
    """
    rows = _with_columns(manifest, scores, ["person_score"])
    rows = _with_columns(rows, suggestions, ["is_labelled", *schema.criteria])
    rows["is_labelled"] = rows["is_labelled"].eq(True)
    is_open = ~rows["is_labelled"]
    parts = [_ordered(rows[is_open], schema, options)]
    if options.answered == "last":
        parts.append(_ordered(rows[~is_open], schema, options))
    tasks = [
        _task(number, row, schema, options)
        for number, row in enumerate(pd.concat(parts).to_dict("records"), start=1)
    ]
    return {"label_config": label_config_xml(schema), "tasks": tasks}


def _with_columns(
    rows: pd.DataFrame, table: pd.DataFrame | None, columns: list[str]
) -> pd.DataFrame:
    """Add columns of a table by ``image_id``; NaN for what it does not know."""
    base = rows.drop(columns=[name for name in columns if name in rows.columns])
    if table is None:
        return base.assign(**dict.fromkeys(columns, np.nan)).reset_index(drop=True)
    return base.merge(table[["image_id", *columns]], on="image_id", how="left")


def _ordered(rows: pd.DataFrame, schema: LabelSchema, options: TaskOptions) -> pd.DataFrame:
    """Return `rows` in task order, with the column ``picked_by``."""
    rows = rows.reset_index(drop=True)
    if options.order == "manifest":
        return rows.assign(picked_by="manifest")
    count = len(rows)
    # Shuffled by id, not by row: the same images have the same order in any manifest.
    by_id = np.argsort(rows["image_id"].to_numpy(dtype=object))
    shuffled = by_id[np.random.default_rng(options.seed).permutation(count)]
    distance = _distance(rows, schema)
    if options.order == "random" or distance.isna().all():
        return rows.iloc[shuffled].assign(picked_by="random")
    unsure = np.asarray(distance.fillna(0), dtype=np.float64)
    place, is_audit = _mixed_order(shuffled, unsure, options.audit_share)
    return rows.iloc[place].assign(picked_by=np.where(is_audit, "random", "uncertainty"))


def _distance(rows: pd.DataFrame, schema: LabelSchema) -> "pd.Series[float]":
    """Return how far the least sure estimate about each image is from 0.5; NaN where all are NaN.

    Over the criteria this is what Brinker takes (2006, On Active Learning in Multi-label
    Classification).
    """
    criteria = list(schema.criteria)
    estimates = rows[criteria if rows[criteria].notna().any(axis=None) else ["person_score"]]
    return (estimates.astype(float) - 0.5).abs().min(axis=1)


def _mixed_order(
    shuffled: _Integers, distance: _Floats, audit_share: float
) -> tuple[_Integers, _Truths]:
    """Put the least sure rows first, and some at random evenly among them; say which those are."""
    count = len(shuffled)
    audit = shuffled[: round(audit_share * count)]
    uncertain = shuffled[len(audit) :]
    uncertain = uncertain[np.argsort(distance[uncertain], kind="stable")]
    is_audit = np.zeros(count, dtype=bool)
    is_audit[np.floor((np.arange(len(audit)) + 0.5) * count / max(1, len(audit))).astype(int)] = (
        True
    )
    place = np.empty(count, dtype=np.int64)
    place[is_audit], place[~is_audit] = audit, uncertain
    return place, is_audit


def _task(
    number: int, row: dict[Any, Any], schema: LabelSchema, options: TaskOptions
) -> dict[str, Any]:
    task: dict[str, Any] = {"id": number, "data": _data(row, options)}
    suggested = {name: float(row[name]) for name in schema.criteria if not pd.isna(row[name])}
    prediction = _prediction(suggested, schema, options)
    return task | ({"predictions": [prediction]} if prediction else {})


def _data(row: dict[Any, Any], options: TaskOptions) -> dict[str, str | bool]:
    image_id, path = str(row["image_id"]), str(row["path"])
    return {
        "image": options.image_url.replace("{path}", path).replace("{image_id}", image_id),
        "image_id": image_id,
        "source": _text(row.get("source")),
        "title": _text(row.get("title")),
        "picked_by": str(row["picked_by"]),
        "is_labelled": bool(row["is_labelled"]),
    }


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _prediction(
    suggested: dict[str, float], schema: LabelSchema, options: TaskOptions
) -> dict[str, Any] | None:
    """Return a suggestion as Label Studio's prediction, None where there is nothing to suggest.

    That none of the criteria holds is suggested only where something is known about each.
    """
    choices = [name for name, value in suggested.items() if value >= 0.5]
    if not choices and len(suggested) < len(schema.criteria):
        return None
    return {
        "model_version": options.model_version,
        "score": min(max(value, 1 - value) for value in suggested.values()),
        "result": [schema.label_studio_result(choices or [schema.none_choice])],
    }
