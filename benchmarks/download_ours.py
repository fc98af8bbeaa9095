"""Our side of the download benchmark: one job from standard input, downloaded and measured."""

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from download_peers import cpu_seconds

from cosmop.collecting.candidates import FoundImage, candidate_rows, candidate_table
from cosmop.collecting.downloads.download import DownloadResult, download_images
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.imaging.store import ImageStore

# One host is asked for all images at once, as img2dataset does; with 1,000 hosts the defaults hold.
IMPOLITE = {"per_host_in_flight": 64, "per_host_interval_s": 0.0, "per_host_burst": 64}
SETTINGS: dict[str, dict[str, Any]] = {
    "resize": {"intake": {"resize": {"side_px": 256, "mode": "border", "jpeg_quality": 95}}},
    "originals": {},
}


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Download the job's addresses with everything that a run of the pipeline does and keeps."""
    folder = Path(job["folder"])
    hosts = sorted({str(urlsplit(url).hostname) for url in job["urls"]})
    given = (IMPOLITE if len(hosts) == 1 else {}) | SETTINGS[job["setting"]]
    given |= {"slots": job["connections"], "headers_s": job["headers_s"]}
    options = DownloadOptions.model_validate(given)
    start, wall_start, cpu_start = time.perf_counter(), time.time(), cpu_seconds()
    found = [FoundImage(location=url) for url in job["urls"]]
    result = download_images(
        candidate_table(candidate_rows(found, source="benchmark", query="", kind="url")),
        ImageStore(folder / "store"),
        options,
        host_addresses=dict.fromkeys(hosts, job["address"]),
        work=folder / "work",
    )
    result.images.manifest.to_parquet(folder / "manifest.parquet")
    result.log.to_parquet(folder / "log.parquet")
    result.hashes.to_parquet(folder / "hashes.parquet")
    spent = {"seconds": time.perf_counter() - start, "cpu_s": cpu_seconds() - cpu_start}
    return spent | {"stored": len(result.images)} | _healthy(result, wall_start)


def _healthy(result: DownloadResult, start: float) -> dict[str, Any]:
    """How many images of hosts without a fault came, and how long the last of them took."""
    stored = result.log[result.log["status"] == "stored"]
    paths = stored[stored["location"].str.contains("/fine/", regex=False)]["path"]
    came = [(result.images.store.root / path).stat().st_ctime for path in paths]
    return {"healthy": len(came), "healthy_s": max(came) - start}


if __name__ == "__main__":
    print("\n" + json.dumps(run(json.load(sys.stdin))))
