"""The published figures of the original study, printed beside ours in every report.

The study published rounded shares. Where counts stand here that it did not print (the cells of the
confusion matrices), they are the whole numbers that reproduce *every* published rounded share on
its test set of 340 positive and 526 negative images; a test works that out again. Intervals are
Wilson's at 95 %, from those counts.
"""

from collections.abc import Mapping
from types import MappingProxyType

COLLECTED = 22_000
RELEVANT = 5_094
POSITIVE = 2_272
NEGATIVE = 2_822
TRAINING = (1_357, 2_100)  # positive, negative
TEST = (340, 526)  # positive, negative

PERSON_FILTER_ACCURACY = 0.90  # its number of test images was not published

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
