"""What happens around every run: checks before, the demo's world, tracking and results after."""

from cosmop.hooks.demo_world import DemoWorld
from cosmop.hooks.guards import Guards, _check_parameter_names
from cosmop.hooks.records import NodeRecords, RunRecord
from cosmop.hooks.results import Results
from cosmop.hooks.tracking import Tracking

__all__ = [
    "DemoWorld",
    "Guards",
    "NodeRecords",
    "Results",
    "RunRecord",
    "Tracking",
    "_check_parameter_names",
]
