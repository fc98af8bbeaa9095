"""A process that hashes what it is told: ``python -m cosmop.imaging.hash_worker``.

Its first line of input holds the options, every further one a list of files; each is answered by a
line. It ends when its input does, so it never outlives who started it.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path

from cosmop.imaging.hash_rows import HashingOptions, hash_files


def main() -> None:
    """Answer line by line: the options by ``true``, files by a list of rows."""
    options = HashingOptions.model_validate_json(sys.stdin.readline())
    _answer(True)
    for line in sys.stdin:
        _answer(hash_files([Path(name) for name in json.loads(line)], options))


def _answer(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError, KeyboardInterrupt):
        main()
