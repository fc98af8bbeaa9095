"""One complete study, run once by the real command; each test gets a copy of its project."""

import shutil
from pathlib import Path

import pytest

from tests.project import copy_project, kedro


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
