"""The planted truth of the Fréchet distance is drawn by its benchmark, a script."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_FOLDER = str(Path(__file__).parents[3] / "benchmarks")


@pytest.fixture(autouse=True, scope="session")
def _benchmarks_are_importable() -> Iterator[None]:
    sys.path.insert(0, _FOLDER)
    yield
    sys.path.remove(_FOLDER)
