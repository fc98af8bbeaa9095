"""What the download is measured against: img2dataset in an environment of its own.

It is started as a script by that environment's Python, which knows nothing of cosmop.
"""

import importlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PACKAGE = "img2dataset==1.47.0"
_CACHE = Path.home() / ".cache" / "cosmop-benchmarks"

SETTINGS: dict[str, dict[str, Any]] = {
    "resize": {"resize_mode": "border", "image_size": 256, "encode_quality": 95},
    # Decodes to validate, then stores the bytes that came: JPEGs are not encoded again.
    "originals": {"resize_mode": "no", "skip_reencode": True},
    "originals, not validated": {"resize_mode": "no", "disable_all_reencoding": True},
}


def peer_python(given: Path | None) -> Path:
    """Return the Python of an environment with img2dataset; make one where none is given."""
    if given:
        return given
    folder = _CACHE / PACKAGE.replace("==", "-")
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PACKAGE], check=True)
        done.touch()
    return python


def cpu_seconds() -> float:
    """Return the CPU time of this process and of all its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def run_img2dataset(job: dict[str, Any]) -> dict[str, Any]:
    """Download the job's addresses; the shards are as large as the processes can share them."""
    download = importlib.import_module("img2dataset").download
    folder = Path(job["folder"])
    urls = folder / "urls.txt"
    urls.write_text("\n".join(job["urls"]))
    processes = job["processes"]
    start, cpu_start = time.perf_counter(), cpu_seconds()
    download(
        url_list=str(urls),
        output_folder=str(folder / "out"),
        output_format="files",
        processes_count=processes,
        thread_count=job["connections"] // processes,
        number_sample_per_shard=-(-len(job["urls"]) // processes),
        compute_hash="sha256",
        extract_exif=False,
        **SETTINGS[job["setting"]],
    )
    spent = {"seconds": time.perf_counter() - start, "cpu_s": cpu_seconds() - cpu_start}
    stats = [json.loads(file.read_text()) for file in folder.glob("out/*_stats.json")]
    return spent | {"stored": sum(one["successes"] for one in stats)}


if __name__ == "__main__":
    print("\n" + json.dumps(run_img2dataset(json.load(sys.stdin))))
