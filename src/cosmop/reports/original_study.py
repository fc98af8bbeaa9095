"""The published figures of the original study, printed beside ours in every report.

The study published rounded shares. Where counts stand here that it did not print (the cells of the
confusion matrices), they are whole numbers that reproduce *every* published rounded share on its
test set of 340 positive and 526 negative images. They are not the only ones: `implied_confusion`
finds them all, `range_over` what they agree on, and `one_class_verdict` says it in words.
Intervals are Wilson's at 95 %, from the counts that stand here.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from cosmop.errors import InputError

COLLECTED = 22_000
RELEVANT = 5_094
POSITIVE = 2_272
NEGATIVE = 2_822
TRAINING = (1_357, 2_100)  # positive, negative
TEST = (340, 526)  # positive, negative

PERSON_FILTER_ACCURACY = 0.90  # its number of test images was not published

PUBLISHED: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "image_classifier": {"precision": 0.79, "recall": 0.71, "accuracy": 0.81},
        "one_class_svm": {"precision": 0.33, "recall": 0.75, "accuracy": 0.31},
    }
)
"""The shares as printed, two decimals."""

CLASSIFIERS: Mapping[str, Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "image_classifier": {
            "accuracy": {"value": 0.8118, "low": 0.7844, "high": 0.8364, "n": 866},
            "precision": {"value": 0.7902, "low": 0.7410, "high": 0.8321, "n": 305},
            "recall": {"value": 0.7088, "low": 0.6584, "high": 0.7546, "n": 340},
            "confusion": {"tp": 241, "fp": 64, "fn": 99, "tn": 462},
        },
        "one_class_svm": {
            "accuracy": {"value": 0.3095, "low": 0.2796, "high": 0.3410, "n": 866},
            "precision": {"value": 0.3320, "low": 0.2996, "high": 0.3661, "n": 768},
            "recall": {"value": 0.7500, "low": 0.7014, "high": 0.7931, "n": 340},
            "confusion": {"tp": 255, "fp": 513, "fn": 85, "tn": 13},
        },
    }
)
"""The fine-tuned ResNet50, and ResNet50 7×7×2048 → scaler → PCA 1024 → one-class SVM."""

FID_CURVE = ((0.0, 207.25), (10_000.0, 46.06), (15_000.0, 127.72))
"""``(kimg, FID)``: best after 10,000 thousand images, then collapse."""

ACCEPTED = MappingProxyType({"value": 0.7052, "low": 0.6861, "high": 0.7236, "n": 2_276})
"""Share of synthetic images the fine-tuned classifier accepted: 1605 of 2276."""


def implied_confusion(
    published: Mapping[str, float], *, test: tuple[int, int] = TEST, decimals: int = 2
) -> list[dict[str, int]]:
    """Return every confusion matrix whose rounded shares are the published ones.

    Args:
        published: precision, recall and accuracy, rounded to `decimals`.
        test: Number of positive and of negative test images.
        decimals: Of the published shares.

    Returns:
        tp, fp, fn and tn of each, by rising tp, then tn.

    Raises:
        InputError: No whole numbers give these shares.
    """
    positives, negatives = test
    wanted = {name: round(share, decimals) for name, share in published.items()}
    tables = [
        {"tp": tp, "fp": negatives - tn, "fn": positives - tp, "tn": tn}
        for tp in range(positives + 1)
        if round(tp / positives, decimals) == wanted["recall"]
        for tn in range(negatives + 1)
    ]
    implied = [table for table in tables if _agrees(table, wanted, decimals)]
    if not implied:
        raise InputError(
            f"No confusion matrix of {positives} positives and {negatives} negatives has "
            f"{dict(published)}; check the published shares."
        )
    return implied


def _agrees(table: Mapping[str, int], wanted: Mapping[str, float], decimals: int) -> bool:
    shares = confusion_shares(table)
    return all(round(shares[name], decimals) == share for name, share in wanted.items())


def confusion_shares(table: Mapping[str, int]) -> dict[str, float]:
    """Return the shares of the counts tp, fp, fn and tn, and the accuracy of always saying no.

    Keys: precision (0 if nothing was accepted), recall, specificity, accuracy, balanced_accuracy,
    prevalence, always_no.
    """
    tp, fp, fn, tn = (table[cell] for cell in ("tp", "fp", "fn", "tn"))
    n, recall, specificity = tp + fp + fn + tn, tp / (tp + fn), tn / (tn + fp)
    return {
        "precision": tp / max(1, tp + fp),
        "recall": recall,
        "specificity": specificity,
        "accuracy": (tp + tn) / n,
        "balanced_accuracy": (recall + specificity) / 2,
        "prevalence": (tp + fn) / n,
        "always_no": (fp + tn) / n,
    }


def nearest_confusion(
    precision: float, recall: float, *, test: tuple[int, int] = TEST
) -> dict[str, int]:
    """Return the whole numbers nearest to a recall and a precision taken as exact."""
    positives, negatives = test
    tp = round(recall * positives)
    fp = round(tp / precision - tp)
    return {"tp": tp, "fp": fp, "fn": positives - tp, "tn": negatives - fp}


def range_over(tables: Sequence[Mapping[str, int]], share: str) -> tuple[float, float]:
    """Return the lowest and highest value of one of `confusion_shares` over `tables`."""
    values = [confusion_shares(table)[share] for table in tables]
    return min(values), max(values)


def one_class_verdict() -> str:
    """Say what the published figures of the one-class SVM imply, whatever its counts were."""
    published = PUBLISHED["one_class_svm"]
    tables = implied_confusion(published)
    nearest = nearest_confusion(published["precision"], published["recall"])
    right = [table["tn"] for table in tables]
    balanced = range_over(tables, "balanced_accuracy")
    accuracy, shares = range_over(tables, "accuracy"), confusion_shares(tables[0])
    return (
        f"The study's one-class SVM, by its published recall and precision: TP {nearest['tp']}, FP "
        f"{nearest['fp']}, TN {nearest['tn']}, FN {nearest['fn']}, which is an accuracy of "
        f"{confusion_shares(nearest)['accuracy']:.3f}. With the published accuracy and all three "
        f"as rounded, {len(tables)} matrices fit, in which it recognised {min(right)} to "
        f"{max(right)} of {TEST[1]} negative images: accuracy at most {accuracy[1]:.3f} where "
        f"always saying no has {shares['always_no']:.3f}, balanced accuracy {balanced[0]:.2f} to "
        f"{balanced[1]:.2f} where a coin has 0.50."
    )
