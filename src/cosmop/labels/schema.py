"""What is asked about each image, and which answers make it positive."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self
from xml.etree import ElementTree

from pydantic import Field, StringConstraints, model_validator

from cosmop.config import Options, Strings

Criterion = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Criteria = Annotated[tuple[Criterion, ...], Field(strict=False, min_length=1)]

ANNOTATION_COLUMNS = ("image_id", "annotator", "lead_time_s", "created_at")
_IMAGE_NAME = "image"  # in the labelling interface, and in its field of a task
_RESERVED = {*ANNOTATION_COLUMNS, "is_positive", "annotators", "agreement", "split", "group"}


class TableFormat(Options):
    """How a plain table holds labels: one row per image, one column whose values are answers."""

    label_column: str = Field(min_length=1, description="The column that holds the answer.")
    file_column: str = Field(
        default="file", min_length=1, description="The column that names the image file."
    )
    values: dict[str, Strings | None] = Field(
        min_length=1,
        description="What each answer means: the criteria that hold; an empty list for none of "
        "them; null for an answer to leave out, such as 'unsure'.",
    )
    annotator: str = Field(
        default="table", min_length=1, description="Who answered, since the table does not say."
    )


class LabelSchema(Options):
    """The question, the criteria a person can tick, and what makes an image positive."""

    criteria: Criteria = Field(
        description="Names of the criteria: lower-case letters, digits and underscores; each "
        "becomes a boolean column.",
    )
    positive_when: Literal["any", "all"] = Field(
        default="any",
        description="An image is positive when any, or all, of the criteria hold; the original "
        "study takes any of its four.",
    )
    none_choice: str = Field(
        default="none", min_length=1, description="The answer that none of the criteria holds."
    )
    question: str = Field(default="What does the image show?", min_length=1)
    control_name: str = Field(
        default="criteria",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Name of the choices in Label Studio, and their column in its exports.",
    )
    table: TableFormat | None = Field(
        default=None, description="Set it to read labels from a plain table as well."
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        repeated = {name for name in self.criteria if self.criteria.count(name) > 1}
        if repeated:
            raise ValueError(f"criteria must differ, got {sorted(repeated)} more than once")
        if taken := _RESERVED.intersection(self.criteria):
            raise ValueError(
                f"criteria must not be named {sorted(taken)}: tables have such columns"
            )
        if self.none_choice in self.criteria:
            raise ValueError(f"none_choice must not be a criterion, got {self.none_choice!r}")
        meant = [
            name
            for names in (self.table.values if self.table else {}).values()
            for name in names or ()
        ]
        if unknown := set(meant) - set(self.criteria):
            raise ValueError(
                f"table.values must name criteria of {list(self.criteria)}, got {sorted(unknown)}"
            )
        return self

    @property
    def choices(self) -> tuple[str, ...]:
        """Every answer a person can give: the criteria, then "none"."""
        return (*self.criteria, self.none_choice)

    def why_no_answer(self, choices: Sequence[str]) -> str:
        """Return why `choices` are no answer, or nothing."""
        if not choices:
            return "the answer holds no choice"
        if unknown := [name for name in choices if name not in self.choices]:
            return f"the label {unknown[0]!r} is unknown; wanted one of {list(self.choices)}"
        if self.none_choice in choices and len(set(choices)) > 1:
            return f"{self.none_choice!r} contradicts {list(choices)}"
        return ""

    def label_studio_result(self, choices: Sequence[str]) -> dict[str, Any]:
        """Return `choices` as Label Studio holds them in annotations and predictions."""
        return {
            "from_name": self.control_name,
            "to_name": _IMAGE_NAME,
            "type": "choices",
            "value": {"choices": list(choices)},
        }


def label_config_xml(schema: LabelSchema) -> str:
    """Write the labelling interface as Label Studio's XML: hotkeys 1, 2, … and 0 for none."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value=schema.question)
    ElementTree.SubElement(view, "Image", name=_IMAGE_NAME, value="$image", zoom="true")
    choices = ElementTree.SubElement(
        view,
        "Choices",
        name=schema.control_name,
        toName=_IMAGE_NAME,
        choice="multiple",
        required="true",
        showInline="true",
    )
    for number, name in enumerate(schema.criteria, start=1):
        choice = ElementTree.SubElement(choices, "Choice", value=name)
        if number <= 9:
            choice.set("hotkey", str(number))
    ElementTree.SubElement(choices, "Choice", value=schema.none_choice, hotkey="0")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode")
