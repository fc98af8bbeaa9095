"""Which images go on: duplicates out, chosen flags out, and a person's decisions above both."""

from collections.abc import Collection
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from cosmop.config import Options
from cosmop.errors import InputError

RemovingFlag = Literal["unreadable", "too_small", "too_long", "blurred", "dark", "light", "uniform"]
DECISIONS = ("keep", "drop")
_COLUMNS = ["image_id", "decision", "note"]


class CurationOptions(Options):
    """What removes an image by itself."""

    remove: Annotated[tuple[RemovingFlag, ...], Field(strict=False)] = Field(
        default=("unreadable",),
        description="Flags that remove an image. By default only those of no use to any later "
        "step: a dark photograph of a scarce subject is worth more than a tidy set, and a person "
        "can drop it. Copies of pixels leave with their duplicates anyway; mirrored ones stay, "
        "since splits keep them together and a generator mirrors images itself.",
    )


def choose_images(
    duplicate_groups: pd.DataFrame,
    flags: pd.DataFrame,
    decisions: pd.DataFrame,
    options: CurationOptions,
) -> pd.DataFrame:
    """Decide for each image whether it goes on, and say why.

    A person's decision counts more than a removing flag, and that more than the group of
    duplicates. If the kept image of a group is dropped, the picture is gone, unless a copy is kept
    by decision.

    Args:
        duplicate_groups: ``image_id``, ``kept_image_id``, ``is_kept``, ``reason``, a row per image.
        flags: From `cosmop.imaging.flags.flag_images`, for the same images.
        decisions: A person's: ``image_id``, ``decision`` (``keep`` or ``drop``), ``note``; its
            index holds the lines of the file, for errors. Without any columns: no decisions.
        options: See the class.

    Returns:
        One row per image, in the order of the groups: ``image_id``, ``is_kept``, ``decided_by``
        (``duplicates``, ``flags`` or ``person``) and ``reason``.

    Raises:
        InputError: A decision is unknown, contradicts another one, or is about no known image.
    """
    groups = duplicate_groups.set_index("image_id")
    decided = _check_decisions(decisions, groups.index)
    choices = pd.DataFrame(
        {"is_kept": groups["is_kept"], "decided_by": "duplicates", "reason": groups["reason"]}
    )
    removed = _flagged(flags, options)
    choices = _overrule(choices, removed.assign(is_kept=False, decided_by="flags"))
    choices = _overrule(choices, decided.assign(decided_by="person"))
    return choices.reset_index(names="image_id")


def _flagged(flags: pd.DataFrame, options: CurationOptions) -> pd.DataFrame:
    is_removed = flags[[f"is_{name}" for name in options.remove]].any(axis=1)
    return (
        flags.loc[is_removed, ["image_id", "reasons"]]
        .set_index("image_id")
        .set_axis(["reason"], axis=1)
    )


def _overrule(choices: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    kept = choices.drop(index=others.index)
    return pd.concat([kept, others[kept.columns]]).reindex(choices.index)


def _check_decisions(decisions: pd.DataFrame, known: Collection[str]) -> pd.DataFrame:
    """Return ``is_kept`` and ``reason`` by image id."""
    if decisions.columns.empty:
        decisions = pd.DataFrame(columns=_COLUMNS, dtype="str")
    if sorted(decisions.columns) != sorted(_COLUMNS):
        raise InputError(
            f"curation_decisions must have the columns {_COLUMNS}, got {list(decisions.columns)}; "
            "correct its first line."
        )
    ids, wishes = decisions["image_id"], decisions["decision"]
    _refuse(decisions, ~wishes.isin(DECISIONS), "decision", "keep or drop")
    _refuse(decisions, ~ids.isin(known), "image_id", "the id of a collected image")
    _refuse(decisions, ids.duplicated(), "image_id", "each image once")
    return pd.DataFrame(
        {
            "is_kept": (wishes == "keep").to_numpy(),
            "reason": ("a person says " + wishes + ": " + decisions["note"]).to_numpy(),
        },
        index=pd.Index(ids, name="image_id"),
    )


def _refuse(decisions: pd.DataFrame, is_wrong: "pd.Series[bool]", column: str, want: str) -> None:
    if is_wrong.any():
        line = is_wrong.idxmax()
        raise InputError(
            f"curation_decisions must give in {column!r} {want}, got "
            f"{decisions.at[line, column]!r} in line {line}; correct or delete that line."
        )
