import hashlib
import math

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from torchvision import models

from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.people.boxes import PersonBoxes, box_table
from cosmop.people.detector import DETECTORS, detect_people, load_detector
from cosmop.people.detector_options import DetectorOptions
from cosmop.people.fastestdet import decode
from cosmop.people.options import ScoringOptions
from cosmop.people.scoring import find_people

SMALL = "ssdlite320_mobilenet_v3_large"


def boxes(*rows):
    table = np.array(rows, dtype=float)
    return PersonBoxes(table[:, :4], table[:, 4])


def test_boxes_are_cut_at_the_edges_sorted_and_empty_ones_left_out():
    found = boxes(
        (-5, -5, 20, 30, 0.4), (90, 10, 120, 60, 0.9), (200, 0, 300, 9, 0.8), (0, 0, 9, 9, 0.01)
    ).within(100, 50, 0.05)

    assert found.corners.tolist() == [[90, 10, 100, 50], [0, 0, 20, 30]]
    assert found.scores.tolist() == [0.9, 0.4]


def test_only_a_large_enough_box_counts_for_the_image():
    found = boxes((0, 0, 10, 10, 0.9), (0, 0, 20, 10, 0.3))

    assert found.image_score(100, 100, 0.01) == 0.9  # 100 of 10,000 pixels
    assert found.image_score(100, 100, 0.011) == 0.3
    assert found.image_score(100, 100, 0.5) == 0


def test_the_table_has_corner_and_sides_and_the_same_columns_without_a_box():
    table = box_table([("a", boxes((1, 2, 4, 8, 0.5))), ("b", boxes((0, 0, 1, 1, 0.2)))])
    empty = box_table([])

    assert table.to_dict("records")[0] == {
        **{"image_id": "a", "x": 1, "y": 2, "width": 3, "height": 6, "score": 0.5}
    }
    assert table["image_id"].tolist() == ["a", "b"]
    assert empty.dtypes.equals(table.dtypes)


def slow_decode(said, width, height):
    """Cell by cell, as the network's description says."""
    _, h, w = said.shape
    found = []
    for row in range(h):
        for column in range(w):
            cell = said[:, row, column].astype(float)
            score = cell[0] * cell[5]
            x, y = (column + math.tanh(cell[1])) / w, (row + math.tanh(cell[2])) / h
            wide, high = (1 / (1 + math.exp(-value)) for value in cell[3:5])
            if score >= 1e-3:
                corners = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
                scale = (width, height, width, height)
                found.append([c * s for c, s in zip(corners, scale, strict=True)] + [score])
    return np.array(found)


def test_cells_are_decoded_as_the_slow_way_does():
    chance = np.random.default_rng(0)
    said = chance.normal(size=(85, 5, 7)).astype(np.float32)
    said[0], said[5:] = chance.random((5, 7)) ** 4, chance.random((80, 5, 7))
    found, expected = decode(said, 640, 480), slow_decode(said, 640, 480)

    assert 5 < len(expected) < 35
    np.testing.assert_allclose(found.corners, expected[:, :4], rtol=1e-9)
    np.testing.assert_allclose(found.scores, expected[:, 4], rtol=1e-9)


@pytest.fixture
def fastestdet(shared_data):
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed: cosmop[onnx]")
    return DetectorOptions(weights_path=str(shared_data / "weights/fastestdet/FastestDet.onnx"))


def photographs(shared_data, folder, tmp_path, count):
    store, rows = ImageStore(tmp_path), []
    for path in sorted((shared_data / "photos" / folder).rglob("*.jpg"))[:count]:
        image_id, stored = store.add(path.read_bytes(), "jpg")
        with Image.open(path) as image:
            width, height = image.size
        rows.append({"image_id": image_id, "path": stored, "width": width, "height": height})
    return ImageSet(pd.DataFrame(rows), store)


def test_street_photographs_score_above_empty_rooms(shared_data, fastestdet, tmp_path):
    crowd = photographs(shared_data, "crowd38", tmp_path, 15)
    rooms = photographs(shared_data, "indoor85", tmp_path, 15)
    (street, found), (inside, _) = (detect_people(each, fastestdet) for each in (crowd, rooms))
    scores = np.concatenate([street["person_score"], inside["person_score"]])

    assert roc_auc_score(np.repeat([1, 0], 15), scores) > 0.9
    assert street["image_id"].tolist() == crowd.ids
    assert found.groupby("image_id").size().mean() > 3
    sizes = found.merge(crowd.manifest, on="image_id", suffixes=("", "_image"))
    assert (sizes["x"] + sizes["width"] <= sizes["width_image"] + 1e-6).all()
    assert (sizes["y"] + sizes["height"] <= sizes["height_image"] + 1e-6).all()
    assert found["score"].min() >= 0.05


def test_a_box_lies_where_the_person_is(shared_data, fastestdet):
    path = sorted((shared_data / "photos/crowd38").rglob("*.jpg"))[0]
    with Image.open(path) as file:
        image = file.convert("RGB")
    wide = Image.new("RGB", (image.width * 2, image.height), (128, 128, 128))
    wide.paste(image, (image.width, 0))
    found = load_detector(fastestdet)(wide).within(*wide.size, 0.3)

    assert len(found.scores) > 0
    assert (found.corners[:, 2] > image.width).all()


def test_the_detector_is_a_scorer_like_the_classifier(shared_data, fastestdet, tmp_path):
    images = photographs(shared_data, "crowd38", tmp_path, 2)
    detector = fastestdet.model_copy(update={"threshold": 0.4})
    options = ScoringOptions(scorer="detector", detector=detector)
    found = find_people(images, None, options)

    assert found.scores["threshold"].tolist() == [0.4, 0.4]
    assert set(found.boxes["image_id"]) <= set(images.ids)


def test_an_empty_set_gives_empty_tables_of_the_same_columns(shared_data, fastestdet, tmp_path):
    images = photographs(shared_data, "crowd38", tmp_path, 1)
    scores, found = detect_people(images.where([False]), fastestdet)

    assert (len(scores), len(found)) == (0, 0)
    full_scores, full = detect_people(images, fastestdet)
    assert scores.dtypes.equals(full_scores.dtypes)
    assert found.dtypes.equals(full.dtypes)


@pytest.fixture(scope="module")
def small_weights(tmp_path_factory):
    torch.manual_seed(0)
    network = models.get_model(SMALL, weights=None, weights_backbone=None).eval()
    for layer in network.head.classification_head.module_list:
        bias = layer[-1].bias.data.view(-1, 91)  # anchors × classes
        bias[::2, 1], bias[1::2, 2] = 3, 3  # half of them see people, half bicycles
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(network.state_dict(), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    options = DetectorOptions(
        name=SMALL, weights_path=str(path), weights_sha256=sha256, device="cpu", min_score=0.0
    )
    return network, options


def test_a_detector_of_torchvision_gives_its_own_boxes_of_people(small_weights, scenes):
    network, options = small_weights
    image = scenes(1).open(0)
    found = load_detector(options)(image)
    x_CHW = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    with torch.no_grad():
        said = network([x_CHW])[0]
    is_person = (said["labels"] == 1).numpy()

    assert 0 < is_person.sum() < len(is_person)
    np.testing.assert_allclose(found.corners, said["boxes"].numpy()[is_person], rtol=1e-4)
    np.testing.assert_allclose(found.scores, said["scores"].numpy()[is_person], rtol=1e-4)


def test_all_of_torchvisions_detectors_may_be_asked_for():
    assert set(DETECTORS) == {"fastestdet", *models.list_models(module=models.detection)}


def test_unknown_detectors_and_unusable_weights_are_refused(small_weights, tmp_path):
    _, options = small_weights

    def load(**changes):
        return load_detector(options.model_copy(update=changes))

    with pytest.raises(InputError, match=r"got 'fasterrcnn'.*fasterrcnn_resnet50_fpn"):
        load(name="fasterrcnn")
    with pytest.raises(InputError, match="no such file"):
        load(weights_path=str(tmp_path / "none.pth"))
    with pytest.raises(InputError, match="must have the SHA-256 aaaa"):
        load(weights_sha256="a" * 64)
    with pytest.raises(InputError, match="need `weights_sha256`"):
        load(weights_sha256=None)
    with pytest.raises(InputError, match="must fit the network"):
        load(name="fasterrcnn_mobilenet_v3_large_320_fpn")


def test_fastestdet_without_its_file_or_with_another_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed: cosmop[onnx]")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"FastestDet\.onnx, but there is no such file"):
        load_detector(DetectorOptions())
    other = tmp_path / "other.onnx"
    other.write_bytes(b"no network")
    with pytest.raises(InputError, match="must have the SHA-256 31cb14c0"):
        load_detector(DetectorOptions(weights_path=str(other)))
    checksum = hashlib.sha256(b"no network").hexdigest()
    with pytest.raises(InputError, match="must be FastestDet's for COCO in ONNX, got"):
        load_detector(DetectorOptions(weights_path=str(other), weights_sha256=checksum))
