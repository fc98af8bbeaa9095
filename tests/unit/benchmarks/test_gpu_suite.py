"""The GPU suite keeps to its time, survives its sections and protects a GPU's figures."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

CPU = torch.device("cpu")


def _document(kind: str, word: str) -> dict[str, Any]:
    machine = dict.fromkeys(("device", "torch", "cuda", "date", "commit"), word)
    section = {"title": "A title", "words": word, "columns": ["a"], "rows": [["1"]]}
    return {"machine": {"kind": kind, **machine}, "sections": [section]}


def test_a_section_that_fails_is_reported_and_the_others_run() -> None:
    from gpu_section import Budget, Section
    from gpu_suite import run

    def broken(budget: Budget) -> Section:
        raise ValueError("a device\nwith details")

    kept: list[Section] = []
    sections = {"first": (0.5, broken), "second": (0.5, lambda _: Section("Second", ""))}
    has_failed = run(sections, CPU, 60, kept.append)

    assert has_failed
    assert kept[0].remarks == ["**Failed**: ValueError: a device"]
    assert kept[1].title == "Second"


def test_what_a_section_leaves_of_its_time_goes_to_the_others() -> None:
    from gpu_section import Budget, Section
    from gpu_suite import run

    seen: list[float] = []

    def note(budget: Budget) -> Section:
        seen.append(budget.left())
        return Section("", "")

    run({"a": (0.25, note), "b": (0.75, note)}, CPU, 100, lambda _: None)

    assert seen == pytest.approx([25, 100], abs=15)  # less what it took to get there


def test_sections_for_which_no_time_is_left_say_so() -> None:
    from gpu_section import Section
    from gpu_suite import run

    kept: list[Section] = []

    def slow(_: object) -> Section:
        time.sleep(0.02)
        return Section("Slow", "")

    run({"slow": (0.5, slow), "late": (0.5, slow)}, CPU, 0.01, kept.append)

    assert kept[1].remarks == ["Left out: no time was left."]


def test_figures_of_a_cpu_never_replace_those_of_a_gpu(tmp_path: Path) -> None:
    from gpu_suite import keep

    keep(_document("cuda", "measured"), tmp_path, page=True)
    keep(_document("cpu", "guessed"), tmp_path, page=True)

    assert json.loads((tmp_path / "gpu.json").read_text())["machine"]["kind"] == "cuda"
    page = (tmp_path / "gpu.md").read_text()
    assert "measured" in page
    assert "guessed" not in page


def test_the_page_names_machine_code_and_day(tmp_path: Path) -> None:
    from gpu_suite import keep, machine

    document = {**_document("cpu", ""), "machine": machine(CPU, "abc123")}
    keep(document, tmp_path, page=True)

    page = (tmp_path / "gpu.md").read_text()
    assert "no GPU was there" in page
    assert torch.__version__ in page
    assert "abc123" in page


def test_a_gradient_that_is_lost_or_wrong_or_made_up_is_told() -> None:
    from gpu_checks import compare_gradients

    right = {"a": torch.ones(2), "b": torch.full((2,), 2.0), "unused": None}

    assert compare_gradients(right, right) == [3, 2, "none", "0.0e+00", "yes"]
    assert compare_gradients(right, {**right, "b": None})[2:] == ["b", "0.0e+00", "NO"]
    assert compare_gradients(right, {**right, "b": torch.tensor([2.0, 3.0])})[3:] == [
        "5.0e-01",
        "NO",
    ]
    made_up = compare_gradients(right, {**right, "unused": torch.ones(1)})
    assert made_up[2:] == ["unused (extra)", "0.0e+00", "NO"]


def test_grid_colours_are_means_of_cells() -> None:
    from gpu_speed import grid_colours

    images = torch.arange(8).repeat_interleave(2).view(1, 16, 1, 1).expand(1, 16, 16, 3)
    features = grid_colours(images.numpy())

    assert features.shape == (1, 192)
    assert features.reshape(8, 8, 3)[:, 0, 0].tolist() == [row / 32 for row in range(8)]


def test_the_most_telling_settings_come_first_and_none_twice() -> None:
    from gpu_speed import settings

    chosen = settings(torch.device("cuda"))

    assert len(set(chosen)) == len(chosen) == 81
    assert chosen[:3] == [(side, 32, "bfloat16", "compile") for side in (256, 64, 128)]
