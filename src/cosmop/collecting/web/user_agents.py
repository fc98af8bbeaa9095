"""The name by which sites know us."""

import re
from typing import Annotated

from pydantic import StringConstraints

# What a header can hold.
UserAgent = Annotated[str, StringConstraints(min_length=1, pattern=r"^[\x20-\x7e]+$")]

# Until a person has set another one; the download warns of it.
USER_AGENT_WITHOUT_CONTACT = (
    "cosmop/0.1 (image research; contact: set user_agent in the parameters)"
)


def product_token(user_agent: str) -> str:
    """Return ``"cosmop"`` for ``"cosmop/0.1 (...)"`` (RFC 9309, section 2.2.1), in lower case."""
    return re.split(r"[\s/;(]", user_agent.strip(), maxsplit=1)[0].lower()
