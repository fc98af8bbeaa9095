"""Cards in the usual form of Hugging Face: YAML for machines, then sections for people.

Front matter after https://huggingface.co/docs/hub/datasets-cards and model-cards; the order of the
sections is that of the templates in ``huggingface_hub``. The words are our own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")
_KNOWN_LICENCES = {
    "cc0-1.0": r"cc0( 1\.0)?( universal)?|public domain( dedication)?",
    "cc-by-4.0": r"cc by 4\.0",
    "cc-by-3.0": r"cc by 3\.0",
    "cc-by-2.0": r"cc by 2\.0",
    "cc-by-sa-4.0": r"cc by sa 4\.0",
    "cc-by-sa-3.0": r"cc by sa 3\.0",
    "cc-by-nc-4.0": r"cc by nc 4\.0",
    "cc-by-nc-sa-4.0": r"cc by nc sa 4\.0",
    "cc-by-nc-nd-4.0": r"cc by nc nd 4\.0",
    "cc-by-nd-4.0": r"cc by nd 4\.0",
    "mit": r"mit( licence)?",
    "apache-2.0": r"apache 2\.0",
}  # identifier on the Hub: how pages write it, in lower case and without hyphens


@dataclass(frozen=True)
class Card:
    """A card.

    Attributes:
        front: Keys for machines.
        title: Heading.
        summary: A paragraph of plain text.
        sections: Headings (with their level as ``#``) and Markdown.
    """

    front: Mapping[str, Any]
    title: str
    summary: str
    sections: Sequence[tuple[str, str]]

    def markdown(self) -> str:
        """Write the card."""
        head = yaml.safe_dump(dict(self.front), sort_keys=False, allow_unicode=True, width=1000)
        body = "".join(f"{heading}\n\n{text}\n\n" for heading, text in self.sections if text)
        return (
            f"---\n{head}---\n\n# {plain(self.title)}\n\n{plain(self.summary)}\n\n{body}".rstrip()
            + "\n"
        )


def plain(text: object) -> str:
    """Write any text so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def bullets(sentences: Iterable[object]) -> str:
    """Write a list; an empty text for none."""
    return "\n".join(f"- {plain(sentence)}" for sentence in sentences)


def plain_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table of any texts, each as it is; an empty text without rows."""
    lines = [f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows]
    head = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return "\n".join([*head, *lines]) if lines else ""


def licence_id(words: str) -> str | None:
    """Return the Hub's identifier of a licence as pages name it, None for any other words."""
    said = re.sub(r"[\s\-]+", " ", words.strip().rstrip(".").lower())
    return next((key for key, form in _KNOWN_LICENCES.items() if re.fullmatch(form, said)), None)


def licence_front(licences: Iterable[str]) -> dict[str, Any]:
    """Return the keys of the licences: those that the Hub knows, or ``other`` with a reason.

    One image whose terms are unknown or forbid reuse makes the whole ``other``: a reader who
    filters by licence must not be told that it is free.
    """
    words = sorted(set(licences))
    known = [licence_id(one) for one in words]
    if words and all(known):
        names = sorted({one for one in known if one})
        return {"license": names[0] if len(names) == 1 else names}
    reason = "not-settled" if len(words) < 2 else "each-image-its-own"
    return {"license": "other", "license_name": reason}


def size_category(count: int) -> str:
    """Return the Hub's size category of a number of images."""
    ends = ((1_000, "1K"), (10_000, "10K"), (100_000, "100K"), (1_000_000, "1M"), (10**7, "10M"))
    if count < ends[0][0]:
        return "n<1K"
    below = [name for end, name in ends if count >= end]
    above = [name for end, name in ends if count < end]
    return f"{below[-1]}<n<{above[0]}" if above else "n>10M"
