"""The mirror of runs in MLflow; nothing lies there only, and nothing needs it.

A run writes what happens into a journal (`journal`) and tells it to MLflow (`mirror`). What MLflow
could not be told is told later from the journal (`sync`).
"""

from cosmop.tracking.mirror import Destination
from cosmop.tracking.origins import code_state, command_of
from cosmop.tracking.tracker import Tracker
from cosmop.tracking.values import find, flatten, numbers

__all__ = ["Destination", "Tracker", "code_state", "command_of", "find", "flatten", "numbers"]
