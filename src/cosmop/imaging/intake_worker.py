"""A process that takes files in: ``python -m cosmop.imaging.intake_worker``.

Its first line of input holds the store and the options, every further one a file and whether it is
owned; each is answered by a row, or by ``{"error": ...}`` where the store itself fails. Of files
that wait, a few are measured together and answered at once.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.intake import Examined, examine, keep
from cosmop.imaging.intake_options import IntakeOptions
from cosmop.imaging.line_workers import answer_some_lines
from cosmop.imaging.store import ImageStore

# Files that wait are examined together as long as that takes no time that matters.
MOST_AT_ONCE = 8
_LONGEST_S = 0.05
_SPARE_BYTES = 2 << 30
_BYTES_PER_PIXEL = 4

Job = tuple[str, bool]


def _prepare(line: str) -> Callable[[list[Job]], list[object]]:
    root, wanted = json.loads(line)
    store, options = ImageStore(Path(root)), IntakeOptions.model_validate_json(wanted)
    Image.MAX_IMAGE_PIXELS = None  # we have a limit of our own, for the header
    warnings.simplefilter("ignore")  # of Pillow about files; what counts is in the rows
    _limit_memory(options.limits.max_pixels)

    def answer(jobs: list[Job]) -> list[object]:
        found = examine(_for_a_while(jobs), options)
        return [
            _keep(examined, store, owned=owned)
            for examined, (_, owned) in zip(found, jobs, strict=False)
        ]

    return answer


def _for_a_while(jobs: list[Job]) -> Iterator[Path]:
    end = time.monotonic() + _LONGEST_S
    for name, _ in jobs[:MOST_AT_ONCE]:
        yield Path(name)
        if time.monotonic() > end:
            return


def _keep(examined: Examined, store: ImageStore, *, owned: bool) -> object:
    try:
        return keep(examined, store, owned=owned)
    except InputError as error:
        return {"error": str(error)}
    except OSError as error:
        return {
            "error": f"The image store at {store.root} must be a folder that can be written, got "
            f"{error}; see to its rights, or choose another one."
        }


def _limit_memory(max_pixels: int) -> None:
    """Let a file that wants the machine's memory meet its end here, where that is supported."""
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415  there is none on Windows

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + _SPARE_BYTES + _BYTES_PER_PIXEL * max_pixels
    with suppress(ValueError, OSError):  # a lower limit holds already
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    answer_some_lines(_prepare)
