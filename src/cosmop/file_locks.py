"""A lock on an open file, which ends with the process that holds it, however that ends."""

import sys

if sys.platform == "win32":
    import msvcrt
    import os

    _FAR = 2**40  # Windows refuses to read what is locked, so a byte beyond any log is

    def lock_whole_file(handle: int) -> None:
        """Lock the open file `handle` for this process.

        Raises:
            OSError: Another process holds it.
        """
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def lock_whole_file(handle: int) -> None:
        """Lock the open file `handle` for this process.

        Raises:
            OSError: Another process holds it.
        """
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
