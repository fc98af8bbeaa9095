"""The data card: what someone must know before using the synthetic images."""

from collections.abc import Sequence
from dataclasses import dataclass

from cosmop.reports.acceptance import acceptance_remarks
from cosmop.reports.estimates import format_number
from cosmop.reports.facts import StudyFacts, split_count
from cosmop.reports.judges import judge_remarks, one_class_remarks
from cosmop.reports.measures import distance_remarks
from cosmop.reports.privacy import copy_share_sentence, copy_verdict
from cosmop.reports.remarks import training_remarks
from cosmop.reports.scales import format_tick
from cosmop.reports.sections import leak_checks
from cosmop.reports.training import best_kimg

_NO_LICENCE = (
    "Not settled. The training images belong to those who published them, under the terms of their "
    "pages; images made from them may carry these claims. Settle this before handing any on."
)


@dataclass(frozen=True)
class Entry:
    """One line of the card: its term, and one or more sentences."""

    term: str
    sentences: Sequence[str]


def data_card(facts: StudyFacts) -> list[Entry]:
    """Write the card from what the person said and from what the study measured."""
    card = facts.data_card
    return [
        Entry("What the images are", [str(card.get("images") or _images(facts))]),
        Entry("How they were made", [str(card.get("made_by") or _making(facts))]),
        Entry("Splits", _splits(facts)),
        Entry("Copies of training images", [_copies(facts)]),
        Entry("Leaks", [_leaks(facts)]),
        Entry("Licence", [str(card.get("licence") or _NO_LICENCE)]),
        Entry("Known failures", _failures(facts)),
    ]


def _images(facts: StudyFacts) -> str:
    synthetic = facts.stages.get("synthetic")
    count = "" if synthetic is None else f"{len(synthetic):,} "
    return (
        f"{count}synthetic images of the study's subject: no photograph, no evidence of an event."
    )


def _making(facts: StudyFacts) -> str:
    best = best_kimg(facts.curve)
    trained = "" if best is None else f", its best snapshot after {format_tick(best)} kimg"
    real = split_count(facts, "train", "positive")
    count = "" if real is None else f" on the {real:,} positive images of the training split"
    return f"By a StyleGAN2 trained{count}{trained}." if facts.curve.size else "Not recorded."


def _splits(facts: StudyFacts) -> list[str]:
    sizes = [
        f"{split} {format_number(positive)} + {format_number(negative)}"
        for split in ("train", "validation", "test")
        if (positive := split_count(facts, split, "positive")) is not None
        and (negative := split_count(facts, split, "negative")) is not None
    ]
    sentences = [f"Positive + negative: {'; '.join(sizes)}."] if sizes else ["Not recorded."]
    if facts.split_hash:
        sentences.append(f"SHA-256 of the manifest: {facts.split_hash}")
    return sentences + ([facts.test_split_note] if facts.test_split_note else [])


def _copies(facts: StudyFacts) -> str:
    verdict = copy_verdict(facts.memorisation)
    if verdict is None:
        return "Not examined: treat the images as possible copies."
    return f"{verdict.text} {copy_share_sentence(facts.memorisation)}".strip()


def _leaks(facts: StudyFacts) -> str:
    checks = leak_checks(facts)
    if not checks:
        return "Not examined."
    failed = [sentence for is_ok, sentence in checks if not is_ok]
    if failed:
        return f"{len(failed)} of {len(checks)} checks failed: {' '.join(failed)}"
    return f"None found by {len(checks)} checks."


def _failures(facts: StudyFacts) -> list[str]:
    said = [str(one) for one in facts.data_card.get("known_failures") or ()]
    measured = [
        remark.text
        for remarks in (
            training_remarks(facts),
            distance_remarks(facts),
            judge_remarks(facts),
            one_class_remarks(facts),
            acceptance_remarks(facts),
        )
        for remark in remarks
        if remark.kind == "warn"
    ]
    return said + measured or ["None was found by what was run; what was not run is said above."]
