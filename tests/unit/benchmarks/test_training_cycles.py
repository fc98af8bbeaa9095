"""What the StyleGAN2 benchmark counts and times is what training does."""

import importlib.util
import json
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from cosmop.stylegan2.options import AugmentationOptions, NetworkOptions, TrainingOptions

NETWORK = NetworkOptions(
    height=8, width=8, channel_base=32, channel_max=4, z_dim=8, w_dim=8, mapping_layers=1
)
TRAINING = TrainingOptions(
    batch_size=8,
    device="cpu",
    precision="float32",
    held_out_share=0.0,
    augmentation=AugmentationOptions(strength_start=0.3),
)


def test_a_cycle_has_each_phase_as_often_as_it_is_due() -> None:
    from training_cycles import OurTraining, phases_per_cycle

    training, seen = OurTraining(NETWORK, TRAINING), []

    def note(phase: str) -> nullcontext[None]:
        seen.append(phase)
        return nullcontext()

    training.steps.watch = note
    training.cycle()

    expected = {"generator": 16, "path_length": 4, "discriminator": 16, "r1": 1}
    assert expected == {phase: seen.count(phase) for phase in seen}
    assert expected == phases_per_cycle(TRAINING)
    assert training.images_per_cycle == 16 * 8


def test_the_seconds_of_a_cycle_are_those_of_its_phases_and_the_rest() -> None:
    from training_cycles import OurTraining

    seconds = OurTraining(NETWORK, TRAINING).seconds_by_phase()

    assert set(seconds) == {"generator", "path_length", "discriminator", "r1", "rest"}
    assert min(seconds.values()) > 0


def test_arithmetic_is_counted_as_torch_counts_it_forwards_and_twice_backwards() -> None:
    from training_cycles import ArithmeticCount

    weight = torch.randn(5, 3, 3, 3, requires_grad=True)
    dense = torch.randn(7, 5 * 64, requires_grad=True)

    def work() -> None:
        x = torch.randn(2, 3, 8, 8, requires_grad=True) * 1
        out = F.linear(F.conv2d(x, weight, padding=1).square().flatten(1), dense)
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        slope.square().sum().backward()

    with FlopCounterMode(display=False) as expected:
        work()
    with ArithmeticCount() as count:
        work()
    assert expected.get_total_flops() == count.flops > 0


def test_filters_of_single_channels_count_as_no_arithmetic() -> None:
    from training_cycles import ArithmeticCount

    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with ArithmeticCount() as count:
        F.conv2d(x, torch.ones(3, 1, 4, 4), groups=3).sum().backward()

    assert count.flops == 0


def test_the_arithmetic_of_few_images_tells_that_of_many() -> None:
    from training_cycles import ArithmeticCount, OurTraining, flops_by_phase

    many = TRAINING.model_copy(update={"batch_size": 16})
    training = OurTraining(NETWORK, many)
    with ArithmeticCount() as count:
        training.cycle()

    assert count.flops == sum(flops_by_phase(NETWORK, many).values())


@pytest.mark.skipif(
    importlib.util.find_spec("stylegan2_pytorch") is not None, reason="the peer is installed"
)
def test_without_the_peer_one_sentence_says_so_and_our_figures_are_printed() -> None:
    from stylegan2 import arguments, measure, table

    options = "--quick --against lucidrains --size 8 8 --batch 8 --precision float32 --device cpu"
    result = measure(arguments().parse_args(options.split()))

    agreed = "name unit ours peers ratio limit_share peak_memory_mb n seed device versions"
    assert set(agreed.split()) <= set(json.loads(json.dumps(result)))
    assert result["ours"] > 0
    assert 0 < result["limit_share"] < 1
    assert result["peers"] == {}
    assert "could not be run beside ours" in result["peer_missing"]
    assert result["peer_missing"] in table(result)
