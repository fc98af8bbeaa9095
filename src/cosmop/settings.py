"""Kedro settings: which session, which hooks, how configuration merges."""

from cosmop.config_loader import StudyConfigLoader
from cosmop.hooks import DemoWorld, Guards, NodeRecords, Results, RunRecord, Tracking
from cosmop.session import StudySession

SESSION_CLASS = StudySession

# Pluggy calls the last one first: parameters are checked, tracking and the record start, then the
# demo's world opens; at the end it closes, tracking ends, and the results come last.
HOOKS = (Results(), NodeRecords(), DemoWorld(), RunRecord(), Tracking(), Guards())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)

CONFIG_LOADER_CLASS = StudyConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**"], "providers": ["providers/**"]},
    # an environment says only what differs, parameter by parameter
    "merge_strategy": {
        **dict.fromkeys(["parameters", "providers", "mlflow", "globals"], "soft"),
    },
}
