"""The one exception that is meant for the person at the keyboard, and how to quote others in it."""

import errno

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class InputError(ValueError):
    """What a person gave cannot be used; the message is one sentence and names the way out.

    The sentence says who speaks, what was wanted, what came, and what to do.
    """


def first_line(error: Exception) -> str:
    """Return the first line of what another exception says, or its kind, to put into a sentence."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def is_no_room(error: OSError) -> bool:
    """Tell whether a disk, a quota or the largest file a system takes is full."""
    return error.errno in _NO_ROOM
