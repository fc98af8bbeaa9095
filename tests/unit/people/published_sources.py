"""CrowdHuman and PASS in small: drawn photographs in archives of the published layout."""

import io
import json
import tarfile
import zipfile

import numpy as np
from PIL import Image, ImageDraw

CROWD, SKIN, MASKED = (200, 30, 30), (220, 170, 140), (30, 30, 200)


def backdrop(chance, size=(240, 160)):
    """A smooth picture without red or blue."""
    coarse = chance.integers(90, 130, (4, 6, 3), dtype=np.uint8)
    coarse[..., 1] += 90
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def encoded(image, quality=90):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def person_box(x, y, width, height, *, tag="person", **extra):
    """One entry of `gtboxes` as CrowdHuman writes it; the whole body is what is visible."""
    box = [x, y, width, height]
    head = [x + width // 4, y, width // 2, height // 5]
    entry = {"tag": tag, "fbox": box, "vbox": box, "hbox": head, "extra": {"box_id": 0, **extra}}
    return entry | ({"head_attr": {"ignore": 0, "occ": 0, "unsure": 0}} if tag == "person" else {})


def draw_crowd(chance, boxes, size=(240, 160)):
    """People are red boxes, what is masked or ignored is blue."""
    image = backdrop(chance, size)
    draw = ImageDraw.Draw(image)
    for box in boxes:
        x, y, width, height = box["vbox"]
        counts = box["tag"] == "person" and not box["extra"].get("ignore")
        draw.rectangle([x, y, x + width - 1, y + height - 1], fill=CROWD if counts else MASKED)
    return image


def draw_boxes(chance, count=2, size=(240, 160)):
    """Some people side by side on the left, and a masked crowd in the lower right corner."""
    boxes = [
        person_box(8 + 40 * at, int(chance.integers(10, 60)), 24, 80, occ=0) for at in range(count)
    ]
    return [*boxes, person_box(size[0] - 40, size[1] - 40, 40, 40, tag="mask", ignore=1)]


def make_crowd(chance, ids, size=(240, 160), quality=90):
    """Return JPEG bytes and boxes by id."""
    crowd = {}
    for photo_id in ids:
        boxes = draw_boxes(chance, size=size)
        crowd[photo_id] = (encoded(draw_crowd(chance, boxes, size), quality), boxes)
    return crowd


def odgt(crowd):
    lines = [json.dumps({"ID": one, "gtboxes": boxes}) for one, (_, boxes) in crowd.items()]
    return "\n".join(lines) + "\n"


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_crowdhuman(folder, chance, ids=("273271,a1", "273275,b2", "284193,c3"), **drawing):
    """Write all parts: photographs dealt to the four zips, annotations to the two files."""
    folder.mkdir(parents=True, exist_ok=True)
    crowd = make_crowd(chance, ids, **drawing)
    names = ["CrowdHuman_train01", "CrowdHuman_train02", "CrowdHuman_train03", "CrowdHuman_val"]
    for at, name in enumerate(names):
        part = {f"Images/{one}.jpg": crowd[one][0] for one in list(crowd)[at::4]}
        write_zip(folder / f"{name}.zip", part)
    of_val = dict(list(crowd.items())[3::4])
    of_train = {one: crowd[one] for one in crowd if one not in of_val}
    (folder / "annotation_train.odgt").write_text(odgt(of_train), encoding="utf-8")
    (folder / "annotation_val.odgt").write_text(odgt(of_val), encoding="utf-8")
    return crowd


def write_pass(folder, chance, count=12, size=(240, 160), quality=90, tars=10):
    """Write the tars and the table of authors; returns bytes by hash."""
    folder.mkdir(parents=True, exist_ok=True)
    photos = {f"{at:032x}": encoded(backdrop(chance, size), quality) for at in range(count)}
    for at in range(tars):
        part = {
            f"PASS_dataset/dummy_folder/{one}.jpeg": photos[one] for one in list(photos)[at::10]
        }
        write_tar(folder / f"PASS.{at}.tar", part)
    rows = [f'"Photographer {at}",{one},"",2010-01-01' for at, one in enumerate(photos)]
    (folder / "pass_metadata.csv").write_text("\n".join(["creator,hash,gps,date", *rows]) + "\n")
    return photos
