"""What people see in kedro-viz, built by its own command after a study has run."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import configure_project, pipelines
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from tests.project import PROJECT

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_DRIVER = shutil.which("chromedriver")
_PICTURE = PROJECT / "docs" / "images" / "flow.png"
_WAIT_S = 60
_VIEW = {"showFeatureHints": False, "theme": "light", "orientation": "horizontal"}
AFTERWARDS = ["run", "--pipelines=exploration,export,compliance"]
NOT_MADE = {"published_fid"}  # it takes 50,000 images
# The page asks for fonts and for a server that a static site does not have; it works without.
_KNOWN = ("fonts.googleapis.com", "api/metadata", "metadata fetch error")

pytestmark = pytest.mark.slow  # it reads a study that has run
with_browser = pytest.mark.skipif(
    not (_CHROMIUM and _DRIVER), reason="needs chromium and chromedriver"
)


@pytest.fixture(scope="module")
def built(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static site of ``kedro viz build --include-previews``."""
    project = shutil.copytree(finished, tmp_path_factory.mktemp("shown") / "project", symlinks=True)
    shutil.copytree(PROJECT / ".viz", project / ".viz", dirs_exist_ok=True, ignore=_only_styles)
    for words in (AFTERWARDS, ["viz", "build", "--include-previews"]):
        done = subprocess.run(
            [sys.executable, "-m", "kedro", *words],
            cwd=project,
            env=os.environ | {"KEDRO_ENV": "test", "PYTHONPATH": str(PROJECT / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return project / "build"


def _only_styles(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name != "styles.json"]


def document(site: Path, *name: str) -> Any:
    return json.loads(site.joinpath("api", *name).read_text(encoding="utf-8"))


def test_every_data_set_has_a_layer_and_a_small_preview(built: Path) -> None:
    charts = [document(built, "pipelines", path.name) for path in built.glob("api/pipelines/*")]
    data = [node for chart in charts for node in chart["nodes"] if node["type"] == "data"]
    layers = {node["name"]: node["layer"] for node in data}

    previews = {node["name"]: document(built, "nodes", node["id"]).get("preview") for node in data}

    assert layers.keys() >= {name for item in registered().values() for name in item.all_outputs()}
    assert [name for name, layer in layers.items() if not layer] == []
    assert {name for name, preview in previews.items() if not preview} == NOT_MADE
    assert max(len(json.dumps(preview)) for preview in previews.values()) < 1_000_000
    assert "<dl" in previews["study_report"]  # its figures, not a word that it exists


def test_the_layers_follow_one_another(built: Path) -> None:
    layers = document(built, "main")["layers"]

    assert layers[0] == "raw"
    assert layers[-1] == "reporting"
    assert layers.index("intermediate") < layers.index("primary") < layers.index("model_input")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None: ...


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    """The site on loopback, by a server that knows nothing of Kedro."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(built))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Any]:
    """A Chromium without any other network, which has seen the feature tour."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(_CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1800,1140")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))
    set_view(driver, address)
    yield driver
    driver.quit()


@pytest.fixture(autouse=True)
def _no_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "browser" in request.fixturenames:
        log = request.getfixturevalue("browser").get_log("browser")
        errors = [entry["message"] for entry in log if entry["level"] == "SEVERE"]
        assert [text for text in errors if not any(known in text for known in _KNOWN)] == []


def set_view(browser: Any, address: str, **settings: Any) -> None:
    """Set what the page remembers of its settings, from where it does not write them itself."""
    browser.get(f"{address}/favicon.ico")
    wanted = json.dumps(_VIEW | settings)
    browser.execute_script("localStorage.setItem('KedroViz', arguments[0])", wanted)


def names_in_the_chart(browser: Any) -> set[str]:
    shown = "return [...document.querySelectorAll('.pipeline-node')].map(e => e.textContent.trim())"
    return set(browser.execute_script(shown))


def wait_for_names(browser: Any, names: set[str]) -> None:
    wait(browser, lambda page: names <= names_in_the_chart(page))


def wait(browser: Any, what: Callable[[Any], Any]) -> Any:
    return WebDriverWait(browser, _WAIT_S).until(what)


def find(browser: Any, selector: str) -> Any:
    return wait(browser, lambda page: page.find_elements("css selector", selector))[0]


def open_preview(browser: Any, address: str, name: str) -> None:
    browser.get(f"{address}/?pid=__default__&sn={name}&expandAllPipelines=true")
    wait_for_names(browser, {name})
    wait(browser, lambda page: "Expand preview" in page.page_source)
    press = "[...document.querySelectorAll('button')].find(e => e.innerText === 'Expand preview')"
    browser.execute_script(f"{press}.click()")


@pytest.mark.browser
@with_browser
def test_the_first_view_shows_the_stages_and_what_passes_between_them(
    browser: Any, address: str
) -> None:
    bare = {"layer": {"visible": False}, "visible": {"sidebar": False, "miniMap": False}}
    set_view(browser, address, **bare)
    stages = {str(node.namespace) for node in study().nodes}
    made = {name: study().filter(node_namespaces=[name]) for name in stages}
    between = {
        name
        for one in stages
        for other in stages - {one}
        for name in made[one].all_outputs() & made[other].inputs()
    }

    browser.get(address)
    wait_for_names(browser, stages)
    shown = names_in_the_chart(browser)
    browser.execute_async_script("setTimeout(arguments[0], 2000)")  # the chart flies in
    browser.save_screenshot(str(_PICTURE))
    set_view(browser, address)

    assert between <= shown
    assert not shown & {node.name for node in study().nodes}
    assert len(shown) < 0.7 * (len(study().nodes) + len(study().datasets()))


@pytest.mark.browser
@with_browser
def test_every_pipeline_can_be_chosen_and_opens(browser: Any, address: str) -> None:
    browser.get(address)
    find(browser, ".pipeline-list .dropdown__label").click()
    wait(browser, lambda page: page.find_elements("css selector", ".pipeline-list .menu-option"))
    offered = browser.find_elements("css selector", ".pipeline-list .menu-option")

    assert {option.text.strip() for option in offered} == set(registered())
    for name, pipeline in registered().items():
        browser.get(f"{address}/?pid={name}&expandAllPipelines=true")
        wait_for_names(browser, {node.name for node in pipeline.nodes})


@pytest.mark.browser
@with_browser
def test_the_generator_shows_its_sizes_and_its_snapshots_their_images(
    browser: Any, address: str, built: Path
) -> None:
    open_preview(browser, address, "generator")
    text = find(browser, ".pipeline-metadata-modal__preview-json").text
    config = next(built.parent.glob("data/test/06_models/generator/*/generator/config.json"))
    sizes = json.loads(config.read_text(encoding="utf-8"))

    assert f'"w_dim":{sizes["w_dim"]}' in text.replace(" ", "")

    open_preview(browser, address, "stylegan2_snapshots")
    image = find(browser, "img[alt='Matplotlib rendering']")
    assert wait(browser, lambda _: image.get_property("naturalWidth")) > 100


@pytest.mark.browser
@with_browser
def test_the_networks_are_drawn_on_the_node_that_trains_them(browser: Any, address: str) -> None:
    open_preview(browser, address, "train_stylegan2")
    drawing = ".pipeline-metadata-modal__preview svg.flowchart"
    wait(browser, lambda page: "16 × 16, 16 maps" in plain(find(page, drawing).text))

    text = plain(find(browser, drawing).text)
    assert "Generator" in text
    assert "Discriminator" in text
    assert "16 normal numbers → 16 styles" in text


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def registered() -> dict[str, Any]:
    configure_project("cosmop")
    return dict(pipelines)


def study() -> Any:
    return registered()["__default__"]
