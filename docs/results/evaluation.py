"""Judge this project's own synthetic CIFAR horses, and write the page; figures come from code only.

python docs/results/evaluation.py generator --data DIR --work FOLDER [--threads 1]
python docs/results/evaluation.py measure --data DIR --work FOLDER
python docs/results/evaluation.py write

DIR holds `images32/`, `photos/objects1000/` and `weights/resnet_cifar10/`. FOLDER keeps the
generator and each finished training of the augmentation study, which are not done again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from evaluation_page import page
from horses import SEED, read_split, train_generator
from judging import (
    copies_of,
    distances_of,
    judge_horses,
    judge_photographs,
    study_horses,
    synthetic_horses,
)
from stylegan2 import WEIGHTS, commit_of_code, load_features

from cosmop.datasets.models import load_network
from cosmop.datasets.snapshots import BUILDER

HERE = Path(__file__).parent
SYNTHETIC_PER_TRAINING = 2


def main() -> None:
    """Parse the command line; train, measure or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("generator", "measure"):
        command = commands.add_parser(name)
        command.add_argument("--data", type=Path, required=True)
        command.add_argument("--work", type=Path, required=True)
        command.add_argument("--threads", type=int, default=1)
    commands.add_parser("write")
    chosen = parser.parse_args()
    if chosen.command == "write":
        document = json.loads((HERE / "evaluation.json").read_text(encoding="utf-8"))
        (HERE / "evaluation.md").write_text(page(document), encoding="utf-8")
        return
    torch.set_num_threads(chosen.threads)
    chosen.work.mkdir(parents=True, exist_ok=True)
    if chosen.command == "generator":
        train_generator(chosen.data, chosen.work)
    else:
        document = measure(chosen.data, chosen.work)
        text = json.dumps(document, indent=1, allow_nan=False)
        (HERE / "evaluation.json").write_text(text + "\n", encoding="utf-8")


def measure(data: Path, work: Path) -> dict[str, Any]:
    """Judge the generator in `work`; finished trainings there are not done again."""
    kept = json.loads((work / "generator.json").read_text(encoding="utf-8"))
    generator = load_network(work / kept["picked"], BUILDER)
    network, checksum = load_features(data / "weights" / "resnet_cifar10" / WEIGHTS)
    split = read_split(data)
    horses = int(split["train"].labels.sum())
    synthetic = synthetic_horses(generator, SYNTHETIC_PER_TRAINING * horses)
    counts = {
        name: [int(part.labels.sum()), int((~part.labels).sum())] for name, part in split.items()
    }
    return {
        "seed": SEED,
        "commit": commit_of_code(),
        "torch": torch.__version__,
        "images": {**counts, "synthetic": len(synthetic)},
        "generator": {
            "kimg": kept["training"]["total_kimg"],
            "seed": kept["training"]["seed"],
            "picked_kimg": float(kept["picked"].removeprefix("generator-")),
            "curve": kept["curve"],
            "checksum": generator.checksum(),
        },
        "distances": distances_of(network, checksum, split, synthetic),
        "memorisation": copies_of(network, checksum, split, synthetic),
        "horses": judge_horses(network, split, synthetic),
        "photographs": judge_photographs(network, data),
        "augmentation_study": study_horses(split, synthetic, work),
    }


if __name__ == "__main__":
    main()
