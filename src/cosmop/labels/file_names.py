"""Finding images by the file names that exports and tables know them by."""

import re
from collections import defaultdict
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd

_NAME_COLUMNS = ("path", "location", "source_path", "title")
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")  # Label Studio puts it before uploaded files


class FileNames:
    """The file names of an image set.

    An image is known by the last part of its ``path``, ``location``, ``source_path`` and ``title``,
    where the manifest has them. A wanted file is looked up by the last part of its path or URL (of
    ``?d=`` for Label Studio's local files), as it is and without an upload's prefix.

    Attributes:
        ids: All image ids of the manifest.
    """

    def __init__(self, manifest: pd.DataFrame) -> None:
        self.ids = frozenset(manifest["image_id"])
        self._ids_by_name: dict[str, dict[str, None]] = defaultdict(dict)
        for column in _NAME_COLUMNS:
            if column in manifest.columns:
                for image_id, name in zip(manifest["image_id"], manifest[column], strict=True):
                    if isinstance(name, str) and name:
                        self._ids_by_name[last_part(name)][image_id] = None

    def matches(self, image_id: str, file: str) -> list[str]:
        """Return the image `image_id` where one is given, else those that `file` may mean."""
        if image_id:
            return [image_id] if image_id in self.ids else []
        return self.find(file)

    def find(self, file: str) -> list[str]:
        """Return the ids of the images that `file` (a name, path or URL) may mean."""
        name = last_part(file)
        for candidate in (name, _UPLOAD_PREFIX.sub("", name)):
            if candidate in self._ids_by_name:
                return list(self._ids_by_name[candidate])
        return []


def last_part(place: str) -> str:
    """Return the unquoted file name in a path or URL: ``/data/local-files/?d=a/b.jpg`` is b.jpg."""
    if "://" in place or place.startswith("/data/"):
        parts = urlsplit(place)
        place = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
    return re.split(r"[/\\]", place.rstrip("/\\"))[-1]
