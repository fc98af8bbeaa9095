"""What all tests share: a quiet terminal, one seed, small pictures, and the project to run."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.project import copy_project, kedro

os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "1")

PROJECT = Path(__file__).parents[1]


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_interrupts() -> Iterator[None]:
    """Python's own answer to Ctrl-C; who starts tests in the background has switched it off.

    Processes that tests start would inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def chance() -> np.random.Generator:
    """The suite's one source of randomness; COSMOP_TEST_SEED asks for another one."""
    return np.random.default_rng(int(os.environ.get("COSMOP_TEST_SEED", "0")))


@pytest.fixture
def shared_data() -> Path:
    """Real photographs and weights that are not part of the project."""
    folder = Path(os.environ.get("COSMOP_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real photographs are not at {folder}; COSMOP_SHARED_DATA says where they are")
    return folder


@pytest.fixture
def picture(chance: np.random.Generator) -> Callable[..., Image.Image]:
    """Draw a smooth random picture that no other picture resembles."""

    def draw(width: int = 96, height: int = 72) -> Image.Image:
        coarse = chance.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)

    return draw


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which ``kedro run --env=test`` has run once; read it, do not change it."""
    project = copy_project(tmp_path_factory.mktemp("finished"))
    done = kedro(project, "run", "--env=test")
    assert done.returncode == 0, done.stdout + done.stderr
    (project / "output.txt").write_text(done.stdout, encoding="utf-8")
    return project


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished project to go on with."""
    return shutil.copytree(finished, tmp_path / "project", symlinks=True)


@pytest.fixture
def new_project(tmp_path: Path) -> Path:
    """A project in which nothing has run."""
    return copy_project(tmp_path)
