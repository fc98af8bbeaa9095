"""Captions: noisy, and still to the point on the whole."""

import numpy as np

from cosmop.demo.captions import CHANNELS, draw_caption
from cosmop.demo.truth import KINDS

QUERY = {"people", "carrying", "bags", "border", "peru"}


def _overlap(kind: str, seed: int) -> int:
    criteria = (kind,) if kind not in ("other_people", "no_people") else ()
    caption = draw_caption(kind, criteria, np.random.default_rng([seed, KINDS.index(kind)]))
    return len(QUERY & set(f"{caption.title} {caption.keywords}".lower().replace(",", " ").split()))


def test_a_query_ranks_matching_scenes_higher_but_finds_others_too():
    overlap = {kind: np.array([_overlap(kind, seed) for seed in range(300)]) for kind in KINDS}

    means = {kind: float(values.mean()) for kind, values in overlap.items()}
    assert max(means, key=means.__getitem__) == "carrying_bags"
    assert means["carrying_bags"] > 2 * means["no_people"]
    assert (overlap["no_people"] > 0).mean() > 0.1
    assert (overlap["carrying_bags"] == 0).any()


def test_captions_of_the_same_state_are_the_same():
    first, second = (draw_caption("no_people", (), np.random.default_rng(1)) for _ in range(2))

    assert first == second


def test_all_channels_are_used():
    rng = np.random.default_rng(0)

    assert {draw_caption("no_people", (), rng).channel for _ in range(60)} == set(CHANNELS)
