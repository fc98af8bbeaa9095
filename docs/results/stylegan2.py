"""Train StyleGAN2 on the CIFAR horses, and write the page of curves; figures come from code only.

python docs/results/stylegan2.py train --setting plain --seed 1 --data DIR [--threads 1]
python docs/results/stylegan2.py write

DIR holds `images32/cifar10_jpg_train.zip` and `weights/resnet_cifar10/`. A run writes
`stylegan2/<setting>-<precision>-seed<seed>.json` after each snapshot, anew when called again.
"""

import argparse
import copy
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
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cosmop.metrics.frechet import frechet_from_features
from cosmop.reports.tables import markdown_table
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
OFFICIAL = {0: 44.8, 5: 29.3, 10: 44.4, 20: 58.6, 40: 19.3, 60: 24.3, 80: 16.2, 100: 8.6, 120: 6.9}
OFFICIAL_IMAGES_PER_SECOND = 125
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
        out = self.bn2(self.conv2(F.relu_(self.bn1(self.conv1(x_NCHW)))))
        extra = (out.shape[1] - x_NCHW.shape[1]) // 2
        out[:, extra : out.shape[1] - extra] += x_NCHW[:, :, :: self.stride, :: self.stride]
        return F.relu_(out)


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
        return self.feature_map(x_NCHW).mean((2, 3))

    def feature_map(self, x_NCHW: Tensor) -> Tensor:
        """Return the last map of features, [N, 64, 8, 8] of 32×32 pixels."""
        mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
        deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
        x = ((x_NCHW + 1) / 2 - mean) / deviation
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.relu_(self.bn1(self.conv1(x)))
        map_NChw: Tensor = self.layer3(self.layer2(self.layer1(x)))
        return map_NChw

    def folded(self) -> "ResNet56":
        """Return a copy with norms folded into the convolutions before them, which is faster."""
        network = copy.deepcopy(self)
        pairs = [("conv1", "bn1"), ("conv2", "bn2")]
        blocks = [one for one in network.modules() if isinstance(one, ResidualBlock)]
        for layer, names in [(network, pairs[:1]), *((block, pairs) for block in blocks)]:
            for conv, norm in names:
                setattr(layer, conv, fuse_conv_bn_eval(getattr(layer, conv), getattr(layer, norm)))
                setattr(layer, norm, nn.Identity())
        return network.to(memory_format=torch.channels_last)


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
    else:
        write(
            [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RUNS.glob("*.json"))]
        )


def run(setting: str, given: dict[str, Any], data: Path, folder: Path) -> None:
    """Train one seed in one setting; keep the curve after each snapshot."""
    training = TrainingOptions.model_validate({**COMMON, **SETTINGS[setting], **given})
    horses = read_horses(data / "images32" / "cifar10_jpg_train.zip")
    network, checksum = load_features(data / "weights" / "resnet_cifar10" / WEIGHTS)
    network = network.folded()
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
        "commit": commit_of_code(),
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
    return torch.cat([network(batch) for batch in image_NCHW.split(50)]).numpy()


@torch.inference_mode()
def generated(generator: Generator) -> Tensor:
    """Return images of fixed seeds with random noise, clamped to [-1, 1]."""
    seeds = range(FIRST_SEED, FIRST_SEED + IMAGES)
    parts = []
    for start in range(0, IMAGES, 200):
        z_ND, noise = draw_inputs(generator, seeds[start : start + 200])
        parts.append(generator(z_ND, noise=noise).clamp(-1, 1))
    return torch.cat(parts)


def commit_of_code() -> str:
    """Return the commit of `src`, and whether it has been changed since."""

    def git(*command: str) -> str:
        return subprocess.run(
            ["git", *command], cwd=HERE, check=True, capture_output=True, text=True
        ).stdout.strip()  # fmt: skip

    changed = git("status", "--porcelain", "--", ":/src")
    return git("rev-parse", "HEAD") + (" with uncommitted changes" if changed else "")


def write(runs: list[dict[str, Any]]) -> None:
    """Write the page and its figure from the kept runs."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in runs:
        kind = one["setting"], one.get("precision", "float32").removeprefix("torch.")
        groups.setdefault(kind, []).append(one)
    parts = ["# StyleGAN2 on 2,000 CIFAR horses", _words(runs), _summary(groups)]
    parts += [_curves(*kind, its_runs) for kind, its_runs in groups.items()]
    (HERE / "stylegan2.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    _draw(groups)


def _words(runs: list[dict[str, Any]]) -> str:
    extractor, floor = runs[0]["extractor"], runs[0]["floor_between_halves"]
    official = ", ".join(f"{value} at {kimg}" for kimg, value in OFFICIAL.items())
    return (
        f"Fréchet distance on the 64 pooled features of {extractor['name']} (weights SHA-256 "
        f"`{extractor['sha256'][:16]}…`), {runs[0]['real_images']:,} real against "
        f"{runs[0]['generated_images']:,} generated images of fixed seeds, random noise, "
        f"clamped to [-1, 1]; floor between halves of the real images {floor:.3f}. 32 × 32 pixels, "
        "channel base 1024, at most 64 channels, z = w = 64, 2 mapping layers, batch 16, "
        "R1 0.0128 every 16, path length every 4, mixing 0.9, EMA 5 kimg, no image held out. "
        "*plain* is without augmentation and mirroring, *augmented* with both (ADA as published: "
        "all transforms, target 0.6, 500 kimg).\n\nThe official code, measured once in the "
        f"plain setting: {official} kimg.\n\n![distance over training](stylegan2.svg)\n\n"
        "```bash\npython docs/results/stylegan2.py train --setting plain --seed 1 --data DIR\n"
        "python docs/results/stylegan2.py write\n```"
    )


def _summary(groups: dict[tuple[str, str], list[dict[str, Any]]]) -> str:
    rows = []
    for (setting, precision), runs in groups.items():
        last = [one["curve"][-1]["distance"] for one in runs]
        best = [min(one["curve"], key=lambda point: point["distance"]) for one in runs]
        rows.append(
            [
                setting,
                precision,
                ", ".join(str(one["seed"]) for one in runs),
                f"{runs[0]['curve'][-1]['kimg']:g}",
                ", ".join(f"{value:.2f}" for value in last),
                f"{np.median(last):.2f}",
                ", ".join(f"{p['distance']:.2f} ({p['kimg']:g})" for p in best),
                "; ".join(_speeds(one) for one in runs),
                ", ".join(sorted({one["commit"][:8] for one in runs})),
            ]
        )
    head = [
        *("setting", "precision", "seeds", "kimg", "distance at the end", "median"),
        *("picked snapshot (kimg)", "images/s, with judging (threads)", "commit"),
    ]
    note = (
        "Runs on 2 threads had their 2 cores nearly to themselves; runs on 1 thread shared them "
        "with other work, so their speeds say little. The first speed is the median over "
        "snapshots of training alone, the second that of the whole run with its 25 judgements. "
        f"The official code, measured once in the plain setting on another machine: "
        f"{OFFICIAL_IMAGES_PER_SECOND} images/s, distances included."
    )
    return markdown_table(head, rows) + "\n\n" + note


def _speeds(run: dict[str, Any]) -> str:
    """Write images per second of training alone, of the whole run, and the threads."""
    curve = run["curve"]
    kimg = np.diff([point["kimg"] for point in curve])
    pace = np.array([point["seconds_per_kimg"] for point in curve[1:]])
    judging = sum(point["seconds_of_judging"] for point in curve)
    whole = 1000 * kimg.sum() / ((kimg * pace).sum() + judging)
    return f"{1000 / np.median(pace):.0f}, {whole:.0f} ({run['threads']})"


def _curves(setting: str, precision: str, runs: list[dict[str, Any]]) -> str:
    by_kimg = [{round(p["kimg"]): p for p in one["curve"]} for one in runs]
    rows = [
        [kimg, *(f"{points[kimg]['distance']:.2f}" if kimg in points else "" for points in by_kimg)]
        for kimg in sorted(by_kimg[0])
    ]
    head = ["kimg", *(f"seed {one['seed']}" for one in runs)]
    return f"## {setting}, {precision}\n\n" + markdown_table(head, rows)


def _draw(groups: dict[tuple[str, str], list[dict[str, Any]]]) -> None:
    import matplotlib as mpl  # noqa: PLC0415  only the page needs it

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "cosmop"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    for number, ((setting, precision), runs) in enumerate(groups.items()):
        for one in runs:
            points = [(p["kimg"], p["distance"]) for p in one["curve"]]
            label = f"{setting}, {precision}" if one is runs[0] else None
            axes.plot(*zip(*points, strict=True), color=f"C{number}", lw=1.2, label=label)
    axes.plot(*zip(*OFFICIAL.items(), strict=True), "k--", lw=1.5, label="official code, plain")
    axes.set(yscale="log", xlabel="thousand images shown", ylabel="Fréchet distance")
    ticks = (2, 5, 10, 20, 50)
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(HERE / "stylegan2.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
