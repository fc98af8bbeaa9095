"""A process that takes files in: ``python -m cosmop.imaging.intake_worker``.

Its first line of input holds the store and the options, every further one a file and whether it is
owned; each is answered by a row, or by ``{"error": ...}`` where the store itself fails.
"""

import json
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.intake import take_in
from cosmop.imaging.intake_options import IntakeOptions
from cosmop.imaging.line_workers import answer_lines
from cosmop.imaging.store import ImageStore

_SPARE_BYTES = 2 << 30
_BYTES_PER_PIXEL = 4


def _prepare(line: str) -> Callable[[tuple[str, bool]], object]:
    root, wanted = json.loads(line)
    store, options = ImageStore(Path(root)), IntakeOptions.model_validate_json(wanted)
    Image.MAX_IMAGE_PIXELS = None  # we have a limit of our own, for the header
    warnings.simplefilter("ignore")  # of Pillow about files; what counts is in the rows
    _limit_memory(options.limits.max_pixels)

    def answer(job: tuple[str, bool]) -> object:
        name, owned = job
        try:
            return take_in(Path(name), store, options, owned=owned)
        except InputError as error:
            return {"error": str(error)}
        except OSError as error:
            return {
                "error": f"The image store at {root} must be a folder that can be written, got "
                f"{error}; see to its rights, or choose another one."
            }

    return answer


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
    answer_lines(_prepare)
