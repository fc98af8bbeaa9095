"""What a run asks of its machine: processor, memory, disk, network, GPU."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

Listener = Callable[[Mapping[str, float], int], None]


class SystemMetrics:
    """A thread that measures every few seconds until it is stopped.

    Args:
        seconds: Between two measurements.
        listener: Called with the values by name, and the number of the measurement.
    """

    def __init__(self, seconds: float, listener: Listener) -> None:
        self._seconds, self._listener = seconds, listener
        self._monitors = _monitors()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="system-metrics", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after a last measurement."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        number, is_over = 0, False
        while not is_over:
            is_over = self._stopped.wait(self._seconds)
            values: dict[str, float] = {}
            for monitor in self._monitors:
                monitor.collect_metrics()
                measured = monitor.aggregate_metrics()
                values |= {f"system/{key}": float(value) for key, value in measured.items()}
                monitor.clear_metrics()
            self._listener(values, number)
            number += 1


def _monitors() -> list[Any]:
    """Return MLflow's monitors; that of the GPU where there is one and its library."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor  # noqa: PLC0415  4 s
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor  # noqa: PLC0415
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor  # noqa: PLC0415
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor  # noqa: PLC0415

    kinds: list[Any] = [CPUMonitor, DiskMonitor, NetworkMonitor]
    monitors = [kind() for kind in kinds]
    gpu: Any = GPUMonitor
    try:
        monitors.append(gpu())
    except Exception:  # noqa: BLE001  it raises whatever the missing library or driver does
        return monitors
    return monitors
