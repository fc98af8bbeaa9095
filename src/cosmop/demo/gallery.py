"""The gallery folder: drawn photographs, planted faults, captions, and the truth about them."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cosmop.config import Options
from cosmop.demo.captions import draw_caption
from cosmop.demo.faults import BROKEN, COPIES, EXIF_ORIENTATION, plant_fault
from cosmop.demo.gallery_options import GalleryOptions, KindShares, PersonFilterSceneOptions
from cosmop.demo.scenes import draw_scene
from cosmop.demo.truth import CRITERIA, KINDS, PersonTruth, Scene
from cosmop.errors import InputError
from cosmop.progress import track

__all__ = [
    "CAPTION_COLUMNS",
    "GalleryOptions",
    "KindShares",
    "PersonFilterSceneOptions",
    "draw_gallery",
    "draw_person_filter_scenes",
]

DRAWING_VERSION = 1  # raised when the same options draw other pixels
CAPTION_COLUMNS = ("file", "title", "keywords", "licence", "channel", "taken_at")

_LAYOUT, _SCENES, _FAULTS, _PEOPLE, _NO_PEOPLE = range(5)  # independent streams of one seed
_STARTED, _COMPLETE = "drawn_by_demo.json", "complete.json"
_OURS = ("images", "masks", "people", "no_people", "captions.csv", "truth.parquet", _COMPLETE)
_JOBS_WORTH_A_WORKER = 60  # starting a process costs as much as drawing this many scenes

_Job = tuple[str, np.random.Generator, tuple[int, int]]  # kind, stream, height and width
_Drawn = tuple[Scene, bytes, np.random.Generator]  # scene, its JPEG, the stream after it


@dataclass(frozen=True)
class _Original:
    """A drawn scene as it was published."""

    file: str
    scene_id: str
    content: bytes
    scene: Scene
    fault: str


def draw_gallery(folder: Path, options: GalleryOptions) -> pd.DataFrame:
    """Draw the gallery into `folder` and return the truth, one row per published file.

    Writes ``images/``, ``masks/<scene_id>.png``, ``captions.csv`` (`CAPTION_COLUMNS`),
    ``truth.parquet`` and, last, ``complete.json``. With the same options a second call returns at
    once; with others the folder is drawn afresh. The same options give the same bytes.

    Truth columns: file, image_sha256, scene_id, kind, one bool per criterion, has_people,
    number_of_people, fault ("" for none), copy_of (a file, or ""), people_json (list of
    `PersonTruth` fields; boxes and joints in pixels of the original). A broken file has the kind
    "" and shows nobody.

    Raises:
        InputError: `folder` holds images that were not drawn here.
    """
    if not _begin(folder, options):
        return pd.read_parquet(folder / "truth.parquet")
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    layout = _stream(options.seed, _LAYOUT)
    broken = round(options.images * options.broken_share)
    copies = round(options.images * options.duplicate_share)
    originals = options.images - broken - copies
    numbers = iter(layout.choice(10**6, size=options.images, replace=False).tolist())
    rows: list[dict[str, object]] = []
    captions: list[dict[str, str]] = []
    published = _publish_originals(folder, options, layout, originals, numbers)
    kept = []
    for original in track(published, "drawing gallery", total=originals, unit="image"):
        kept.append(original)
        rows.append(_truth_row(original))
        captions.append(_caption_row(original.file, original.scene, layout))
    faults = _plan_faults(layout, copies, COPIES) + _plan_faults(layout, broken, BROKEN)
    for fault, rng in zip(faults, _streams(options.seed, _FAULTS, len(faults)), strict=True):
        original = kept[int(rng.integers(len(kept)))]
        content, extension = plant_fault(fault, _plain(original), rng)
        file = _write(folder, next(numbers), content, extension)
        rows.append(_fault_row(original, file, content, fault))
        captions.append(_caption_row(file, original.scene, layout))
    return _finish(folder, options, rows, captions)


def draw_person_filter_scenes(folder: Path, options: PersonFilterSceneOptions) -> None:
    """Draw ``people/*.jpg`` and ``no_people/*.jpg`` for training a person filter.

    The scenes come from seed streams of their own: none of them is in the gallery of the same
    seed. A second call with the same options returns at once.

    Raises:
        InputError: `folder` holds images that were not drawn here.
    """
    if not _begin(folder, options):
        return
    half = options.images // 2
    with_people = _streams(options.seed, _PEOPLE, half)
    without = _streams(options.seed, _NO_PEOPLE, options.images - half)
    plan = [("people", KINDS[i % (len(KINDS) - 1)], rng) for i, rng in enumerate(with_people)]
    plan += [("no_people", KINDS[-1], rng) for rng in without]
    for name in ("people", "no_people"):
        (folder / name).mkdir()
    drawn = _draw_scenes([(kind, rng, options.size) for _, kind, rng in plan])
    bar = track(drawn, "drawing person filter scenes", total=len(plan), unit="image")
    for i, (_, content, _) in enumerate(bar):
        (folder / plan[i][0] / f"{i:05d}.jpg").write_bytes(content)
    (folder / _COMPLETE).write_text(_fingerprint(options))


def _draw_scenes(jobs: Sequence[_Job]) -> Iterator[_Drawn]:
    """Draw in order, on all cores: each scene has its own stream, whoever draws it.

    Workers are spawned, not forked: the caller may have started threads.
    """
    workers = min(os.cpu_count() or 1, len(jobs) // _JOBS_WORTH_A_WORKER)
    if workers < 2:
        yield from map(_draw_one, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_draw_one, jobs, chunksize=8)


def _draw_one(job: _Job) -> _Drawn:
    kind, rng, size = job
    scene = draw_scene(kind, rng, size)
    return scene, _encode(scene.image, rng), rng


def _fingerprint(options: Options) -> str:
    return json.dumps({"drawing_version": DRAWING_VERSION, **options.model_dump(mode="json")})


def _begin(folder: Path, options: Options) -> bool:
    """Make `folder` ready to be drawn into; False if it already holds what is asked for."""
    complete, started = folder / _COMPLETE, folder / _STARTED
    if complete.exists() and complete.read_text() == _fingerprint(options):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    foreign = [name for name in _OURS if (folder / name).exists()]
    if foreign and not started.exists():
        raise InputError(
            f"The demo draws into a new folder or one it has drawn before, got {folder} with "
            f"somebody else's {foreign[0]} in it; name another folder."
        )
    started.write_text(_fingerprint(options))
    complete.unlink(missing_ok=True)
    for name in _OURS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return True


def _stream(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))


def _streams(seed: int, stream: int, count: int) -> Iterator[np.random.Generator]:
    for child in np.random.SeedSequence(seed, spawn_key=(stream,)).spawn(count):
        yield np.random.default_rng(child)


def _plan_kinds(rng: np.random.Generator, count: int, shares: KindShares) -> list[str]:
    """Return `count` kinds in random order, their numbers as near to the shares as can be."""
    weights = np.array([getattr(shares, kind) for kind in KINDS], dtype=np.float64)
    ends = np.round(np.cumsum(weights) / weights.sum() * count).astype(int)
    kinds = np.repeat(KINDS, np.diff(ends, prepend=0))
    return [str(kind) for kind in rng.permutation(kinds)]


def _plan_faults(rng: np.random.Generator, count: int, faults: tuple[str, ...]) -> list[str]:
    return [
        str(fault) for fault in rng.permutation([faults[i % len(faults)] for i in range(count)])
    ]


def _publish_originals(
    folder: Path, options: GalleryOptions, layout: np.random.Generator, count: int,
    numbers: Iterator[int],
) -> Iterator[_Original]:  # fmt: skip
    kinds = _plan_kinds(layout, count, options.kinds)
    turned = round(options.images * options.exif_orientation_share)
    streams = _streams(options.seed, _SCENES, count)
    jobs = [(kind, rng, options.size) for kind, rng in zip(kinds, streams, strict=True)]
    for i, (scene, drawn, rng) in enumerate(_draw_scenes(jobs)):
        content, fault = drawn, ""
        if i < turned:
            content, fault = plant_fault(EXIF_ORIENTATION, drawn, rng)[0], EXIF_ORIENTATION
        scene_id = f"scene-{i:05d}"
        Image.fromarray(scene.truth.instance_mask).save(folder / "masks" / f"{scene_id}.png")
        file = _write(folder, next(numbers), content, "jpg")
        yield _Original(file, scene_id, content, scene, fault)


def _plain(original: _Original) -> bytes:
    """Return the upright JPEG from which faults are made."""
    if original.fault != EXIF_ORIENTATION:
        return original.content
    return _encode(original.scene.image, np.random.default_rng(0))


def _encode(image: Image.Image, rng: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(82, 96)))
    return buffer.getvalue()


def _write(folder: Path, number: int, content: bytes, extension: str) -> str:
    file = f"photo-{number:06d}.{extension}"
    (folder / "images" / file).write_bytes(content)
    return file


def _truth_row(original: _Original) -> dict[str, object]:
    truth = original.scene.truth
    return {
        "file": original.file,
        "image_sha256": hashlib.sha256(original.content).hexdigest(),
        "scene_id": original.scene_id,
        "kind": truth.kind,
        **{name: name in truth.criteria for name in CRITERIA},
        "has_people": bool(truth.people),
        "number_of_people": len(truth.people),
        "fault": original.fault,
        "copy_of": "",
        "people_json": json.dumps([_person_json(person) for person in truth.people]),
    }


def _person_json(person: PersonTruth) -> dict[str, object]:
    fields = asdict(person)
    fields["box"] = [round(v, 2) for v in person.box]
    fields["visible_fraction"] = round(person.visible_fraction, 4)
    fields["joints"] = {k: [round(v, 2) for v in point] for k, point in person.joints.items()}
    return fields


def _fault_row(original: _Original, file: str, content: bytes, fault: str) -> dict[str, object]:
    row = _truth_row(original) | {
        "file": file,
        "image_sha256": hashlib.sha256(content).hexdigest(),
        "fault": fault,
        "copy_of": original.file,
    }
    if fault in BROKEN:
        row |= dict.fromkeys(CRITERIA, False)
        row |= {"scene_id": "", "kind": "", "has_people": False, "number_of_people": 0}
        row |= {"people_json": "[]", "copy_of": ""}
    return row


def _caption_row(file: str, scene: Scene, rng: np.random.Generator) -> dict[str, str]:
    return {"file": file, **asdict(draw_caption(scene.truth.kind, scene.truth.criteria, rng))}


def _finish(
    folder: Path, options: GalleryOptions, rows: list[dict[str, object]],
    captions: list[dict[str, str]],
) -> pd.DataFrame:  # fmt: skip
    """Write the tables, in file order so that their order gives nothing away, and the seal."""
    truth = pd.DataFrame(rows).sort_values("file", ignore_index=True)
    truth.to_parquet(folder / "truth.parquet", index=False)
    table = pd.DataFrame(captions, columns=list(CAPTION_COLUMNS))
    table.sort_values("file").to_csv(folder / "captions.csv", index=False)
    (folder / _COMPLETE).write_text(_fingerprint(options))
    return pd.read_parquet(folder / "truth.parquet")
