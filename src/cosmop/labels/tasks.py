"""Label tasks: which images a person is asked about, and in which order."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from cosmop.config import Options
from cosmop.labels.schema import LabelSchema, label_config_xml

_Integers = np.ndarray[Any, np.dtype[np.int64]]


class TaskOptions(Options):
    """Order of the tasks and where the annotation tool finds the images."""

    order: Literal["uncertainty", "random", "manifest"] = Field(
        default="uncertainty",
        description="uncertainty: images whose score is nearest to 0.5 come first (random where "
        "there are no scores).",
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
) -> dict[str, Any]:
    """Make Label Studio tasks, one per image, in the order in which a person should see them.

    Args:
        manifest: ``image_id``, ``path``, and where known ``source`` and ``title``.
        schema: What is asked.
        options: See the class.
        scores: ``image_id`` and ``person_score`` (0 to 1) for the order; an image without one
            counts as 0.5. Columns named like all criteria (probabilities, 0 to 1) become
            suggestions, apart from anybody's answer.

    Returns:
        ``label_config`` (XML) and ``tasks``, ready for JSON.
    """
    rows = manifest.reset_index(drop=True)
    if scores is not None:
        known = [name for name in ("person_score", *schema.criteria) if name in scores.columns]
        base = rows[[name for name in rows.columns if name not in known]]
        rows = base.merge(scores[["image_id", *known]], on="image_id", how="left")
    place, picked_by = _order(rows, options)
    rows = rows.iloc[place].assign(picked_by=picked_by)
    has_suggestions = scores is not None and set(schema.criteria) <= set(scores.columns)
    tasks = []
    for number, row in enumerate(rows.to_dict("records"), start=1):
        task: dict[str, Any] = {"id": number, "data": _data(row, options)}
        if has_suggestions and not any(pd.isna(row[name]) for name in schema.criteria):
            task["predictions"] = [_prediction(row, schema, options)]
        tasks.append(task)
    return {"label_config": label_config_xml(schema), "tasks": tasks}


def _order(rows: pd.DataFrame, options: TaskOptions) -> tuple[_Integers, list[str]]:
    """Return the places of the rows in task order, and how each was picked."""
    count = len(rows)
    if options.order == "manifest":
        return np.arange(count), ["manifest"] * count
    # Shuffled by id, not by row: the same images have the same order in any manifest.
    by_id = np.argsort(rows["image_id"].to_numpy(dtype=object))
    shuffled = by_id[np.random.default_rng(options.seed).permutation(count)]
    if options.order == "random" or "person_score" not in rows:
        return shuffled, ["random"] * count
    distance = (rows["person_score"].fillna(0.5) - 0.5).abs().to_numpy()
    audit = shuffled[: round(options.audit_share * count)]
    uncertain = shuffled[len(audit) :]
    uncertain = uncertain[np.argsort(distance[uncertain], kind="stable")]
    place = np.empty(count, dtype=np.int64)
    is_audit = np.zeros(count, dtype=bool)
    is_audit[np.floor((np.arange(len(audit)) + 0.5) * count / max(1, len(audit))).astype(int)] = (
        True
    )
    place[is_audit], place[~is_audit] = audit, uncertain
    return place, ["random" if audited else "uncertainty" for audited in is_audit]


def _data(row: dict[Any, Any], options: TaskOptions) -> dict[str, str]:
    image_id, path = str(row["image_id"]), str(row["path"])
    return {
        "image": options.image_url.replace("{path}", path).replace("{image_id}", image_id),
        "image_id": image_id,
        "source": _text(row.get("source")),
        "title": _text(row.get("title")),
        "picked_by": str(row["picked_by"]),
    }


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _prediction(row: dict[Any, Any], schema: LabelSchema, options: TaskOptions) -> dict[str, Any]:
    probabilities = {name: float(row[name]) for name in schema.criteria}
    choices = [name for name, value in probabilities.items() if value >= 0.5]
    return {
        "model_version": options.model_version,
        "score": min(max(value, 1 - value) for value in probabilities.values()),
        "result": [
            {
                "from_name": schema.control_name,
                "to_name": "image",
                "type": "choices",
                "value": {"choices": choices or [schema.none_choice]},
            }
        ],
    }
