"""Take the pictures of the labelling page that docs/annotating.md shows.

Run it from the repository: ``python docs/images/annotate.py``. It needs Chromium and chromedriver
on PATH, draws its own scenes, and labels a few of them by keyboard.
"""

import io
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from cosmop.demo.scenes import draw_scene
from cosmop.demo.truth import CRITERIA
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.labels.annotation_events import Suggestion
from cosmop.labels.annotation_images import ShownImages
from cosmop.labels.annotation_queue import AnnotationQueue, LabelTask, issues_review
from cosmop.labels.annotation_room import AnnotationRoom
from cosmop.labels.annotation_server import AnnotationServer
from cosmop.labels.schema import LabelSchema

FOLDER = Path(__file__).parent
SIZES = {"annotate": (1280, 800), "annotate-tablet": (820, 1180)}
LABELLED = 17
CHANGED = "return document.body.dataset.image !== arguments[0]"
PAUSE_S = 1.2  # as fast as a person


def draw_images(folder: Path, count: int) -> ImageSet:
    """Draw scenes into a store."""
    store, rows = ImageStore(folder), []
    for number in range(count):
        scene = draw_scene(
            CRITERIA[number % len(CRITERIA)], np.random.default_rng(number), (720, 960)
        )
        jpeg = io.BytesIO()
        scene.image.save(jpeg, "JPEG", quality=92)
        image_id, path = store.add(jpeg.getvalue(), "jpg")
        rows.append({"image_id": image_id, "path": path, "width": 960, "height": 720})
    return ImageSet(pd.DataFrame(rows), store)


def make_room(folder: Path) -> AnnotationRoom:
    """Make a room with as many tasks as scenes, each with a suggestion."""
    images = draw_images(folder / "images", 3 * LABELLED)
    schema = LabelSchema(
        criteria=CRITERIA, question="Which of these does the image show?", positive_when="any"
    )
    chance = np.random.default_rng(3)
    tasks = [
        LabelTask(image_id, number, _suggest(number, chance))
        for number, image_id in enumerate(images.ids, start=1)
    ]
    doubts = pd.DataFrame(
        {
            "image_id": images.ids[2:4],
            "criterion": "with_children",
            "given": True,
            "suggested": 0.07,
            "is_issue": True,
            "rank": [1, 2],
        }
    )
    queue = AnnotationQueue(schema, tasks, {"issues": issues_review(doubts)})
    command = "kedro run --from-nodes=import_labels"
    return AnnotationRoom(queue, ShownImages(images), folder / "log", command)


def _suggest(number: int, chance: np.random.Generator) -> Suggestion:
    name = CRITERIA[(number - 1) % len(CRITERIA)]
    score = float(chance.uniform(0.55, 0.97))
    return Suggestion(choices=(name,), score=score, model_version="suggestions")


def open_browser(size: tuple[int, int], scheme: str) -> Chrome:
    """Open headless Chromium with a window of `size` in the light or dark scheme."""
    options = ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(word)
    service = Service(shutil.which("chromedriver"), env=os.environ | {"SE_OFFLINE": "true"})
    options.binary_location = shutil.which("chromium") or ""
    browser = Chrome(options=options, service=service)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False},
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    return browser


def wait_for_image(browser: Chrome) -> str:
    """Return the id of the image once it shows."""
    shown = "return !document.getElementById('image').hidden && document.body.dataset.image"
    return str(WebDriverWait(browser, 20).until(lambda _: browser.execute_script(shown)))


def label_some(browser: Chrome, count: int) -> None:
    """Answer `count` images, as the suggestion says."""
    for _ in range(count):
        before = wait_for_image(browser)
        time.sleep(PAUSE_S)
        browser.switch_to.active_element.send_keys("a", Keys.ENTER)
        WebDriverWait(browser, 20).until(lambda it, was=before: it.execute_script(CHANGED, was))


def photograph(server: AnnotationServer, name: str, size: tuple[int, int], scheme: str) -> None:
    """Save one picture of the page at work."""
    browser = open_browser(size, scheme)
    try:
        browser.get(server.url(annotator="Ana"))
        wait_for_image(browser)
        if name == "annotate":
            label_some(browser, LABELLED)
        wait_for_image(browser)
        browser.switch_to.active_element.send_keys("1", "2")
        browser.save_screenshot(str(FOLDER / f"{name}.png"))
    finally:
        browser.quit()


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder, AnnotationServer(make_room(Path(folder))) as page:
        for name, size in SIZES.items():
            photograph(page, name, size, "light")
            sys.stdout.write(f"{name}.png\n")


if __name__ == "__main__":
    main()
