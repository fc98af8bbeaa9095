"""People labelling in a real Chromium, by keyboard, at the real ``kedro annotate``."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from cosmop.labels.annotation_images import ShownImages
from cosmop.labels.annotation_log import annotations_from_log
from cosmop.labels.annotation_queue import AnnotationQueue, Review, read_label_tasks
from cosmop.labels.annotation_room import AnnotationRoom
from cosmop.labels.annotation_server import AnnotationServer
from cosmop.labels.exports import read_label_export
from cosmop.labels.schema import LabelSchema
from tests.labelling import (
    CRITERIA,
    VERSION,
    Annotating,
    draw_images,
    make_labelling_project,
    make_tasks,
)
from tests.project import kedro

pytestmark = pytest.mark.browser

LOG = "data/03_primary/annotation_log"
MANIFEST = f"data/03_primary/people_images.parquet/{VERSION}/people_images.parquet"
SHOWN = "return document.getElementById('image').hidden ? null : document.body.dataset.image"


class Person:
    """Somebody at the keyboard who sees what the page shows."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> str:
        self.driver.get("about:blank")
        self.driver.get(url)
        return self.sees()

    def new_tab(self) -> None:
        """Open another tab; the one before is closed, unsaved answers or not."""
        before = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        now = self.driver.current_window_handle
        self.driver.switch_to.window(before)
        self.driver.close()
        self.driver.switch_to.window(now)

    def sees(self, other_than: str | None = None) -> str:
        """Return the id of the image, once it shows and is not `other_than`."""
        return str(self.wait(lambda: (found := self.run(SHOWN)) != other_than and found))

    def wait(self, condition: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, 20, 0.02).until(lambda _: condition())

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def text(self, name: str) -> str:
        return str(self.run("return document.getElementById(arguments[0]).innerText", name)).strip()

    def is_hidden(self, name: str) -> bool:
        return bool(self.run("return document.getElementById(arguments[0]).hidden", name))

    def answer(self, choices: tuple[str, ...]) -> None:
        """Type an answer; returns when the next image, or the end, shows."""
        before = self.sees()
        self.press(*(str(CRITERIA.index(name) + 1 if name in CRITERIA else 0) for name in choices))
        self.press(Keys.ENTER)
        self.moves_on(before)

    def moves_on(self, before: str) -> None:
        self.wait(lambda: not self.is_hidden("done") or self.run(SHOWN) not in (None, before))

    def chosen(self) -> list[str]:
        script = (
            "return [...document.querySelectorAll('[aria-pressed=true]')].map(b => b.dataset.name)"
        )
        return list(self.run(script))

    def waits_for_saving(self) -> None:
        self.wait(lambda: self.text("saved") == "All saved")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    browser, helper = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and helper):
        pytest.skip("no Chromium with chromedriver can be started here")
    options = ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    profile = tmp_path_factory.mktemp("profile")
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(word)
    for word in (f"--user-data-dir={profile}", "--window-size=1280,800", "--no-first-run"):
        options.add_argument(word)
    options.add_argument("--disable-background-networking")
    try:
        started = Chrome(
            options=options, service=Service(helper, env=os.environ | {"SE_OFFLINE": "true"})
        )
    except WebDriverException as error:
        pytest.skip(f"Chromium does not start here: {error.msg}")
    yield started
    started.quit()


@pytest.fixture
def person(driver: Chrome) -> Person:
    driver.get_log("browser")
    return Person(driver)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., AnnotationServer]]:
    """Serve eight images in this process, where the page alone is looked at."""
    servers: list[AnnotationServer] = []

    def start(reviews: dict[str, Review] | None = None, **fields: Any) -> AnnotationServer:
        images = draw_images(tmp_path / "images", 8)
        schema = LabelSchema.model_validate({"criteria": CRITERIA} | fields)
        tasks = read_label_tasks(make_tasks(images, schema.criteria), schema, images.ids)
        queue = AnnotationQueue(schema, tasks, reviews or {})
        shown = ShownImages(images)
        room = AnnotationRoom(queue, shown, tmp_path / "log", "kedro run --from-nodes=x")
        servers.append(AnnotationServer(room).__enter__())
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture
def annotate() -> Iterator[Callable[..., Annotating]]:
    """Start the real command; what still runs at the end is killed."""
    with ExitStack() as running:
        yield lambda *words: running.enter_context(Annotating(*words))


def draw_answer(chance: np.random.Generator) -> tuple[str, ...]:
    return tuple(name for name in CRITERIA if chance.random() < 0.35) or ("none",)


def choices_of(annotations: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    return {
        row["image_id"]: tuple(name for name in CRITERIA if row[name]) or ("none",)
        for row in annotations.to_dict("records")
    }


def answers_in(project: Path) -> dict[str, tuple[str, ...]]:
    """Return what the log holds: image id → choices."""
    return choices_of(annotations_from_log(project / LOG, LabelSchema(criteria=CRITERIA)))


def export(project: Path) -> pd.DataFrame:
    """Return the answers as somebody reads them who gets the exported file."""
    file = project / "labels.json"
    done = kedro(project, "annotate", "--export", str(file))
    assert done.returncode == 0, done.stderr
    records, manifest = json.loads(file.read_text()), pd.read_parquet(project / MANIFEST)
    return read_label_export(records, manifest, LabelSchema(criteria=CRITERIA)).annotations


@pytest.mark.slow  # it starts the real command again and again
def test_fifty_images_by_keyboard_with_undo_reload_and_a_killed_server(
    tmp_path: Path,
    person: Person,
    chance: np.random.Generator,
    annotate: Callable[..., Annotating],
) -> None:
    project = make_labelling_project(tmp_path, 50)
    ids = pd.read_parquet(project / MANIFEST)["image_id"].tolist()
    typed: dict[str, tuple[str, ...]] = {}

    def label(count: int) -> None:
        for _ in range(count):
            image_id = person.sees()
            assert image_id not in typed
            typed[image_id] = draw_answer(chance)
            person.answer(typed[image_id])

    serving = annotate(project, "--annotator", "Ana María")
    assert person.open(serving.url) == ids[0]
    label(12)
    assert person.text("count") == "12 of 50"
    assert "per minute, about" in person.text("rate")

    for image_id in (ids[11], ids[10]):  # take two back, and answer them differently
        before = person.sees()
        person.press("u")
        assert person.sees(before) == image_id
        assert person.chosen() == []
        del typed[image_id]
    label(6)

    person.waits_for_saving()
    person.driver.refresh()
    assert person.sees() == ids[16]
    label(4)
    person.press("s")  # skip one: it gets no answer
    person.moves_on(ids[20])
    label(9)

    person.press(Keys.ARROW_LEFT)  # look back, and correct
    assert person.sees(ids[30]) == ids[29]
    assert person.chosen() == [name for name in (*CRITERIA, "none") if name in typed[ids[29]]]
    person.press(*"1234") if typed[ids[29]] == ("none",) else person.press("0")
    typed[ids[29]] = CRITERIA if typed[ids[29]] == ("none",) else ("none",)
    person.press(Keys.ENTER)
    assert person.sees(ids[29]) == ids[30]

    person.waits_for_saving()
    serving.end(signal.SIGKILL)
    assert answers_in(project) == typed

    serving = annotate(project, "--annotator", "Ana María")
    assert person.open(serving.url) == ids[30]
    assert person.text("count") == "30 of 50"
    label(20)
    assert person.text("summary") == "49 answered, 1 skipped"
    assert person.text("next-command") == "kedro run --from-nodes=import_labels"
    person.waits_for_saving()
    assert "Ana María has answered 49 of 50 images" in serving.end(signal.SIGINT)

    read = export(project)
    assert choices_of(read) == typed == answers_in(project)
    assert ids[20] not in typed
    assert set(read["annotator"]) == {"Ana María"}
    assert read["lead_time_s"].between(0.001, 60).all()


@pytest.mark.skipif(sys.platform != "linux", reason="limits a running process, as Linux can")
def test_a_full_disk_is_told_and_the_answer_is_kept_until_there_is_room(
    tmp_path: Path, person: Person, annotate: Callable[..., Annotating]
) -> None:
    import resource

    project = make_labelling_project(tmp_path, 4)
    serving = annotate(project, "--annotator=Ana")
    first = person.open(serving.url)
    person.answer(("none",))
    person.waits_for_saving()
    (log,) = (project / LOG).glob("*.jsonl")
    limit = log.stat().st_size + 50
    resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    second = person.sees(first)
    person.answer(("border_patrol",))
    third = person.sees(second)
    person.answer(("with_children",))
    person.wait(lambda: "2 answers wait in this page" in person.text("alert"))
    assert "the disk has no room for it; free some space" in person.text("alert")
    assert person.text("saved") == "2 not saved yet"
    assert set(answers_in(project)) == {first}

    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(serving.process.pid, resource.RLIMIT_FSIZE, unlimited)
    person.waits_for_saving()
    assert person.is_hidden("alert")
    assert answers_in(project) == {
        first: ("none",),
        second: ("border_patrol",),
        third: ("with_children",),
    }
    serving.end(signal.SIGINT)


@pytest.mark.slow  # it starts the real command again and again
def test_answers_given_to_a_dead_server_reach_the_next_one_on_the_same_port(
    tmp_path: Path, person: Person, annotate: Callable[..., Annotating]
) -> None:
    project = make_labelling_project(tmp_path, 4)
    serving = annotate(project, "--annotator=Ana")
    first = person.open(serving.url)
    serving.end(signal.SIGKILL)
    person.answer(("crowd_at_border",))
    person.wait(lambda: "The labelling server does not answer" in person.text("alert"))
    assert answers_in(project) == {}

    port = serving.url.split(":")[2].split("/")[0]
    again = annotate(project, "--annotator=Ana", "--port", port)
    person.wait(lambda: "not that of the running server" in person.text("alert"))
    person.new_tab()
    assert person.open(again.url) != first
    person.waits_for_saving()
    assert answers_in(project) == {first: ("crowd_at_border",)}
    again.end(signal.SIGINT)


def test_the_page_asks_its_own_server_for_everything_and_complains_about_nothing(
    serve: Callable[..., AnnotationServer], person: Person
) -> None:
    server = serve()
    person.open(server.url(annotator="Ana"))
    person.answer(("none",))

    asked = person.run("return performance.getEntriesByType('resource').map(e => e.name)")

    own = server.url()
    assert len(asked) > 8
    assert [place for place in asked if not place.startswith(own)] == []
    assert person.driver.get_log("browser") == []  # a blocked request would be told here


def test_the_suggestion_is_apart_from_the_answer_until_it_is_taken_over(
    serve: Callable[..., AnnotationServer], person: Person
) -> None:
    person.open(serve().url(annotator="Ana"))

    assert person.text("suggested") == "With children"
    assert person.text("sureness") == "90 % sure"
    assert person.chosen() == []
    person.press(Keys.ENTER)
    assert person.text("hint") == "Choose first: keys 1 to 4, or 0"
    person.press("a")
    assert person.chosen() == ["with_children"]
    person.press("0")
    assert person.chosen() == ["none"]
    person.press("13")
    assert person.chosen() == ["carrying_bags", "crowd_at_border"]


def test_the_next_images_are_there_before_they_are_needed(
    serve: Callable[..., AnnotationServer], person: Person
) -> None:
    person.open(serve().url(annotator="Ana"))

    def fetched() -> int:
        names = person.run("return performance.getEntriesByType('resource').map(e => e.name)")
        return sum("/image/" in name for name in names)

    person.wait(lambda: fetched() == 6)
    person.answer(("none",))
    person.wait(lambda: fetched() == 7)


def test_with_one_criterion_one_key_is_an_answer(
    serve: Callable[..., AnnotationServer], person: Person, tmp_path: Path
) -> None:
    server = serve(criteria=("people",))
    person.open(server.url(annotator="Ana"))
    for key in "10010110":
        before = person.sees()
        person.press(key)
        person.moves_on(before)
    person.waits_for_saving()

    table = annotations_from_log(tmp_path / "log", LabelSchema(criteria=("people",)))

    assert table["people"].tolist() == [key == "1" for key in "10010110"]


def test_a_key_that_is_held_down_answers_one_image(
    serve: Callable[..., AnnotationServer], person: Person
) -> None:
    before = person.open(serve(criteria=("people",)).url(annotator="Ana"))
    key = {"type": "keyDown", "key": "1", "code": "Digit1", "text": "1"}
    person.driver.execute_cdp_cmd("Input.dispatchKeyEvent", key)
    for _ in range(5):
        person.moves_on(before)
        person.driver.execute_cdp_cmd("Input.dispatchKeyEvent", key | {"autoRepeat": True})

    person.waits_for_saving()
    assert person.text("count") == "1 of 8"


def test_a_name_is_asked_for_and_each_person_starts_at_the_beginning(
    serve: Callable[..., AnnotationServer], person: Person, tmp_path: Path
) -> None:
    server = serve()
    for name in ("Ana", "Ben"):
        person.driver.get(server.url())
        person.wait(lambda: not person.run("return document.activeElement.id !== 'name'"))
        person.press(name, Keys.ENTER)
        person.answer(("none",) if name == "Ana" else ("border_patrol",))
        person.waits_for_saving()
        assert person.text("count") == "1 of 8"

    table = annotations_from_log(tmp_path / "log", LabelSchema(criteria=CRITERIA))

    assert table["image_id"].nunique() == 1
    assert dict(zip(table["annotator"], table["border_patrol"], strict=True)) == {
        "Ana": False,
        "Ben": True,
    }
    person.driver.get(server.url())
    person.wait(lambda: person.text("people") == "Ana\n1 answered\nBen\n1 answered")


def test_doubtful_labels_are_looked_at_again_and_the_list_is_chosen_in_the_page(
    serve: Callable[..., AnnotationServer], person: Person, tmp_path: Path
) -> None:
    ids = draw_images(tmp_path / "images", 8).ids
    reasons = {ids[5]: ["crowd: Ana yes, Ben no"], ids[2]: ["bags: Ana no, Ben yes"]}
    server = serve({"disagreements": Review(reasons, since="")})
    assert person.open(server.url(annotator="Ana")) == ids[0]

    person.driver.find_element(By.ID, "queue").send_keys("D")
    assert person.sees(ids[0]) == ids[5]
    assert person.text("reasons").endswith("Crowd: Ana yes, Ben no")
    person.answer(("crowd_at_border",))
    person.answer(("none",))

    assert person.text("summary") == "2 answered, 0 skipped"
    person.waits_for_saving()
    table = annotations_from_log(tmp_path / "log", LabelSchema(criteria=CRITERIA))
    assert table["image_id"].tolist() == [ids[5], ids[2]]


def test_zoom_by_key_and_wheel_ends_with_the_image(
    serve: Callable[..., AnnotationServer], person: Person
) -> None:
    scale = "return new DOMMatrix(getComputedStyle(document.getElementById('image')).transform).a"
    person.open(serve().url(annotator="Ana"))

    person.press("z")
    assert person.run(scale) == pytest.approx(2.5)
    person.press("z")
    assert person.run(scale) == 1
    stage = person.driver.find_element(By.ID, "stage")
    ActionChains(person.driver).scroll_from_origin(_at(stage), 0, -500).perform()
    person.wait(lambda: person.run(scale) > 2)
    moved = "return new DOMMatrix(getComputedStyle(document.getElementById('image')).transform).e"
    before = person.run(moved)
    ActionChains(person.driver).drag_and_drop_by_offset(stage, 60, 0).perform()
    assert person.run(moved) == pytest.approx(before + 60, abs=2)
    person.answer(("none",))
    assert person.run(scale) == 1


def _at(element: Any) -> Any:
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    return ScrollOrigin.from_element(element)


def test_every_control_has_a_name_and_works_by_tab_and_enter(
    serve: Callable[..., AnnotationServer], person: Person
) -> None:
    person.open(serve().url(annotator="Ana"))

    for control in person.driver.find_elements(
        By.CSS_SELECTOR, "header :is(button, select), main button"
    ):
        assert control.accessible_name, control.get_attribute("outerHTML")
    target = "return document.activeElement?.dataset?.name ?? ''"
    for _ in range(20):
        person.press(Keys.TAB)
        if person.run(target) == "crowd_at_border":
            break
    person.press(Keys.SPACE)  # presses the control that has the focus, and confirms nothing
    assert person.chosen() == ["crowd_at_border"]
    assert person.text("count") == "0 of 8"
    person.driver.find_element(By.CSS_SELECTOR, "[data-name=border_patrol]").click()
    before = person.sees()
    person.press(Keys.ENTER)  # after a click the keys confirm again
    person.sees(before)
    assert person.text("live").startswith("Image 2 of 8")


@pytest.mark.parametrize("size", [(1280, 720), (820, 1180), (390, 844)])
def test_everything_fits_on_laptops_tablets_and_phones(
    serve: Callable[..., AnnotationServer], person: Person, size: tuple[int, int]
) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    person.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        person.open(serve().url(annotator="Ana"))
        page = (
            "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        stage = person.run(
            "return document.getElementById('stage').getBoundingClientRect().toJSON()"
        )
        confirm = person.run(
            "return document.getElementById('confirm').getBoundingClientRect().toJSON()"
        )
        assert person.run(page) == list(size)
        assert stage["width"] * stage["height"] > 0.35 * size[0] * size[1]
        assert confirm["bottom"] <= size[1]
    finally:
        person.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
