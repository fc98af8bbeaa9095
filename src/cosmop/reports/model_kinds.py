"""What is true of each kind of model whatever it was trained on."""

from dataclasses import dataclass

_NO_PERSON = "It must not decide anything about a person."


@dataclass(frozen=True)
class ModelKind:
    """The part of a model card that no run changes.

    Attributes:
        registered: Its name where versions are registered.
        summary: One sentence.
        architecture: Networks and sources.
        task: The Hub's name of the task.
        library: What loads it.
        tags: For search.
        uses: What it is for.
        not_for: What it is not for.
        training: How it was trained.
        tested_on: What the figures are measured on.
        measured: How to read them.
        limits: What holds for every version, one sentence each.
    """

    registered: str
    summary: str
    architecture: str
    task: str
    library: str
    tags: tuple[str, ...]
    uses: str
    not_for: str
    training: str
    tested_on: str
    measured: str
    limits: tuple[str, ...]


KINDS = {
    "person_filter": ModelKind(
        registered="cosmop-person-filter",
        summary="Tells whether a photograph shows people, so that those without can be set aside.",
        architecture="ResNeXt (Xie et al. 2017, arXiv 1611.05431) with three linear layers",
        task="image-classification",
        library="pytorch",
        tags=("person-detection",),
        uses="To sort collected photographs before people label them.",
        not_for=f"It says nothing of who is shown, how many, or what they do. {_NO_PERSON}",
        training="Binary cross-entropy on images with people and images without, from two sources.",
        tested_on="images of its two sources that were held out of training",
        measured="Threshold 0.5 unless a figure says otherwise.",
        limits=(
            "People and no people come from different data sets: it may have learnt their files "
            "apart. The leak test says how far files alone would carry it.",
            "Small, hidden and unusually dressed people are missed more often than others.",
        ),
    ),
    "generator": ModelKind(
        registered="cosmop-generator",
        summary="Draws images like the positive images of the training split.",
        architecture="StyleGAN2 (Karras et al. 2020, arXiv 1912.04958 and 2006.06676)",
        task="unconditional-image-generation",
        library="pytorch",
        tags=("stylegan2", "gan"),
        uses="To make further positive training images of a scarce subject.",
        not_for="Its images are not photographs and no evidence, and nothing is to be tested on "
        "them.",
        training="Adversarial, with R1 and path-length regularisation and adaptive augmentation; "
        "of all snapshots the one closest to the real images is kept.",
        tested_on="real test images that no stage has seen",
        measured="Distances carry the name of their features and compare only among themselves; "
        "the floor is what real images score against other real images.",
        limits=(
            "A generator trained on few images may repeat them, and the people they show.",
            "What is rare among the training images is rarer among the generated ones.",
        ),
    ),
    "one_class_svm": ModelKind(
        registered="cosmop-one-class-svm",
        summary="Accepts images like the positive training images; it saw no negative one.",
        architecture="standardisation, PCA and a one-class SVM (Schölkopf et al. 2001) on features "
        "of a network",
        task="image-classification",
        library="sklearn",
        tags=("one-class", "svm"),
        uses="To repeat the original study's judge, beside others.",
        not_for=f"Not to accept or refuse images on its own. {_NO_PERSON}",
        training="On features of the positive training images alone.",
        tested_on="real test images that no stage has seen",
        measured="The answer that never changes, beside it, is what a judge has to beat.",
        limits=(
            "With fewer images than dimensions PCA keeps what its own training images vary in, not "
            "what new ones vary in; such a model accepts nearly everything.",
        ),
    ),
    "image_classifier": ModelKind(
        registered="cosmop-classifier",
        summary="Tells positive from negative images of the study's subject.",
        architecture="ResNet (He et al. 2016, arXiv 1512.03385), fine-tuned",
        task="image-classification",
        library="pytorch",
        tags=("resnet",),
        uses="To judge synthetic images beside real ones, and to find more images of the subject.",
        not_for=_NO_PERSON,
        training="Cross-entropy on the labelled training split; the step is chosen on the "
        "validation split.",
        tested_on="real test images that no stage has seen",
        measured="AUROC and average precision judge the order of the scores, the others the "
        "answers at its threshold.",
        limits=(
            "Negative images were found by the same keywords: on other photographs it will say yes "
            "too often.",
            "It learns what photographers of the subject have in common, not only the subject.",
        ),
    ),
}
