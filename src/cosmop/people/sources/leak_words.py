"""What the leak test has found: whether it is a leak, and one sentence for people."""

from collections.abc import Mapping
from typing import Any

from cosmop.metrics.intervals import Interval

Answers = Mapping[str, Any]

_MATTERS = 0.05  # above chance; in two of a hundred cases without a leak the interval misses 0.5


def is_leak(answers: Answers) -> bool:
    """Tell whether the form of the files betrays which images show people, and the source, too.

    The bytes of a file depend on what it shows. So where both sources have images without people,
    metadata must also tell the sources of these apart, in which nobody is to be seen.

    Args:
        answers: Of `cosmop.people.source_leak.measure_source_leak`.
    """
    asked, control = answers["is_person"], answers["source_without_people"]
    return _is_told(asked, "metadata") and (control is None or _is_told(control, "metadata"))


def leak_sentence(answers: Answers) -> str:
    """Say whether the files tell images with people from those without.

    Args:
        answers: Of `cosmop.people.source_leak.measure_source_leak`.
    """
    if answers["is_person"] is None:
        return "No source leak could be looked for: that takes photographs of both classes."
    if is_leak(answers):
        return f"{_told(answers)}: {_WAY_OUT}{_among_others(answers)}."
    if _is_told(answers["is_person"], "metadata"):
        return f"{_told(answers)}, {_told_by_bytes(answers)}{_among_others(answers)}."
    return f"{_not_told(answers)}{_among_others(answers)}."


_WAY_OUT = (
    "part of the filter's accuracy may be the source (person_filter.sources.reencoding with an "
    "aspect makes all files alike)"
)


def _told(answers: Answers) -> str:
    asked = answers["is_person"]
    return (
        f"Size and encoding alone tell images with people from those without in "
        f"{_share(asked['metadata'])} of cases, by chance it were {asked['chance']:.2f}"
    )


def _told_by_bytes(answers: Answers) -> str:
    control = answers["source_without_people"]["metadata"]
    return (
        f"but not from which source an image without people is ({_share(control)}): the bytes of a "
        "file depend on what it shows, too"
    )


def _not_told(answers: Answers) -> str:
    asked = answers["is_person"]
    thumbnails = (
        f"8×8 pixels do in {_share(asked['thumbnails'])}, which may be the subject as well as the "
        "source"
        if _is_told(asked, "thumbnails")
        else f"neither do 8×8 pixels ({_share(asked['thumbnails'])})"
    )
    return (
        "Size and encoding do not tell images with people from those without "
        f"({_share(asked['metadata'])}, by chance {asked['chance']:.2f}); {thumbnails}"
    )


def _among_others(answers: Answers) -> str:
    control = answers["source_without_people"]
    if not _is_told(control, "both"):
        return ""
    return (
        "; size, encoding and 8×8 pixels tell the source of images without people in "
        f"{_share(control['both'])}"
    )


def _is_told(asked: Mapping[str, Any] | None, view: str) -> bool:
    """Tell whether a question is surely answered better than by chance, by more than 0.05."""
    return asked is not None and bool(asked[view]["low"] > asked["chance"] + _MATTERS)


def _share(share: Interval) -> str:
    return f"{share['value']:.2f} [{share['low']:.2f}, {share['high']:.2f}]"
