"""Which worker processes live, as the system tells it."""

from pathlib import Path


def living_workers(module: str, parent: int | None) -> set[int]:
    """Return the ids of processes that run `module` for `parent`, or for anyone."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            is_worker = module.encode() in (entry / "cmdline").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        if is_worker and state[0] != "Z" and parent in (None, int(state[1])):
            found.add(int(entry.name))
    return found
