"""Train StyleGAN2 on the CIFAR horses, and write the page of curves; figures come from code only.

python docs/results/stylegan2.py train --setting plain --seed 1 --data DIR [--threads 1]
python docs/results/stylegan2.py write

DIR holds `images32/cifar10_jpg_train.zip` and `weights/resnet_cifar10/`. A run writes
`stylegan2/<setting>-<precision>-seed<seed>.json` after each snapshot and begins anew when called again.
"""

import argparse
import hashlib
import io
import json
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from cosmop.metrics.frechet import frechet_from_features
from cosmop.stylegan2.devices import resolve_precision
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions, TrainingOptions
from cosmop.stylegan2.sampling import draw_inputs
from cosmop.stylegan2.trainer import TrainingRun

HERE = Path(__file__).parent
RUNS = HERE / "stylegan2"
WEIGHTS = "resnet56-4bfd9763.th"
IMAGES = 2000
FIRST_SEED = 1_000_000
NETWORK = NetworkOptions(
    height=32, width=32, channel_base=1024, channel_max=64, z_dim=64, w_dim=64, mapping_layers=2
)
COMMON: dict[str, Any] = {
    "batch_size": 16,
    "total_kimg": 120.0,
    "snapshot_kimg": 5.0,
    "r1_gamma": 0.0128,
    "ema_kimg": 5.0,
    "held_out_share": 0.0,
    "device": "cpu",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"augmentation": None, "mirror": False},
    "augmented": {"mirror": True},
}


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions; the shortcut subsamples, pads channels (He et al. 2016, option A)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.stride = out_channels // in_channels
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, self.stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return [N, out channels, H / stride, W / stride]."""
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x_NCHW)))))
        extra = out.shape[1] - x_NCHW.shape[1]
        shortcut = x_NCHW[:, :, :: self.stride, :: self.stride]
        return F.relu(out + F.pad(shortcut, (0, 0, 0, 0, extra // 2, extra // 2)))


class ResNet56(nn.Module):
    """CIFAR ResNet-56 (He et al. 2016, section 4.2) up to its 64 pooled features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        widths = [(16, 16), (16, 32), (32, 64)]
        for number, (before, after) in enumerate(widths, start=1):
            blocks = [ResidualBlock(before, after)]
            blocks += [ResidualBlock(after, after) for _ in range(8)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Return pooled features [N, 64] of images in [-1, 1]."""
        mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
        deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
        x = ((x_NCHW + 1) / 2 - mean) / deviation
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return x.mean((2, 3))


def main() -> None:
    """Parse the command line; train or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train")
    train.add_argument("--setting", choices=sorted(SETTINGS), required=True)
    train.add_argument("--seed", type=int, required=True)
    train.add_argument("--data", type=Path, required=True)
    train.add_argument("--threads", type=int, default=1)
    train.add_argument("--precision", default="auto")
    train.add_argument("--kimg", type=float, default=COMMON["total_kimg"])
    train.add_argument("--to", type=Path, default=RUNS)
    commands.add_parser("write")
    chosen = parser.parse_args()
    if chosen.command == "train":
        torch.set_num_threads(chosen.threads)
        given = {"seed": chosen.seed, "precision": chosen.precision, "total_kimg": chosen.kimg}
        run(chosen.setting, given, chosen.data, chosen.to)


def run(setting: str, given: dict[str, Any], data: Path, folder: Path) -> None:
    """Train one seed in one setting; keep the curve after each snapshot."""
    training = TrainingOptions.model_validate({**COMMON, **SETTINGS[setting], **given})
    horses = read_horses(data / "images32" / "cifar10_jpg_train.zip")
    network, checksum = load_features(data / "weights" / "resnet_cifar10" / WEIGHTS)
    real = features(network, torch.from_numpy(horses).permute(0, 3, 1, 2) / 127.5 - 1)
    halves = np.random.default_rng(0).permutation(len(real))
    floor = frechet_from_features(real[halves[::2]], real[halves[1::2]])
    folder.mkdir(exist_ok=True)
    document: dict[str, Any] = {
        "setting": setting,
        "seed": training.seed,
        "extractor": {"name": "resnet56 trained on CIFAR-10", "sha256": checksum},
        "real_images": len(real),
        "generated_images": IMAGES,
        "floor_between_halves": floor,
        "training": training.model_dump(mode="json"),
        "network": NETWORK.model_dump(mode="json"),
        "commit": _commit(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "precision": str(resolve_precision(training.precision, torch.device("cpu")) or "float32"),
        "curve": [],
    }
    name = f"{setting}-{document['precision'].removeprefix('torch.')}-seed{training.seed}.json"
    for snapshot in TrainingRun(horses, NETWORK, training).snapshots():
        started = time.perf_counter()
        fake = features(network, generated(snapshot.generator))
        point = {
            "kimg": snapshot.kimg,
            "distance": frechet_from_features(real, fake),
            **snapshot.statistics,
            "seconds_of_judging": time.perf_counter() - started,
        }
        document["curve"].append(point)
        text = json.dumps(document, indent=1)
        (folder / name).write_text(text + "\n", encoding="utf-8")
        print(f"{snapshot.kimg:7.2f} kimg  {point['distance']:8.3f}", flush=True)  # noqa: T201


def read_horses(archive: Path) -> NDArray[np.uint8]:
    """Return the training horses, uint8 [2000, 32, 32, 3], in order of name."""
    with zipfile.ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.startswith("train/horse/"))
        images = [Image.open(io.BytesIO(files.read(n))) for n in names if n.endswith(".jpg")]
        return np.stack([np.asarray(image.convert("RGB")) for image in images])


def load_features(path: Path) -> tuple[ResNet56, str]:
    """Return the network and the SHA-256 of its weights' file."""
    content = path.read_bytes()
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)["state_dict"]
    network = ResNet56()
    renamed = {k.removeprefix("module."): v for k, v in state.items() if "linear" not in k}
    network.load_state_dict(renamed)
    return network.eval(), hashlib.sha256(content).hexdigest()


@torch.inference_mode()
def features(network: ResNet56, image_NCHW: Tensor) -> NDArray[np.float32]:
    """Return features [N, 64] of float images [N, 3, 32, 32] in [-1, 1]."""
    return torch.cat([network(batch) for batch in image_NCHW.split(200)]).numpy()


@torch.inference_mode()
def generated(generator: Generator) -> Tensor:
    """Return images of fixed seeds with random noise, clamped to [-1, 1]."""
    seeds = range(FIRST_SEED, FIRST_SEED + IMAGES)
    parts = []
    for start in range(0, IMAGES, 200):
        z_ND, noise = draw_inputs(generator, seeds[start : start + 200])
        parts.append(generator(z_ND, noise=noise).clamp(-1, 1))
    return torch.cat(parts)


def _commit() -> str:
    def git(*command: str) -> str:
        return subprocess.run(
            ["git", *command], cwd=HERE, check=True, capture_output=True, text=True
        ).stdout.strip()  # fmt: skip

    changed = git("status", "--porcelain", "--", "src")
    return git("rev-parse", "HEAD") + (" with uncommitted changes" if changed else "")


if __name__ == "__main__":
    main()
