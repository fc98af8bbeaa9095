"""Generated images as files that other programs read, each with what makes it again.

Three layouts: a folder of PNGs, a zip of them as StyleGAN's training programs read it, and a
WebDataset tar. The same images give the same bytes, and a file exists whole or not at all.
"""

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cosmop.errors import InputError
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.sampling import sample_images

Write = Callable[[str, bytes], None]

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can tell
_PER_FOLDER = 1000


@dataclass(frozen=True)
class ImageRecord:
    """All that makes a generated image again, to the bit on the same kind of device.

    Attributes:
        seed: Of latent and noise.
        truncation: Psi.
        generator: The generator's checksum, SHA-256 in hex.
        batch_size: Images computed together; another size rounds differently, by one level at most.
        batch_place: The image's place among them, from 0.
        label: Its row of labels, None without classes.
    """

    seed: int
    truncation: float
    generator: str
    batch_size: int
    batch_place: int
    label: tuple[float, ...] | None = None


Exported = tuple[ImageRecord, bytes]


def encode_png(image_HWC: NDArray[np.uint8]) -> bytes:
    """Return a PNG of uint8 [H, W, 1 or 3]."""
    buffer = io.BytesIO()
    Image.fromarray(image_HWC[..., 0] if image_HWC.shape[-1] == 1 else image_HWC).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


def generate_recorded(
    generator: Generator,
    seeds: Sequence[int],
    *,
    truncation: float = 1.0,
    batch_size: int = 32,
    device: str = "auto",
    labels: NDArray[np.generic] | None = None,
) -> Iterator[Exported]:
    """Yield a record and a PNG for each of `seeds`, in order; see `sample_images`."""
    checksum = generator.checksum()
    batches = sample_images(
        generator, seeds, truncation=truncation, batch_size=batch_size, device=device, labels=labels
    )
    done = 0
    for batch_NHWC in batches:
        for place, image_HWC in enumerate(batch_NHWC):
            label = None if labels is None else tuple(float(x) for x in labels[done])
            yield (
                ImageRecord(seeds[done], truncation, checksum, len(batch_NHWC), place, label),
                encode_png(image_HWC),
            )
            done += 1


def remake(record: ImageRecord, generator: Generator, device: str = "auto") -> NDArray[np.uint8]:
    """Return the image [H, W, C] of `record` again.

    It is computed in a batch of the recorded size at the recorded place, so that even rounding is
    the same; what its neighbours show does not matter.

    Raises:
        InputError: The generator is another one.
    """
    checksum = generator.checksum()
    if checksum != record.generator:
        raise InputError(
            f"Image of seed {record.seed} wants the generator {record.generator[:12]}…, got "
            f"{checksum[:12]}…; load the version that made it."
        )
    labels = None if record.label is None else np.tile(record.label, (record.batch_size, 1))
    (batch_NHWC,) = sample_images(
        generator,
        [record.seed] * record.batch_size,
        truncation=record.truncation,
        batch_size=record.batch_size,
        device=device,
        labels=labels,
    )
    image: NDArray[np.uint8] = batch_NHWC[record.batch_place]
    return image


def export_images(images: Iterable[Exported], path: Path, layout: str) -> None:
    """Write records and PNGs to `path` one by one, under another name until all are there.

    ``folder`` and ``zip`` hold ``00000/img00000000.png`` …, ``dataset.json`` with
    ``{"labels": [[name, class], …]}`` or null (a vector in place of the class where several hold),
    and ``records.json``, one record per name. ``webdataset`` holds ``img00000000.png`` and
    ``img00000000.json``, its record, one pair after the other. No file is compressed again.

    Args:
        images: From `generate_recorded`, or of an image set; taken once.
        path: A file, which is replaced, or a folder, which must not exist yet.
        layout: ``"folder"``, ``"zip"`` or ``"webdataset"``.

    Raises:
        InputError: There is no image, an unknown layout, or the folder is there already.
    """
    layouts = {
        "folder": (_into_folder, _write_data_set),
        "zip": (_into_zip, _write_data_set),
        "webdataset": (_into_tar, _write_pairs),
    }
    if layout not in layouts:
        raise InputError(
            f"Exporting wants a layout among {', '.join(layouts)}, got {layout!r}; choose one."
        )
    if layout == "folder" and path.exists():
        raise InputError(
            f"Exporting wants a folder that is not there yet, got {path}; move it or choose "
            "another name."
        )
    aside = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    opened, write_all = layouts[layout]
    try:
        with opened(aside) as write:
            count = write_all(images, write)
        if not count:
            raise InputError(f"Exporting to {path} wants at least one image, got none.")
        aside.replace(path)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        else:
            aside.unlink(missing_ok=True)


def _write_pairs(images: Iterable[Exported], write: Write) -> int:
    count = 0
    for count, (record, png) in enumerate(images, 1):
        write(f"img{count - 1:08d}.png", png)
        write(f"img{count - 1:08d}.json", _json(asdict(record)))
    return count


def _write_data_set(images: Iterable[Exported], write: Write) -> int:
    records: dict[str, ImageRecord] = {}
    for number, (record, png) in enumerate(images):
        name = f"{number // _PER_FOLDER:05d}/img{number:08d}.png"
        records[name] = record
        write(name, png)
    labels = [[name, _class_of(record.label)] for name, record in records.items()]
    is_labelled = any(label is not None for _, label in labels)
    write("dataset.json", _json({"labels": labels if is_labelled else None}))
    write("records.json", _json({name: asdict(record) for name, record in records.items()}))
    return len(records)


def _class_of(label: tuple[float, ...] | None) -> int | list[float] | None:
    if label is None:
        return None
    is_one_hot = sorted(label) == [0.0] * (len(label) - 1) + [1.0]
    return label.index(1.0) if is_one_hot else list(label)


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


@contextmanager
def _into_folder(path: Path) -> Iterator[Write]:
    def write(name: str, content: bytes) -> None:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)

    yield write


@contextmanager
def _into_zip(path: Path) -> Iterator[Write]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:

        def write(name: str, content: bytes) -> None:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # alike on every system
            archive.writestr(entry, content)

        yield write


@contextmanager
def _into_tar(path: Path) -> Iterator[Write]:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:

        def write(name: str, content: bytes) -> None:
            entry = tarfile.TarInfo(name)  # owner 0, time 0, mode 644
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))

        yield write
