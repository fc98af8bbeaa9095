"""The demo's annotator: answers label tasks from the truth, with a human's share of slips."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from cosmop.config import Options
from cosmop.demo.palette import pick
from cosmop.demo.truth import CRITERIA

NO_CRITERION = "none"
_MORNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class AnnotatorOptions(Options):
    """How the simulated annotator works."""

    error_rate: float = Field(default=0.02, ge=0, le=1, description="Share of wrong answers.")
    seed: int = Field(default=0, ge=0)


def answer_tasks(
    tasks: Sequence[Mapping[str, Any]], truth: pd.DataFrame, options: AnnotatorOptions
) -> list[dict[str, Any]]:
    """Answer Label Studio tasks as its JSON export would hold the answers.

    Args:
        tasks: ``{"id", "data": {"image_id": SHA-256 of the file, …}}`` each.
        truth: Table of `cosmop.demo.gallery.draw_gallery`.
        options: Error rate and seed; the same seed makes the same slips, in any order of tasks.

    Returns:
        The tasks in order, each with one annotation. Its choices are the criteria that hold, or
        ``"none"``; an image that is not in `truth` is skipped (``was_cancelled``).
    """
    known = truth.drop_duplicates("image_sha256").set_index("image_sha256")
    holds = {
        str(image_id): tuple(name for name, is_true in zip(CRITERIA, row, strict=True) if is_true)
        for image_id, row in zip(known.index, known[list(CRITERIA)].to_numpy(), strict=True)
    }
    now, answers = _MORNING, []
    for task in tasks:
        image_id = str(task["data"].get("image_id", ""))
        rng = _chance_of(options.seed, image_id)
        seconds = round(float(rng.lognormal(1.1, 0.5)), 1)
        now += timedelta(seconds=seconds)
        slips = rng.random() < options.error_rate
        wrong = pick(rng, CRITERIA)
        criteria = holds.get(image_id)
        if criteria is not None and slips:
            criteria = _toggled(criteria, wrong)
        annotation = _annotation(criteria, seconds, now)
        answers.append({"id": task["id"], "data": dict(task["data"]), "annotations": [annotation]})
    return answers


def _chance_of(seed: int, image_id: str) -> np.random.Generator:
    """Return the chance of one image: the same slip in whatever order it is asked about."""
    digest = hashlib.sha256(f"{seed} {image_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _toggled(criteria: tuple[str, ...], wrong: str) -> tuple[str, ...]:
    """Overlook what is there, or see what is not."""
    seen = set(criteria) ^ {wrong}
    return tuple(name for name in CRITERIA if name in seen)


def _annotation(criteria: tuple[str, ...] | None, seconds: float, now: datetime) -> dict[str, Any]:
    result = {
        "from_name": "criteria",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": list(criteria or (NO_CRITERION,))},
    }
    return {
        "completed_by": 1,
        "was_cancelled": criteria is None,
        "lead_time": seconds,
        "created_at": now.isoformat(),
        "result": [] if criteria is None else [result],
    }
