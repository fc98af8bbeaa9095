"""The augmentation study on drawn images of which it is known what helps."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cosmop.classifiers.arm_comparison import ArmResult, compare_arms
from cosmop.classifiers.arms import ArmRows, plan_arms, rows_of_arm, subset_of, training_data
from cosmop.classifiers.arms_options import StudyArmsOptions
from cosmop.classifiers.augmentation_study import (
    ArmSettings,
    StudyImages,
    StudyPart,
    fine_tuning_trainer,
    run_augmentation_study,
)
from cosmop.classifiers.image_classifier import ImageClassifierOptions, TrainingData
from cosmop.classifiers.study_conclusion import conclude
from cosmop.errors import InputError
from cosmop.metrics.paired import draw_two_way, majority

PROJECT = Path(__file__).parents[3]
BRIEF = StudyArmsOptions(ratios=(1,), fractions=(1,), seeds=3, resamples=200)
ONE_ARM = BRIEF.model_copy(update={"arms": ("real", "synthetic")})


def draw(chance, *, plain=0, upper=0, lower=0):
    """Noise, with a bright upper left or a bright lower right corner where it is the subject."""
    count = plain + upper + lower
    corners = np.full((count, 2, 2), 100.0) + chance.normal(0, 15, (count, 2, 2))
    corners[plain : plain + upper, 0, 0] += 45
    corners[plain + upper :, 1, 1] += 45
    pixels = corners.repeat(4, axis=1).repeat(4, axis=2)[..., None]
    noisy = pixels + chance.normal(0, 20, (count, 8, 8, 3))
    return noisy.clip(0, 255).astype(np.uint8), np.arange(count) >= plain


def part(chance, name, **counts):
    images, labels = draw(chance, **counts)
    return StudyPart(images, labels, np.array([f"{name} {i}" for i in range(len(images))]))


def study(chance, synthetic):
    """Real training images show the subject in the upper corner alone, the test in both."""
    return StudyImages(
        training=part(chance, "train", plain=80, upper=60),
        validation=part(chance, "validation", plain=10, upper=10),
        test=part(chance, "test", plain=200, upper=100, lower=100),
        synthetic=synthetic,
    )


def helpful(chance):
    """What the real training images lack."""
    return study(chance, draw(chance, upper=30, lower=90)[0])


class CornerRegression:
    """Logistic regression on the brightness of four corners; a seed decides which images it sees.

    It learns nothing else, so what it can gain from images is known.
    """

    description = {"name": "corner regression", "steps": 1}  # noqa: RUF012

    def __init__(self, most=10**6):
        self.calls = []
        self.most = most

    def __call__(self, training, validation, settings):
        self.calls.append((training, settings))
        if len(self.calls) > self.most:
            time.sleep(600)
        rows = np.random.default_rng(settings.seed).choice(len(training), len(training))
        fitted = LogisticRegression().fit(
            self.corners(training.images[rows]), training.labels[rows]
        )
        return lambda images: fitted.predict_proba(self.corners(images))[:, 1].astype(np.float32)

    @staticmethod
    def corners(images):
        return images.reshape(len(images), 2, 4, 2, 4, 3).mean(axis=(2, 4, 5)).reshape(-1, 4) / 20


def of(document, arm, against="real", fraction=1.0):
    (found,) = (
        each
        for each in document["comparisons"]
        if (each["arm"], each["against"], each["fraction"]) == (arm, against, fraction)
    )
    return found


def test_synthetic_images_that_show_what_is_missing_are_found_to_help(chance):
    options = BRIEF.model_copy(update={"seeds": 5})
    document = run_augmentation_study(helpful(chance), options, CornerRegression())
    gain, beyond = of(document, "synthetic_1"), of(document, "synthetic_1", "oversampled")

    assert gain["is_significant"]
    assert gain["gain"]["value"] > 0.05  # of the quarter that was nearly all missed before
    assert gain["fixed"] > 1.5 * gain["broken"]
    assert beyond["is_significant"]
    assert document["conclusion"].startswith("A gain is shown: “Real + 1 synthetic per positive”")
    assert "against repeated real images (placebo)" in document["conclusion"]


@pytest.mark.parametrize("kind", ["noise", "more of the same"])
def test_useless_synthetic_images_and_the_placebo_are_not(chance, kind):
    synthetic = {
        "noise": chance.integers(0, 200, (60, 8, 8, 3), dtype=np.uint8),
        "more of the same": draw(chance, upper=60)[0],
    }[kind]
    document = run_augmentation_study(study(chance, synthetic), BRIEF, CornerRegression())

    for arm in ("synthetic_1", "oversampled"):
        comparison = of(document, arm)
        assert not (comparison["is_significant"] and comparison["gain"]["value"] > 0), arm
    assert document["conclusion"].startswith("No gain")


def test_the_document_has_what_a_report_reads(chance):
    heard = []
    options = StudyArmsOptions(ratios=(0.5, 2), fractions=(0.5, 1), seeds=2, resamples=100)
    trainer = CornerRegression()
    document = run_augmentation_study(helpful(chance), options, trainer, on_arm=heard.append)

    names = ["real", "classical", "oversampled", "synthetic_0.5", "synthetic_2", "synthetic_only"]
    assert [(arm["fraction"], arm["name"]) for arm in document["arms"]] == [
        (fraction, name) for fraction in (0.5, 1.0) for name in names
    ]
    assert (document["seeds"], document["steps"], document["n_test"]) == ([0, 1], 1, 400)
    assert document["classifier"] == trainer.description
    # five against real and two against the placebo, at each fraction
    assert len(document["comparisons"]) == 14
    assert all(each["p_adjusted"] >= each["p_value"] for each in document["comparisons"])
    assert document["smallest_detectable_gain"]["comparisons"] == 5
    assert document["smallest_detectable_gain"]["alpha"] == pytest.approx(0.05 / 5)
    assert len(trainer.calls) == len(heard) == 24
    assert {"arm", "fraction", "seed", "accuracy", "auroc"} <= set(heard[0])
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_figures_are_those_of_the_classifiers_that_were_trained(chance):
    data = helpful(chance)
    document = run_augmentation_study(data, ONE_ARM, CornerRegression())
    p_SN = [
        CornerRegression()(data.training, data.validation, ArmSettings(seed, False))(
            data.test.images
        )
        for seed in range(3)
    ]
    arm = document["arms"][0]

    accuracies = [((p >= 0.5) == data.test.labels).mean() for p in p_SN]
    assert [each["accuracy"] for each in arm["per_seed"]] == pytest.approx(accuracies)
    assert arm["accuracy"]["value"] == pytest.approx(np.mean(accuracies))
    assert arm["accuracy"]["low"] < arm["accuracy"]["value"] < arm["accuracy"]["high"]
    right = (majority(p_SN) == data.test.labels).sum()
    change = of(document, "synthetic_1")
    assert right + change["fixed"] - change["broken"] <= 400
    assert (arm["n_real"], arm["n_synthetic"], arm["n_repeated"]) == (140, 0, 0)


def test_seeds_and_layout_are_paired_and_only_one_arm_is_augmented(chance):
    trainer = CornerRegression()
    run_augmentation_study(helpful(chance), BRIEF, trainer)
    calls = [trainer.calls[at : at + 3] for at in range(0, 15, 3)]
    real, classical, oversampled, synthetic, only = (arm[0][0] for arm in calls)

    assert [[settings.seed for _, settings in arm] for arm in calls] == [[0, 1, 2]] * 5
    assert [arm[0][1].is_augmented for arm in calls] == [False, True, False, False, False]
    assert (classical.images == real.images).all()
    for longer in (oversampled, synthetic):
        assert len(longer) == 200
        assert (longer.images[:140] == real.images).all()
        assert longer.labels[140:].all()
    assert (only.labels.sum(), len(only)) == (60, 140)
    assert (only.images[:80] == real.images[:80]).all()  # the negatives come first


def test_the_placebo_repeats_every_positive_before_any_twice(chance):
    data = helpful(chance)
    arm = plan_arms(StudyArmsOptions(arms=("real", "oversampled"), placebo_ratios=(1.5,)))[1]
    rows = rows_of_arm(arm, np.arange(140), data, seed=0)

    times = np.bincount(rows.real, minlength=140)
    assert (rows.repeated, len(rows.real)) == (90, 230)
    assert (times[:80] == 1).all()  # negatives
    assert sorted(times[80:]) == [2] * 30 + [3] * 30
    assert training_data(rows, data).labels.sum() == 150


def test_smaller_ratios_take_from_what_larger_ones_take(chance):
    data = helpful(chance)
    options = StudyArmsOptions(arms=("real", "synthetic"), ratios=(2, 0.5, 1))
    rows = [rows_of_arm(arm, np.arange(140), data, 7).synthetic for arm in plan_arms(options)[1:]]

    assert [len(each) for each in rows] == [30, 60, 120]
    assert set(rows[0]) < set(rows[1]) < set(rows[2])


def test_fractions_are_nested_whole_groups_and_keep_the_classes_in_proportion(chance):
    images, labels = draw(chance, plain=600, upper=300)
    groups = np.array([f"scene {at}" for at in np.arange(900) // 3])
    data = StudyPart(images, labels, groups=groups)
    rows = {fraction: set(subset_of(data, fraction, 1)) for fraction in (0.25, 0.5, 1.0)}

    assert rows[0.25] < rows[0.5] < rows[1.0] == set(range(900))
    for fraction, taken in rows.items():
        inside = np.isin(np.arange(900), list(taken)).reshape(300, 3)
        assert (inside.all(axis=1) | ~inside.any(axis=1)).all()
        assert labels[list(taken)].sum() == pytest.approx(300 * fraction, abs=3)
        assert (~labels[list(taken)]).sum() == pytest.approx(600 * fraction, abs=3)


def test_fractions_depend_on_the_images_and_not_on_their_order(chance):
    images, labels = draw(chance, plain=40, upper=20)
    groups = np.array([f"image {at:02}" for at in range(60)])
    order = chance.permutation(60)
    there = subset_of(StudyPart(images, labels, groups=groups), 0.5, 0)
    again = subset_of(StudyPart(images[order], labels[order], groups=groups[order]), 0.5, 0)

    assert set(groups[there]) == set(groups[order][again])


def test_nothing_is_trained_twice_and_the_document_stays_the_same(chance, tmp_path):
    data, heard = helpful(chance), []
    first = run_augmentation_study(data, ONE_ARM, CornerRegression(), tmp_path)
    trainer = CornerRegression()
    again = run_augmentation_study(data, ONE_ARM, trainer, tmp_path, on_arm=heard.append)

    assert trainer.calls == []
    assert again == first == run_augmentation_study(data, ONE_ARM, CornerRegression())
    assert [each["is_resumed"] for each in heard] == [True] * 6


def test_only_what_depends_on_a_change_is_trained_again(chance, tmp_path):
    data = helpful(chance)
    run_augmentation_study(data, ONE_ARM, CornerRegression(), tmp_path)

    def trained(changed=data, options=ONE_ARM, description=None):
        trainer = CornerRegression()
        if description is not None:
            trainer.description = description
        run_augmentation_study(changed, options, trainer, tmp_path)
        return len(trainer.calls)

    others = StudyImages(data.training, data.validation, data.test, data.synthetic[::-1].copy())
    assert trained(options=ONE_ARM.model_copy(update={"alpha": 0.1, "resamples": 300})) == 0
    assert trained(options=ONE_ARM.model_copy(update={"seeds": 4})) == 2
    assert trained(others) == 3  # real arms do not know the synthetic images
    assert trained(description={"steps": 2}) == 6
    relabelled = StudyPart(data.training.images, ~data.training.labels)
    assert trained(StudyImages(relabelled, data.validation, data.test, data.synthetic)) == 6


def test_a_damaged_training_is_done_again_and_said(chance, tmp_path, caplog):
    data = helpful(chance)
    whole = run_augmentation_study(data, ONE_ARM, CornerRegression(), tmp_path)
    cut, altered = sorted(tmp_path.glob("*-seed*.json"))[:2]
    cut.write_text(cut.read_text()[:100])
    document = json.loads(altered.read_text())
    document["probabilities"][0] = 0.123
    altered.write_text(json.dumps(document))
    trainer = CornerRegression()
    mended = run_augmentation_study(data, ONE_ARM, trainer, tmp_path)

    assert len(trainer.calls) == 2
    assert {**mended, "remarks": []} == whole
    for path, remark in zip((cut, altered), mended["remarks"], strict=True):
        assert path.name in remark
        assert remark in caplog.text


def test_a_changed_test_set_is_said_until_a_run_has_finished_with_it(chance, tmp_path):
    data = helpful(chance)
    images = data.test.images.copy()
    images[0] = 0
    test = StudyPart(images, data.test.labels, data.test.image_ids)
    changed = StudyImages(data.training, data.validation, test, data.synthetic)
    run_augmentation_study(data, ONE_ARM, CornerRegression(), tmp_path)

    def interrupt(told):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_augmentation_study(changed, ONE_ARM, CornerRegression(), tmp_path, on_arm=interrupt)
    trainer = CornerRegression()
    documents = [run_augmentation_study(changed, ONE_ARM, trainer, tmp_path) for _ in range(2)]

    assert len(trainer.calls) == 5  # all but the one that was finished before the interruption
    (remark,) = documents[0]["remarks"]
    assert "test set changed since the last run (400 images then, 400 now)" in remark
    assert documents[1]["remarks"] == []


def run_slowly(folder):
    """What the subprocess runs: six of fifteen trainings, and a seventh that does not end."""
    data = helpful(np.random.default_rng(5))
    run_augmentation_study(data, BRIEF, CornerRegression(most=6), Path(folder))


def test_a_killed_study_goes_on_where_it_stopped(tmp_path):
    module = "tests.unit.classifiers.test_augmentation_study"
    code = f"from {module} import run_slowly; run_slowly({str(tmp_path)!r})"
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'src'}"}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, env=environment)
    deadline = time.monotonic() + 240
    while len(list(tmp_path.glob("*-seed*.json"))) < 4 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = len(list(tmp_path.glob("*-seed*.json")))
    data, trainer = helpful(np.random.default_rng(5)), CornerRegression()
    resumed = run_augmentation_study(data, BRIEF, trainer, tmp_path)

    assert 4 <= done <= 6
    assert len(trainer.calls) == 15 - done
    assert resumed == run_augmentation_study(data, BRIEF, CornerRegression())
    assert list(tmp_path.glob("*.part")) == []


FINE = ImageClassifierOptions(
    backbone="resnet_small",
    pretrained="none",
    image_size=(32, 32),
    steps=3,
    evaluate_every_steps=1,
    patience_evaluations=1,
    batch_size=8,
    learning_rate=0.01,
    device="cpu",
)


def test_fine_tuning_is_a_trainer_of_equal_steps(chance):
    data = helpful(chance)
    document = run_augmentation_study(
        data,
        StudyArmsOptions(arms=("real", "classical"), fractions=(1,), seeds=2, resamples=100),
        fine_tuning_trainer(FINE),
    )

    assert document["steps"] == 3
    assert document["classifier"]["backbone"] == "resnet_small"
    assert {"seed", "device", "patience_evaluations"}.isdisjoint(document["classifier"])
    assert len(document["arms"]) == 2


def test_fine_tuning_follows_its_settings(chance):
    data, trainer = helpful(chance), fine_tuning_trainer(FINE)
    settings = [(0, False), (0, False), (1, False), (0, True)]
    first, same, other_seed, augmented = (
        trainer(data.training, data.validation, ArmSettings(seed, is_augmented))(
            data.test.images[:20]
        )
        for seed, is_augmented in settings
    )

    assert (first == same).all()
    assert (first != other_seed).any()
    assert (first != augmented).any()


def comparison(arm, value, *, shown=False, against="real", kind="synthetic", margin=0.02):
    gain = {"value": value, "low": value - margin, "high": value + margin, "n": 866}
    p = 0.001 if shown else 0.4
    return {
        "arm": arm,
        "label": arm,
        "kind": kind,
        "against": against,
        "fraction": 1.0,
        "gain": gain,
        "p_adjusted": p,
        "is_significant": shown,
    }


PLACEBO_NO = comparison("oversampled", 0.001, kind="oversampled")
SMALLEST = {"value": 0.033}


@pytest.mark.parametrize(
    ("comparisons", "smallest", "begins", "says"),
    [
        (
            [comparison("a", 0.05, shown=True), comparison("a", 0.04, shown=True, against="o")],
            SMALLEST,
            "A gain is shown: “a” changes the accuracy by +5.0 [+3.0, +7.0] points",
            "and by +4.0 [+2.0, +6.0] points against repeated real images",
        ),
        (
            [comparison("a", 0.05, shown=True), comparison("a", 0.01, against="o")],
            SMALLEST,
            "A gain is shown",
            "cannot be put down to the synthetic images",
        ),
        (
            [comparison("a", 0.05, shown=True)],
            SMALLEST,
            "A gain is shown",
            "without a placebo arm it may come from the larger share of positives",
        ),
        (
            [comparison("a", 0.01), comparison("b", -0.01), PLACEBO_NO],
            SMALLEST,
            "No gain is shown: “a” changes the accuracy by +1.0 [-1.0, +3.0] points",
            "the best of 2 arms, but a true gain of 3.3 points would have been missed in 1 of 5",
        ),
        (
            [comparison("a", 0.01), comparison("oversampled", 0.012, kind="oversampled")],
            SMALLEST,
            "No gain is shown",
            "repeated real images (placebo) did as well, +1.2",
        ),
        (
            [comparison("a", -0.05, shown=True), comparison("b", 0.0)],
            SMALLEST,
            "No gain but a loss is shown: “a”",
            "-5.0 [-7.0, -3.0]",
        ),
        (
            [comparison("a", 0.0)],
            {"value": None},
            "No gain is shown",
            "so few test images could not have shown any gain",
        ),
        ([PLACEBO_NO], SMALLEST, "The study has no arm with added", "nothing about them"),
    ],
)
def test_the_conclusion_claims_no_more_than_is_shown(comparisons, smallest, begins, says):
    sentence = conclude(1.0, comparisons, smallest, 866)

    assert sentence.startswith(begins)
    assert says in sentence
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0


def test_a_placebo_that_did_worse_is_not_mentioned_as_doing_well():
    assert "did as well" not in conclude(1.0, [comparison("a", 0.01), PLACEBO_NO], SMALLEST, 866)


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_gain_with_fewer_real_images_is_told_beside_classical_augmentation(is_shown):
    fewer = [
        comparison("a", 0.06, shown=is_shown),
        comparison("a", 0.05, shown=is_shown, against="oversampled"),
        comparison("classical", 0.118, kind="classical"),
    ]
    everything = [comparison("a", 0.0), *({**each, "fraction": 0.25} for each in fewer)]

    sentence = conclude(1.0, everything, SMALLEST, 866)

    assert sentence.startswith("No gain is shown")
    told = (
        "; with 25% of the real images, and a generator that saw them all, a gain is shown: “a” "
        "+6.0 [+4.0, +8.0] points (classical augmentation: +11.8 [+9.8, +13.8]), and by +5.0"
    )
    assert (told in sentence) == is_shown
    assert sentence.endswith(".")


def test_several_placebos_have_names_and_each_arm_its_nearest(chance):
    options = BRIEF.model_copy(
        update={"arms": ("real", "oversampled", "synthetic"), "placebo_ratios": (0.5, 2.0)}
    ).model_copy(update={"ratios": (0.6, 1.9)})
    document = run_augmentation_study(helpful(chance), options, CornerRegression())

    pairs = {(c["arm"], c["against"]) for c in document["comparisons"] if c["against"] != "real"}
    assert pairs == {("synthetic_0.6", "oversampled_0.5"), ("synthetic_1.9", "oversampled_2")}


def with_parts(**changed):
    chance = np.random.default_rng(0)
    given = helpful(chance)
    parts = {name: getattr(given, name) for name in ("training", "validation", "test", "synthetic")}
    return StudyImages(**{**parts, **{name: make(given) for name, make in changed.items()}})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"test": lambda d: d.training}, "share no image, got 'train 0' in training and in test"),
        ({"synthetic": lambda d: d.synthetic[:, :6]}, "one size in all parts"),
        ({"synthetic": lambda d: d.synthetic.astype(float)}, "float64 synthetic ones"),
        ({"test": lambda d: StudyPart(d.test.images[:9], d.test.labels[:9])}, "0 positive, 9 neg"),
        (
            {"validation": lambda d: StudyPart(d.test.images[:0], d.test.labels[:0])},
            "0 to validate on",
        ),
        (
            {"test": lambda d: StudyPart(d.test.images, d.test.labels, d.test.image_ids[1:])},
            r"one of image_ids per image, got \(399,\) for 400",
        ),
    ],
)
def test_images_that_cannot_be_compared_are_refused(changed, said):
    with pytest.raises(InputError, match=said):
        with_parts(**changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ratios": (1, 3)}, "needs 180 synthetic images for its arm 'synthetic_3', got 120"),
        ({"fractions": (0.01, 1.0)}, "2 images of each class at every fraction, got 1 positive"),
    ],
)
def test_studies_that_lack_images_are_refused_before_any_training(chance, changed, said):
    trainer = CornerRegression()
    with pytest.raises(InputError, match=said):
        run_augmentation_study(helpful(chance), BRIEF.model_copy(update=changed), trainer)
    assert trainer.calls == []


def test_a_faultless_arm_is_as_sure_as_the_few_images_of_a_class_allow():
    labels = np.arange(40) < 4
    results = [ArmResult(plan_arms(BRIEF)[0], 1.0, {}, [0, 1], np.stack([labels] * 2) * 1.0)]
    part = StudyPart(np.zeros((40, 8, 8, 3), np.uint8), labels)

    (arm,) = compare_arms(results, part, draw_two_way(np.arange(40), 2), BRIEF)["arms"]
    for name in ("accuracy", "balanced_accuracy", "auroc"):
        assert arm[name]["value"] == arm[name]["high"] == 1
        assert arm[name]["low"] == pytest.approx(0.025 ** (1 / 4))


def test_a_test_set_of_one_scene_is_refused_before_any_training():
    trainer = CornerRegression()
    one_group = {"test": lambda d: replace(d.test, groups=np.zeros(len(d.test), int))}
    with pytest.raises(InputError, match=r"2 groups, .* got shape \[400\], 1 groups"):
        run_augmentation_study(with_parts(**one_group), BRIEF, trainer)
    assert trainer.calls == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"arms": ["synthetic"]}, "must name `real`"),
        ({"arms": ["real", "real"]}, "each arm once"),
        ({"ratios": [0, 1]}, "ratios must be above 0"),
        ({"fractions": [0.5, 1.5]}, "fractions must be at most 1"),
        ({"fractions": [0.5, 0.5]}, "all different"),
        ({"seeds": 1}, "'seeds' must be"),
        ({"arms": ["real", "magic"]}, "'arms.1' must be"),
    ],
)
def test_options_that_make_no_study_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        StudyArmsOptions.model_validate(options)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda images: np.full(len(images), 1.5), "with 1.5 to 1.5"),
        (lambda images: np.full(len(images), np.nan), "nothing finite"),
        (lambda images: np.full(len(images) - 1, 0.5), r"got shape \[399\]"),
    ],
)
def test_a_trainer_that_gives_no_probabilities_is_refused(chance, answer, said):
    with pytest.raises(InputError, match=said):
        run_augmentation_study(helpful(chance), ONE_ARM, lambda *_: answer)


def test_a_training_without_added_images_is_the_real_subset(chance):
    data = helpful(chance)
    rows = ArmRows(np.array([3, 1, 90]), np.empty(0, np.int64))

    arm = training_data(rows, data)
    assert isinstance(arm, TrainingData)
    assert (arm.images == data.training.images[[3, 1, 90]]).all()
    assert arm.labels.tolist() == [False, False, True]
