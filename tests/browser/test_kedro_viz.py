"""What people see in kedro-viz, built by its own command after a study has run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # it reads a study that has run


@pytest.fixture(scope="module")
def built(finished: Path) -> Path:
    """The static site of ``kedro viz build --include-previews``."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"],
        cwd=finished,
        env=os.environ | {"KEDRO_ENV": "test"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "could not be previewed" not in done.stderr + done.stdout
    return finished / "build"


def document(site: Path, *name: str) -> Any:
    return json.loads(site.joinpath("api", *name).read_text(encoding="utf-8"))


def test_every_data_set_has_a_layer_and_a_preview(built: Path) -> None:
    nodes = [node for node in document(built, "main")["nodes"] if node["type"] == "data"]

    previews = {node["name"]: document(built, "nodes", node["id"]).get("preview") for node in nodes}

    assert len(nodes) > 40
    assert [node["name"] for node in nodes if not node["layer"]] == []
    assert [name for name, preview in previews.items() if not preview] == []
    assert max(len(json.dumps(preview)) for preview in previews.values()) < 1_000_000


def test_the_layers_follow_one_another(built: Path) -> None:
    layers = document(built, "main")["layers"]

    assert layers[0] == "raw"
    assert layers[-1] == "reporting"
    assert layers.index("intermediate") < layers.index("primary") < layers.index("model_input")
