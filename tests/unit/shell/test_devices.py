import pytest
import torch

from cosmop import devices
from cosmop.devices import multiplies_bfloat16, pick_device
from cosmop.errors import InputError

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(InputError, match=f"device of this machine.* got '{name}' for process 0"):
        pick_device(name)


def test_auto_is_the_gpu_where_there_is_one():
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ("processor: 0\nflags\t\t: fpu avx512f avx512_bf16 sse2\n", True),
        ("processor: 0\nflags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("processor: 0\nFeatures\t: fp asimd bf16\n", True),
        ("processor: 0\nflags\t\t: fpu avx2 avx512f\nbugs: bf16\n", False),
        (None, False),
    ],
)
def test_bfloat16_is_taken_where_the_processor_says_it_multiplies_it(
    tmp_path, monkeypatch, facts, expected
):
    file = tmp_path / "cpuinfo"
    if facts is not None:
        file.write_text(facts)
    monkeypatch.setattr(devices, "_CPU_FACTS", file)

    assert multiplies_bfloat16(CPU) == expected


def test_what_torch_says_of_this_processor_agrees():
    says = getattr(torch.cpu, "get_capabilities", dict)()
    if "avx512_bf16" not in says:
        pytest.skip("this version of torch does not say what the processor can do")
    assert multiplies_bfloat16(CPU) == bool(says["avx512_bf16"] or says["amx_bf16"])
