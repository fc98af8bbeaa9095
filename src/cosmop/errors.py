"""The one exception that is meant for the person at the keyboard."""


class InputError(ValueError):
    """What a person gave cannot be used; the message is one sentence and names the way out.

    The sentence says who speaks, what was wanted, what came, and what to do.
    """
