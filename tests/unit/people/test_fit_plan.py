import pytest
import torch
from pydantic import ValidationError

from cosmop.errors import InputError
from cosmop.people.fit_plan import FitPlan, one_cycle_rate, planned_stages, stages_of
from cosmop.people.options import AugmentationOptions, LearningOptions, Stage, TrainingOptions


def plan(steps, *shares):
    return FitPlan(
        what="test",
        steps=steps,
        batch_size=2,
        learning_rate=0.1,
        weight_decay=0.0,
        evaluate_every_steps=1,
        augmentation=AugmentationOptions(),
        device=torch.device("cpu"),
        seed=0,
        stages=tuple(Stage(steps_share=share) for share in shares),
    )


@pytest.mark.parametrize("total", [2, 3, 4, 10, 41, 1001])
def test_the_rate_is_that_of_torchs_one_cycle_to_the_last_bit(total):
    adam = torch.optim.AdamW([torch.zeros(1)], lr=0.003)
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        adam, max_lr=0.003, total_steps=total, cycle_momentum=False
    )
    rates = []
    for _ in range(total):
        rates.append(adam.param_groups[0]["lr"])
        adam.step()
        if len(rates) < total:
            oracle.step()

    assert [one_cycle_rate(step, total, 0.003) for step in range(total)] == rates


@pytest.mark.parametrize("steps", [3, 10, 99, 1000])
def test_stages_share_all_steps(steps):
    planned = planned_stages(plan(steps, 1 / 3, 1 / 3, 1 / 3))

    assert sum(stage.steps for stage in planned) == steps
    assert max(abs(stage.steps - steps / 3) for stage in planned) <= 1


def test_stages_get_the_steps_and_the_rates_they_ask_for():
    stages = (
        Stage(steps_share=0.2, learning_blocks=0),
        Stage(steps_share=0.3, learning_blocks=1, learning_rate=0.01),
        Stage(steps_share=0.5),
    )
    planned = planned_stages(FitPlan(**(vars(plan(10)) | {"stages": stages})))

    assert [stage.steps for stage in planned] == [2, 3, 5]
    assert [stage.learning_blocks for stage in planned] == [0, 1, None]
    assert [stage.peak_rate for stage in planned] == [0.1, 0.01, 0.1]


def test_a_stage_without_a_step_is_refused():
    with pytest.raises(InputError, match="got none for stage 1 of 2 with 4 steps"):
        planned_stages(plan(4, 0.1, 0.9))


def test_stages_are_read_as_yaml_gives_them():
    given = {"stages": [{"steps_share": 0.25, "learning_blocks": 0}, {"steps_share": 0.75}]}
    options = TrainingOptions.model_validate(given)

    assert stages_of(options) == (
        Stage(steps_share=0.25, learning_blocks=0),
        Stage(steps_share=0.75),
    )


def test_without_stages_there_is_one_of_all_steps():
    assert stages_of(LearningOptions()) == (Stage(steps_share=1.0),)
    frozen = LearningOptions(freeze_backbone=True)
    assert stages_of(frozen) == (Stage(steps_share=1.0, learning_blocks=0),)


def test_stages_that_do_not_add_up_or_contradict_are_refused():
    with pytest.raises(InputError, match=r"'stages' must be stages whose .* sum to 1, not to 0.9"):
        LearningOptions.model_validate({"stages": [{"steps_share": 0.4}, {"steps_share": 0.5}]})
    with pytest.raises(ValidationError, match="either `freeze_backbone` or `stages`"):
        LearningOptions(freeze_backbone=True, stages=(Stage(steps_share=1.0),))
