"""MLflow that refuses, is silent, is locked or dies: the run goes on, and sync sends the rest."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from cosmop.errors import InputError
from cosmop.tracking import Tracker
from cosmop.tracking.journal import Journal
from cosmop.tracking.sync import sync
from tests.ports import free_port
from tests.project import PROJECT
from tests.unit.shell.tracks import RUN, client_of, journals_of, options, runs_of, tracker_in


def run_through(tracker: Tracker) -> None:
    tracker.start(RUN, {"a": 1})
    tracker.log_metrics("m", {"x": 1.0})
    tracker.log_metrics("m", {"y": 2.0})
    tracker.finish("FINISHED")


def told(folder: Path) -> tuple[str, dict[str, float], dict[str, str]]:
    (run,) = runs_of(client_of(folder))
    return run.info.status, run.data.metrics, run.data.params


WHOLE = ("FINISHED", {"m.x": 1.0, "m.y": 2.0}, {"a": "1"})


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def calls_to(server: socket.socket) -> int:
    """Count the connections that wait to be accepted."""
    count = 0
    server.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


def test_a_refusing_server_costs_one_warning_and_sync_sends_all(
    store: Path, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    run_through(tracker_in(store, f"http://me:pass@127.0.0.1:{port}"))
    took_s = time.monotonic() - began

    (record,) = [item for item in caplog.records if item.name.startswith("cosmop")]
    assert "1 × start, 2 × metrics, 1 × finish" in record.message
    assert "make mlflow-sync" in record.message
    assert f"http://127.0.0.1:{port}" in record.message
    assert "me:pass" not in record.message
    assert took_s < 100
    assert journals_of(store) == [f"{RUN['run_id']}.jsonl"]
    with pytest.raises(InputError, match="to send it 1 runs"):
        sync(options(f"http://127.0.0.1:{port}"), store)
    (line,) = sync(options(), store)
    assert line == f"{RUN['run_id']}: sent 1 × start, 2 × metrics, 1 × finish."
    assert told(store) == WHOLE
    assert journals_of(store) == []


def test_a_silent_server_is_waited_for_as_long_as_the_user_says_and_once(
    store: Path,
    silent_server: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    began = time.monotonic()

    run_through(tracker_in(store, f"http://127.0.0.1:{silent_server.getsockname()[1]}"))

    assert time.monotonic() - began >= 1
    assert calls_to(silent_server) == 1
    assert caplog.text.count("does not have all of this run") == 1
    assert len(journals_of(store)) == 1


def test_a_locked_data_base_costs_a_warning_and_sync_sends_all(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = (
        "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]);"
        "base.execute('begin exclusive'); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(store / "mlflow.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        run_through(tracker_in(store))
        other.communicate()

    assert caplog.text.count("does not have all of this run") == 1
    assert "locked" in caplog.text
    list(sync(options(), store))
    assert told(store) == WHOLE


def test_a_data_base_that_is_none_costs_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_bytes(b"this is no data base" * 100)

    run_through(tracker_in(tmp_path))

    assert caplog.text.count("does not have all of this run") == 1
    assert "file is not a database" in caplog.text


@contextmanager
def server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A real ``mlflow server`` over the store of `folder`, with its workers."""
    words = ["server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"]
    words += ["--artifacts-destination", str(folder / "files"), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(address: str, deadline_s: float = 120) -> None:
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(address, timeout=5)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(address)


@pytest.mark.slow
def test_a_server_that_dies_in_the_middle_is_told_the_rest_when_it_is_back(
    store: Path, port: int, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    uri = f"http://127.0.0.1:{port}"
    page = tmp_path / "page.html"
    page.write_text("<p>")
    tracker = tracker_in(store, uri)
    with server(store, port) as process:
        tracker.start(RUN, {"a": 1})
        tracker.log_metrics("m", {"x": 1.0})
        stop(process)
        tracker.log_file("page", page)
        tracker.log_metrics("m", {"y": 2.0})
        tracker.finish("FINISHED")

    assert "missing: 1 × file, 1 × metrics, 1 × finish" in caplog.text
    assert told(store)[:2] == ("RUNNING", {"m.x": 1.0})
    with server(store, port):
        list(sync(options(uri), store))
    assert told(store) == WHOLE
    assert journals_of(store) == []
    assert [path.name for path in (store / "files").rglob("*.html")] == ["page.html"]


def killed(folder: Path, number: signal.Signals, uri: str = "sqlite:///mlflow.db") -> int:
    """Start a tracked run in a process of its own and kill that."""
    code = (
        "import sys, time; from pathlib import Path; from cosmop.tracking import Tracker;"
        "from tests.unit.shell.tracks import RUN, options;"
        "tracker = Tracker(options(sys.argv[2]), Path(sys.argv[1])); tracker.start(RUN, {});"
        "tracker.log_metrics('m', {'x': 1.0}); print('running', flush=True); time.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder), uri],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": f"{PROJECT / 'src'}:{PROJECT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        return process.wait()


def test_a_run_killed_outright_is_ended_by_the_next_one(store: Path) -> None:
    assert killed(store, signal.SIGKILL) == -signal.SIGKILL
    (run,) = runs_of(client_of(store))
    assert run.info.status == "RUNNING"

    tracker = tracker_in(store)
    tracker.start({**RUN, "run_id": "2026-01-02T00.00.00.000Z"}, {})

    by_name = {run.data.tags["run_id"]: run.info.status for run in runs_of(client_of(store))}
    tracker.finish("FINISHED")
    assert by_name == {RUN["run_id"]: "KILLED", "2026-01-02T00.00.00.000Z": "RUNNING"}
    (line,) = sync(options(), store)
    assert line.endswith("sent 1 × start, 1 × metrics, 1 × finish.")
    assert {run.info.status for run in runs_of(client_of(store))} == {"KILLED", "FINISHED"}


@pytest.mark.slow
def test_sync_ends_a_killed_run_but_not_one_that_still_runs(store: Path) -> None:
    killed(store, signal.SIGKILL)
    tracker = tracker_in(store)
    tracker.start({**RUN, "run_id": "2026-01-02T00.00.00.000Z"}, {})

    lines = list(sync(options(), store))

    tracker.finish("FINISHED")
    assert "sent" in lines[0]
    assert "still running" in lines[1]
    statuses = [run.info.status for run in runs_of(client_of(store))]
    assert statuses == ["FINISHED", "KILLED"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_asked_to_stop_ends_as_killed_at_once(store: Path, number: signal.Signals) -> None:
    assert killed(store, number) != 0

    (run,) = runs_of(client_of(store))
    assert run.info.status == "KILLED"
    assert journals_of(store) == []


def test_half_a_line_of_a_killed_run_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    gone = psutil.Process().create_time() - 1000
    here = {"process.host": socket.gethostname(), "process.pid": str(os.getpid())}
    journal.append("start", run_id="r", name="n", tags={**here, "process.started": gone}, params={})
    with journal.path.open("a") as file:
        file.write('{"event": "metr')

    assert journal.close_if_killed()
    assert [event["event"] for event in journal.events()] == ["start", "finish"]


@pytest.mark.slow
def test_the_command_sends_what_is_left_in_every_environment(
    new_project: Path, empty_store: Path, port: int
) -> None:
    shutil.copy(empty_store, new_project / "mlflow.db")
    for folder in ("data", "data/test"):
        journals = f"{folder}/08_reporting/_mlflow"
        uri = f"http://127.0.0.1:{port}"
        run_through(Tracker(options(uri) | {"journals": journals}, new_project))
        first = Journal(new_project / journals / f"{RUN['run_id']}.jsonl")
        first.path.write_text(first.path.read_text().replace(str(RUN["run_id"]), folder))

    done = subprocess.run(
        [sys.executable, "-m", "cosmop.tracking"],
        cwd=new_project,
        env={key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
        | {"PYTHONPATH": str(PROJECT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("sent 1 × start, 2 × metrics, 1 × finish") == 2
    assert not list(new_project.rglob("*.jsonl"))


def test_a_journal_that_cannot_be_written_costs_a_warning(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (store / "journals").write_text("a file where a folder should be")

    run_through(tracker_in(store))

    assert caplog.text.count("does not have all of this run") == 1
