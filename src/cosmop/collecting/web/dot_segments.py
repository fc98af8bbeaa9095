"""Paths of addresses without the segments ``.`` and ``..``."""


def without_dot_segments(path: str) -> str:
    """Return a path as every browser asks for it (RFC 3986, section 5.2.4).

    An escaped dot counts as one, as browsers have it. Only so does robots.txt mean what it says:
    ``/./private/1.jpg`` is below ``/private``.

    Args:
        path: Whatever does not begin with a slash is returned as it is.
    """
    segments = path.split("/")
    dots = [segment.lower().replace("%2e", ".") for segment in segments]
    if not path.startswith("/") or {".", ".."}.isdisjoint(dots):
        return path
    kept: list[str] = []
    for segment, name in zip(segments[1:], dots[1:], strict=True):
        if name == "..":
            del kept[-1:]
        elif name != ".":
            kept.append(segment)
    ends_in_folder = dots[-1] in (".", "..")
    return "/" + "/".join([*kept, ""] if ends_in_folder and kept else kept)
