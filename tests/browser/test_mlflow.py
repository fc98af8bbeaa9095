"""What people see in MLflow's own pages when two versions of the generator are compared."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from mlflow import MlflowClient
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from tests.ports import free_port
from tests.project import PROJECT, kedro

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_DRIVER = shutil.which("chromedriver")
_PICTURE = PROJECT / "docs" / "images" / "mlflow-compare.png"
_DISTANCE = "distances.to_test.kernel_distance"

pytestmark = [
    pytest.mark.slow,  # it trains the generator of a finished study once more, and starts a server
    pytest.mark.timeout(900),
    pytest.mark.browser,
    pytest.mark.skipif(not (_CHROMIUM and _DRIVER), reason="needs chromium and chromedriver"),
]


@pytest.fixture(scope="module")
def compared(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose generator was trained again, wider, as docs/comparing-models.md says."""
    project = shutil.copytree(
        finished, tmp_path_factory.mktemp("compared") / "project", symlinks=True
    )
    wider = "--params=generation.network.channel_max=32"
    done = kedro(project, "run", "--env=test", "--pipelines=generation,evaluation", wider)
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture(scope="module")
def client(compared: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{compared}/mlflow.db")


@pytest.fixture(scope="module")
def address(compared: Path) -> Iterator[str]:
    """A real ``mlflow server`` on loopback."""
    port = free_port()
    words = ["server", "--backend-store-uri", f"sqlite:///{compared}/mlflow.db", "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *words, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], deadline_s: float = 240) -> None:
    until = time.monotonic() + deadline_s
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
        else:
            return
    raise TimeoutError(url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(_CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1500,1250")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
    yield driver
    driver.quit()


def text_of(browser: Any) -> str:
    return str(browser.execute_script("return document.body.innerText"))


def versions(client: MlflowClient) -> dict[str, Any]:
    found = client.search_model_versions("name = 'cosmop-generator'")
    return {str(item.version): item for item in found}


def comparison(client: MlflowClient) -> str:
    """The page that compares the runs of all versions, in their order."""
    runs = [item.run_id for _, item in sorted(versions(client).items())]
    experiments = [client.get_run(runs[0]).info.experiment_id]
    chosen, among = quote(json.dumps(runs)), quote(json.dumps(experiments))
    return f"#/compare-runs?runs={chosen}&experiments={among}&workflowType=machine_learning"


def click(browser: Any, selector: str, text: str = "") -> None:
    found = browser.find_elements("css selector", selector)
    next(item for item in found if item.text.strip() == text or not text).click()


_ROW = """
const [metric, top, done] = arguments;
const pause = ms => new Promise(go => setTimeout(go, ms));
const grids = [...document.querySelectorAll('.ReactVirtualized__Grid')];
const cells = grid => [...grid.querySelectorAll('[class*=innerScrollContainer] > div')];
const values = grids.pop(), names = grids.pop();
const move = async to => {  // the names lag by one move
  values.scrollTop = to;
  await pause(100);
  values.scrollTop = to + 1;
  await pause(100);
};
(async () => {
  await move(top);
  const name = cells(names).find(cell => cell.innerText.trim() === metric);
  if (!name) return done([]);
  await move(parseFloat(name.style.top));
  await pause(1000);
  const row = cells(values).filter(cell => cell.style.top === name.style.top);
  done(row.map(cell => cell.innerText.trim()));
})();
"""


def scroll_to(browser: Any, metric: str) -> list[str]:
    """Scroll the table of metrics, of which only a window is drawn, and return a row's values."""
    for top in range(0, 60_000, 200):
        found: list[str] = browser.execute_async_script(_ROW, metric, top)
        if found:
            return found
    raise AssertionError(f"{metric} is not in the table")


def test_the_comparison_shows_both_generators_their_difference_and_their_distances(
    browser: Any, address: str, client: MlflowClient
) -> None:
    both = [item.run_id for _, item in sorted(versions(client).items())]
    figures = [client.get_run(run).data.metrics[_DISTANCE] for run in both]

    browser.get(f"{address}/{comparison(client)}")
    WebDriverWait(browser, 120).until(lambda page: "Run details" in text_of(page))
    click(browser, "button[aria-label='Close']")  # the assistant
    for section in ("Visualizations", "Artifacts", "Tags"):
        click(browser, "[role=button]", section)
    click(browser, "button[aria-label='Parameters - Show diff only']")
    click(browser, "button[aria-label='Metrics - Show diff only']")

    shown = text_of(browser)
    distances = scroll_to(browser, _DISTANCE)
    _PICTURE.parent.mkdir(exist_ok=True)
    browser.save_screenshot(str(_PICTURE))
    assert len(both) == 2
    assert all(run in shown for run in both)
    assert "generation.network.channel_max" in shown
    assert [float(text) for text in distances] == pytest.approx(figures, rel=1e-2)


def test_the_registered_model_shows_its_versions_and_aliases(browser: Any, address: str) -> None:
    browser.get(f"{address}/#/models/cosmop-generator?workflowType=machine_learning")

    WebDriverWait(browser, 120).until(lambda page: "champion" in text_of(page))

    assert "newest" in text_of(browser)
