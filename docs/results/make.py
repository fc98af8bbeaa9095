"""Write a page of results from the newest run of an environment; figures come from code only.

python docs/results/make.py demo                                   after `kedro run`
python docs/results/make.py real-photos --photos DIR --labels CSV  prepares and runs `--env=folder`
"""

import argparse
import csv
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from cosmop.reports.tables import markdown_table, results_markdown

PROJECT = Path(__file__).parents[2]


def main() -> None:
    """Parse the command line and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    pages = parser.add_subparsers(dest="page", required=True)
    pages.add_parser("demo")
    photos = pages.add_parser("real-photos")
    photos.add_argument("--photos", type=Path, required=True)
    photos.add_argument("--labels", type=Path, required=True)
    photos.add_argument("--skip-run", action="store_true", help="only write the page again")
    chosen = parser.parse_args()
    if chosen.page == "demo":
        _write("demo", "The demo study", PROJECT / "data", _demo_words())
        return
    if not chosen.skip_run:
        _run_on_photos(chosen.photos, chosen.labels)
    _write("real-photos", "Real photographs", PROJECT / "data" / "folder", _photo_words())


def _run_on_photos(photos: Path, labels: Path) -> None:
    """Lay links to the photographs where `conf/folder` looks, and run the whole pipeline."""
    raw = PROJECT / "data" / "folder" / "01_raw"
    shutil.rmtree(PROJECT / "data" / "folder", ignore_errors=True)
    raw.mkdir(parents=True)
    (raw / "my_images").symlink_to(photos.resolve(), target_is_directory=True)
    shutil.copy(labels, raw / "labels.csv")
    folders = {"people": raw / "people", "none": raw / "no_people"}
    for folder in folders.values():
        folder.mkdir()
    for row in csv.DictReader(labels.read_text(encoding="utf-8").splitlines()):
        if row["people"] in folders:
            (folders[row["people"]] / row["file"]).symlink_to(labels.resolve().parent / row["file"])
    command = [sys.executable, "-m", "kedro", "run", "--env=folder"]
    subprocess.run(command, cwd=PROJECT, check=True)


def _write(name: str, title: str, data: Path, words: str) -> None:
    metrics, record = _newest(data, "study_metrics"), _record(data)
    distances = _newest(data, "distances")
    curve = pd.read_parquet(_path(data, "distance_curve.parquet"))
    parts = [
        f"# {title}",
        words,
        _machine(record, distances),
        results_markdown(metrics),
        "## Duplicates\n\n" + _duplicates(data),
        _person_filter(_newest(data, "person_filter_metrics")),
        "## Distance over training\n\n" + _curve_table(curve),
    ]
    page = "\n\n".join(part for part in parts if part) + "\n"
    (PROJECT / "docs" / "results" / f"{name}.md").write_text(page, encoding="utf-8")


def _path(data: Path, name: str) -> Path:
    return sorted((data / "08_reporting" / name).glob(f"*/{name}"))[-1]


def _newest(data: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_path(data, f"{name}.json").read_text(encoding="utf-8"))
    return document


def _record(data: Path) -> dict[str, Any]:
    text = (data / "08_reporting" / "run_record.json").read_text(encoding="utf-8")
    record: dict[str, Any] = json.loads(text)
    return record


def _machine(record: dict[str, Any], distances: dict[str, Any]) -> str:
    extractor = distances["extractor"]
    seeds = record["parameters"]
    return (
        f"Made by code from the run of {record['made_at']} ({record['code_version']}; "
        f"`{record['command']}`) on {os.cpu_count()} CPU cores, {platform.machine()}, "
        f"{platform.system()}, Python {platform.python_version()}. Features: "
        f"`{extractor['name']}`, {extractor['dimensions']} dimensions, weights SHA-256 "
        f"`{extractor['checksum'][:16]}…`. Seeds: split {seeds['annotation']['split']['seed']}, "
        f"StyleGAN2 {seeds['generation']['training']['seed']}, classifier "
        f"{seeds['evaluation']['classifier']['seed']}. Intervals are 95 %."
    )


def _person_filter(metrics: dict[str, Any]) -> str:
    estimates = {key: value for key, value in metrics.items() if isinstance(value, dict)}
    confusion = estimates.pop("confusion", {})
    words = f"Confusion: {confusion}." if confusion else ""
    return "## Person filter in detail\n\n" + results_markdown(estimates) + f"\n\n{words}"


def _duplicates(data: Path) -> str:
    """Count what was left out as a copy, and the labels that could not be used."""
    log, groups, problems = (
        pd.read_parquet(sorted((data / layer / name).glob(f"*/{name}"))[-1])
        for layer, name in (
            ("01_raw", "download_log.parquet"),
            ("02_intermediate", "duplicate_groups.parquet"),
            ("03_primary", "label_problems.parquet"),
        )
    )
    rows = [
        ["files looked at", len(log)],
        ["unusable files", int((log["status"] == "failed").sum())],
        ["byte-identical copies", int((log["status"] == "identical").sum())],
        ["near copies, by perceptual hash", int((~groups["is_kept"]).sum())],
        ["label records that could not be used", len(problems)],
    ]
    return markdown_table(["images", "number"], rows)


def _curve_table(curve: pd.DataFrame) -> str:
    columns = [name for name in ("kimg", "value", "low", "high", "n") if name in curve]
    columns += [name for name in ("precision", "recall", "augmentation_strength") if name in curve]
    rows = [
        [*(round(float(row[name]), 3) for name in columns), "best" if row["is_best"] else ""]
        for row in curve.to_dict("records")
    ]
    return f"`{curve['name'].iloc[0]}`:\n\n" + markdown_table([*columns, ""], rows)


def _demo_words() -> str:
    return (
        "What `make run` measures on the drawn demo study, where every image's truth is known "
        "(*against truth*). The networks are small and trained for minutes from nothing: the "
        "figures show that each stage works, not how well the full-size study does. "
        "The demo's settings "
        "(scenes, epochs, images shown) were chosen by looking at runs on these same seeds, so "
        "the held-out figures are somewhat optimistic.\n\n"
        "```bash\nmake run\npython docs/results/make.py demo\n```"
    )


def _photo_words() -> str:
    return (
        "The whole pipeline on real photographs from a folder, with labels from a table "
        "(positive = people). The person filter scores and removes nothing; its accuracy is "
        "cross-validated. The delivered filter then knows all these photographs, test images "
        "among them (the leak checks say so), so figures on its features flatter. "
        "Everything is trained from scratch on a few hundred images, without any pretrained "
        "weights, so poor figures are what there is to expect.\n\n"
        "```bash\npython docs/results/make.py real-photos --photos DIR --labels DIR/labels.csv\n```"
        "\n\nwhich lays links where `conf/folder` looks and calls `kedro run --env=folder`."
    )


if __name__ == "__main__":
    main()
