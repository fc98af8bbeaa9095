"""A port for a server that must be told its own."""

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """Return a port of loopback at which nobody listens, and that nobody is given by chance.

    It lies below those that systems choose from for connections; Linux begins at 32768.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            return port
