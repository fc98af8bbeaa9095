"""One answer of one person about one image, and the table that holds many."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from cosmop.labels.schema import ANNOTATION_COLUMNS, LabelSchema


@dataclass(frozen=True)
class Answer:
    """What one annotator answered.

    Attributes:
        choices: Of the schema.
        annotator: Who.
        lead_time_s: Seconds that it took, NaN where unknown.
        created_at: When, as text.
    """

    choices: tuple[str, ...]
    annotator: str
    lead_time_s: float
    created_at: str


def answer_table(answers: Iterable[tuple[str, Answer]], schema: LabelSchema) -> pd.DataFrame:
    """Return one row per answer: `ANNOTATION_COLUMNS`, and one boolean column per criterion.

    Args:
        answers: The id of the image, and what was answered about it.
        schema: What was asked.
    """
    rows = [
        {
            "image_id": image_id,
            "annotator": answer.annotator,
            "lead_time_s": answer.lead_time_s,
            "created_at": answer.created_at,
            **{name: name in answer.choices for name in schema.criteria},
        }
        for image_id, answer in answers
    ]
    kinds = dict.fromkeys(ANNOTATION_COLUMNS, "str") | dict.fromkeys(schema.criteria, "bool")
    table = pd.DataFrame(rows, columns=list(kinds))
    return table.astype(kinds | {"lead_time_s": "float64"})
