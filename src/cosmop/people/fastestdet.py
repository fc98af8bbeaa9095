"""FastestDet, a detector of 0.25 million parameters (github.com/dog-qiuqiu/FastestDet, BSD-3).

Its file is run by ONNX Runtime. For each of 22×22 cells it says: objectness, offset of the box's
centre (before tanh, in cells), width and height (before a sigmoid, as shares of the image), and a
probability for each of COCO's 80 classes.

Shape suffixes: K channels, h w cells, n cells.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit
from torchvision.ops import nms

from cosmop.errors import InputError, first_line
from cosmop.people.boxes import Floats, PersonBoxes
from cosmop.people.detector_options import DetectorOptions
from cosmop.people.weights import check_weights, hub_folder

FILE_NAME = "FastestDet.onnx"
# example/onnx-runtime/FastestDet.onnx, commit 50473cd, trained on COCO.
FILE_SHA256 = "31cb14c017fce347cb4c846ec62fdf00d76bb3beecdf4be21e7116ac67feb880"
_SIDE_PX = 352
_FIRST_CLASS, _PERSON = 5, 0
_FEW = 1e-3  # cells below are not worth comparing with each other


def load_fastestdet(options: DetectorOptions) -> Callable[[Image.Image], PersonBoxes]:
    """Return the detector; its file lies at ``weights_path`` or in torch's hub cache.

    Raises:
        InputError: The file is absent, altered or no such network; ONNX Runtime is not installed.
    """
    path = Path(options.weights_path or hub_folder() / FILE_NAME).expanduser()
    check_weights(path, options.weights_sha256 or FILE_SHA256)
    session = _open_session(path)
    name = session.get_inputs()[0].name

    def detect(image: Image.Image) -> PersonBoxes:
        map_Khw = session.run(None, {name: prepare(image)})[0][0]
        boxes = decode(map_Khw, *image.size)
        kept = _without_overlaps(boxes, options.max_overlap)
        return PersonBoxes(boxes.corners[kept], boxes.scores[kept])

    return detect


def _open_session(path: Path) -> Any:
    try:
        onnxruntime = import_module("onnxruntime")  # an extra
    except ImportError as error:
        raise InputError(
            "The detector 'fastestdet' needs ONNX Runtime, got none; install cosmop[onnx], or take "
            "one of torchvision's detectors."
        ) from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            path.read_bytes(), settings, providers=["CPUExecutionProvider"]
        )
        _check_shapes(session)
    except Exception as error:  # ONNX Runtime's own, which share no base class
        raise InputError(
            f"The weights at {path} must be FastestDet's for COCO in ONNX, got: "
            f"{first_line(error)}; fetch the file again."
        ) from error
    return session


def _check_shapes(session: Any) -> None:
    taken, given = session.get_inputs()[0].shape, session.get_outputs()[0].shape
    if taken != [1, 3, _SIDE_PX, _SIDE_PX] or given[1] != _FIRST_CLASS + 80:
        raise ValueError(f"a network from {taken} to {given}")


def prepare(image: Image.Image) -> NDArray[np.float32]:
    """Bring an RGB image to what the network takes: blue, green, red in 0..1, [1, 3, 352, 352]."""
    small = image.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BILINEAR)
    pixels = np.asarray(small, dtype=np.float32)[:, :, ::-1] / 255
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def decode(map_Khw: NDArray[np.float32], width: int, height: int) -> PersonBoxes:
    """Return the box of each cell that may hold a person; scores are objectness × probability.

    Args:
        map_Khw: What the network said, [85, h, w].
        width: Of the original, in pixels.
        height: Of the original, in pixels.
    """
    map_Khw = map_Khw.astype(np.float64)
    rows, columns = np.indices(map_Khw.shape[1:])
    score_hw = map_Khw[0] * map_Khw[_FIRST_CLASS + _PERSON]
    cells_211 = np.array(map_Khw.shape[:0:-1])[:, None, None]
    centre_2hw = (np.stack([columns, rows]) + np.tanh(map_Khw[1:3])) / cells_211
    half_2hw = expit(map_Khw[3:5]) / 2
    shares_4hw = np.concatenate([centre_2hw - half_2hw, centre_2hw + half_2hw])
    is_worth = score_hw >= _FEW
    corners_n4: Floats = shares_4hw[:, is_worth].T * [width, height, width, height]
    return PersonBoxes(corners_n4, score_hw[is_worth])


def _without_overlaps(boxes: PersonBoxes, max_overlap: float) -> NDArray[np.int64]:
    corners, scores = (torch.from_numpy(values) for values in (boxes.corners, boxes.scores))
    kept: NDArray[np.int64] = nms(corners, scores, max_overlap).numpy()
    return kept
