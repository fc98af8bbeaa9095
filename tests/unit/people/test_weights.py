import hashlib
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from cosmop.errors import InputError
from cosmop.people.backbones import build_backbone, load_backbone, trunk_of
from cosmop.people.options import WeightsOptions
from cosmop.people.weights import fetch_weights, load_state, read_weights, state_checksum


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Opened:
    """Leaves a trace if it is ever unpickled."""

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_the_checksum_depends_on_every_value_and_nothing_else():
    layer, same = nn.Linear(3, 2), nn.Linear(3, 2)
    same.load_state_dict(layer.state_dict())
    before = state_checksum(layer)

    assert before == state_checksum(same)
    with torch.no_grad():
        same.bias[1] += 1e-6
    assert before != state_checksum(same)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_with_the_right_checksum_are_read(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    state = {"weight": torch.arange(6.0).reshape(2, 3)}
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)

    assert torch.equal(read_weights(path, sha256(path))["weight"], state["weight"])


def test_a_wrong_checksum_is_refused_before_anything_is_read(tmp_path):
    path, trace = tmp_path / "w.pth", tmp_path / "trace"
    bomb = Opened()
    bomb.path = str(trace)
    path.write_bytes(pickle.dumps(bomb))

    with pytest.raises(InputError, match=f"must have the SHA-256 {'0' * 64}, got {sha256(path)}"):
        read_weights(path, "0" * 64)
    with pytest.raises(InputError, match="must be a readable state dict"):
        read_weights(path, sha256(path))  # and even with the right one nothing is executed
    assert not trace.exists()


def test_absent_truncated_or_unchecked_weights_are_one_sentence_each(tmp_path):
    path = tmp_path / "w.pth"
    with pytest.raises(InputError, match="no such file"):
        read_weights(path, "0" * 64)
    torch.save({"weight": torch.zeros(100)}, path)
    with pytest.raises(InputError, match="need `weights_sha256`"):
        read_weights(path, None)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="readable state dict"):
        read_weights(path, sha256(path))


def test_weights_of_another_network_are_refused_but_old_files_may_lack_counters():
    norm = nn.BatchNorm1d(2)
    old = {k: v for k, v in norm.state_dict().items() if k != "num_batches_tracked"}

    load_state(norm, old, "w.pth")
    with pytest.raises(InputError, match=r"w.pth must fit .* 1 missing names \['bias'\]"):
        load_state(norm, {k: v for k, v in old.items() if k != "bias"}, "w.pth")
    with pytest.raises(InputError, match="got other shapes"):
        load_state(nn.BatchNorm1d(3), old, "w.pth")


def test_published_weights_come_from_the_cache_and_are_checked_by_their_name(tmp_path):
    path = tmp_path / "net.pth"
    torch.save({"weight": torch.ones(2)}, path)
    named = path.rename(tmp_path / f"net-{sha256(path)[:8]}.pth")
    nowhere = (tmp_path / "no" / "such").as_uri()

    assert fetch_weights(f"{nowhere}/{named.name}", tmp_path)["weight"].tolist() == [1, 1]
    with pytest.raises(InputError, match="pretrained: none"):
        fetch_weights(f"{nowhere}/other-12345678.pth", tmp_path)
    named.write_bytes(b"another file")
    with pytest.raises(InputError, match="must have the SHA-256"):
        fetch_weights(f"{nowhere}/{named.name}", tmp_path)


def test_a_backbone_takes_weights_in_torchvisions_layout(tmp_path):
    given = build_backbone("resnext_small")
    path = tmp_path / "w.safetensors"
    save_file(given.state_dict(), path)
    weights = WeightsOptions(weights_path=str(path), weights_sha256=sha256(path))

    assert state_checksum(load_backbone("resnext_small", weights)) == state_checksum(given)


def test_unknown_and_unpublished_backbones_are_refused():
    with pytest.raises(InputError, match="got 'resnext9000'"):
        build_backbone("resnext9000")
    with pytest.raises(InputError, match="no published ImageNet weights"):
        load_backbone("resnext_small", WeightsOptions())
    with pytest.raises(InputError, match="VisionTransformer"):
        trunk_of(build_backbone("vit_b_32"))
