import json
import math
import multiprocessing
import time
from collections.abc import Iterator

import numpy as np
import pytest

from cosmop.collecting.downloads.download import download_images
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.imaging.store import ImageStore

from .conftest import candidates, jpeg
from .watching_server import WatchingServer

IMAGES = 2000
KILLS = 30
OPTIONS = DownloadOptions(
    slots=16,
    per_host_in_flight=16,
    per_host_interval_s=0.0,
    waiting_for_decoding=16,
    backoff_s=0.01,
    decoding_workers=1,
    user_agent="cosmop/0.1 (tests@web.test)",
)


@pytest.fixture
def watched() -> Iterator[WatchingServer]:
    bodies = {f"/{i}.jpg": jpeg(i) for i in range(IMAGES)}
    bodies["/1500.jpg"] = bodies["/3.jpg"]
    bodies["/77.jpg"] = b"no image"
    del bodies["/78.jpg"]
    server = WatchingServer(bodies)
    yield server
    server.close()


def journaled(work):
    """Return the paths of the candidates that have a whole line."""
    journal = work / "arrivals.jsonl"
    content = journal.read_bytes() if journal.exists() else b""
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    return {"/" + json.loads(line)["final_url"].rpartition("/")[2] for line in lines}


@pytest.mark.slow  # a hundred processes start
def test_killed_at_any_moment_it_loses_nothing_and_asks_for_nothing_twice(watched, tmp_path):
    table = candidates(*(f"http://web.test/{i}.jpg" for i in range(IMAGES)))
    hosts = {"web.test": watched.address}
    random = np.random.default_rng(20261121)
    # The download proper, forked from a process that has imported everything: a kill costs little.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["cosmop.collecting.downloads.download"])
    store, work = ImageStore(tmp_path / "killed/store"), tmp_path / "killed/work"

    def begin():
        process = processes.Process(
            target=download_images,
            args=(table, store, OPTIONS),
            kwargs={"host_addresses": hosts, "work": work},
        )
        process.start()
        return process

    done: set[str] = set()
    seen = 0
    for images in random.integers(-20, 70, KILLS):
        watched.allowance = seen + max(images, 0) + 20  # a fast machine is not done too soon
        process = begin()
        while process.is_alive() and len(watched.images_asked()) < seen + images:
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.7 if images <= 0 else 0.03))
        assert process.is_alive()
        process.kill()
        process.join()
        assert not done & set(watched.images_asked()[seen:])
        done, seen = journaled(work), len(watched.images_asked())
    watched.allowance = math.inf
    last = begin()
    last.join()
    assert last.exitcode == 0
    assert not done & set(watched.images_asked()[seen:])
    seen = len(watched.images_asked())

    resumed = download_images(table, store, OPTIONS, host_addresses=hosts, work=work)
    assert len(watched.images_asked()) == seen
    calm_store = ImageStore(tmp_path / "calm/store")
    calm = download_images(
        table, calm_store, OPTIONS, host_addresses=hosts, work=tmp_path / "calm/work"
    )

    for mine, theirs in (
        (resumed.images.manifest, calm.images.manifest),
        (resumed.log, calm.log),
    ):
        assert mine.drop(columns="fetched_at").equals(theirs.drop(columns="fetched_at"))
    assert resumed.hashes.equals(calm.hashes)
    assert resumed.log["status"].value_counts().to_dict() == {
        "stored": IMAGES - 3,
        "failed": 2,
        "identical": 1,
    }
    assert files_in(store.root) == files_in(calm_store.root)
    assert files_in(store.root.with_name("thumbnails")) == files_in(
        calm_store.root.with_name("thumbnails")
    )
    assert not (work / "parts").exists()


def files_in(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.*")}
