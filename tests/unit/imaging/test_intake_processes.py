"""Processes that take files in may die and hang; files and calls may not get lost."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.intake import take_in
from cosmop.imaging.intake_options import IntakeOptions
from cosmop.imaging.intake_processes import IntakeProcesses
from cosmop.imaging.store import ImageStore

from .living_workers import living_workers

OPTIONS = IntakeOptions()
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@pytest.fixture
def store(tmp_path):
    return ImageStore(tmp_path / "images")


@pytest.fixture
def files(tmp_path, draw_scene, encode):
    paths = [tmp_path / f"{at} ä.part" for at in range(12)]
    for at, path in enumerate(paths):
        path.write_bytes(encode(draw_scene(at, (96, 96))))
    return paths


def workers_of(parent):
    """Living intake processes of `parent`, or of anyone."""
    return living_workers("cosmop.imaging.intake_worker", parent)


def meanwhile(tmp_path, monkeypatch, action):
    """Let processes do `action` (Python) before they open a file that begins with ``bad``."""
    (tmp_path / "sitecustomize.py").write_text(
        textwrap.dedent(
            f"""
            import os, time
            import PIL.Image
            plain = PIL.Image.open
            def open(stream, *arguments, **options):
                if stream.getvalue().startswith(b"bad"):
                    {action}
                return plain(stream, *arguments, **options)
            PIL.Image.open = open
            """
        ),
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_processes_give_the_rows_of_one(files, store, tmp_path):
    files[5].write_bytes(b"no image")
    alone = ImageStore(tmp_path / "alone")
    expected = [take_in(file, alone, OPTIONS, owned=False) for file in files]

    async def take_all():
        async with IntakeProcesses(store, OPTIONS, workers=2) as processes:
            assert workers_of(os.getpid()) == set()  # none before there is work
            return await asyncio.gather(*(processes.take_in(f, owned=True) for f in files))

    assert asyncio.run(take_all()) == expected
    assert not any(file.exists() for file in files)
    assert workers_of(os.getpid()) == set()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_file_that_kills_its_process_is_a_row_and_no_other_file_suffers(
    files, store, tmp_path, monkeypatch, how
):
    meanwhile(tmp_path, monkeypatch, f"os.kill(os.getpid(), {int(how)})")
    for at in (2, 3, 7):
        files[at].write_bytes(b"bad")

    async def take_all():
        async with IntakeProcesses(store, OPTIONS, workers=1) as processes:
            return await asyncio.gather(*(processes.take_in(f, owned=True) for f in files))

    rows = asyncio.run(take_all())

    assert [at for at, row in enumerate(rows) if row.problem] == [2, 3, 7]
    assert {rows[at].problem_kind for at in (2, 3, 7)} == {"decoder_died"}
    assert rows[3].problem == f"the process that decoded it was killed by signal {int(how)}"
    assert not any(file.exists() for file in files)


def test_a_stopped_process_ends_after_its_time(files, store, tmp_path, monkeypatch):
    meanwhile(tmp_path, monkeypatch, "os.kill(os.getpid(), 19)")  # SIGSTOP
    files[1].write_bytes(b"bad")

    async def take_all():
        async with IntakeProcesses(store, OPTIONS, workers=1, decode_s=3.0) as processes:
            await processes.take_in(files[0], owned=True)
            start = time.monotonic()
            row = await processes.take_in(files[1], owned=False)
            return row, time.monotonic() - start, await processes.take_in(files[2], owned=True)

    row, seconds, after = asyncio.run(take_all())

    assert row.problem_kind == "decoder_hung"
    assert row.problem == "the process that decoded it took longer than 3 s"
    assert 3.0 <= seconds < 60
    assert files[1].exists()  # not ours to delete
    assert after.problem == ""


def test_time_in_the_queue_does_not_count(files, store, tmp_path, monkeypatch):
    meanwhile(tmp_path, monkeypatch, "time.sleep(1.0)")
    for file in files[:4]:
        file.write_bytes(b"bad")

    async def take_all():
        async with IntakeProcesses(store, OPTIONS, workers=1, decode_s=3.5) as processes:
            return await asyncio.gather(*(processes.take_in(f, owned=True) for f in files[:4]))

    assert [row.problem_kind for row in asyncio.run(take_all())] == ["not_an_image"] * 4


def test_whoever_leaves_kills_what_works_and_cancels_what_waits(
    files, store, tmp_path, monkeypatch
):
    meanwhile(tmp_path, monkeypatch, "time.sleep(60)")
    for file in files:
        file.write_bytes(b"bad")

    async def leave():
        async with IntakeProcesses(store, OPTIONS, workers=2) as processes:
            calls = [asyncio.create_task(processes.take_in(f, owned=True)) for f in files]
            while len(workers_of(os.getpid())) < 2:
                await asyncio.sleep(0.05)
            start = time.monotonic()
        return time.monotonic() - start, await asyncio.gather(*calls, return_exceptions=True)

    seconds, answers = asyncio.run(leave())

    assert seconds < 30
    assert {type(answer) for answer in answers} == {asyncio.CancelledError}
    assert all(file.exists() for file in files)
    assert workers_of(os.getpid()) == set()


def test_a_call_that_is_cancelled_takes_no_other_with_it(files, store):
    async def take_all():
        async with IntakeProcesses(store, OPTIONS, workers=1) as processes:
            calls = [asyncio.create_task(processes.take_in(f, owned=True)) for f in files]
            await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            return await asyncio.gather(*calls[1::2])

    assert [row.problem for row in asyncio.run(take_all())] == [""] * 6


def test_a_store_that_cannot_be_written_is_an_error(files, tmp_path):
    (tmp_path / "images").write_bytes(b"a file where the store should be")

    async def take():
        async with IntakeProcesses(
            ImageStore(tmp_path / "images"), OPTIONS, workers=1
        ) as processes:
            await processes.take_in(files[0], owned=True)

    with pytest.raises(InputError, match=r"image store at .*images must be a folder"):
        asyncio.run(take())
    assert files[0].exists()


def test_a_process_that_cannot_start_is_said_in_one_sentence(
    files, store, tmp_path, monkeypatch, capfd
):
    (tmp_path / "cosmop.py").write_text("raise ImportError('a broken installation')")
    monkeypatch.syspath_prepend(tmp_path)

    async def take_all():
        async with IntakeProcesses(store, OPTIONS, workers=2) as processes:
            await asyncio.gather(*(processes.take_in(f, owned=True) for f in files))

    with pytest.raises(InputError, match="ended with code 1 before it began"):
        asyncio.run(take_all())
    assert "a broken installation" in capfd.readouterr().err


def test_memory_that_no_picture_needs_is_refused_to_one(files, store, tmp_path, monkeypatch):
    meanwhile(tmp_path, monkeypatch, "bytes(3 << 30)")
    files[0].write_bytes(b"bad")

    async def take():
        async with IntakeProcesses(store, OPTIONS, workers=1) as processes:
            return [await processes.take_in(f, owned=True) for f in files[:2]]

    bad, good = asyncio.run(take())

    assert (bad.problem_kind, bad.problem) == ("undecodable", "MemoryError")
    assert good.problem == ""


def test_the_largest_picture_allowed_fits_into_a_process(store, tmp_path, encode):
    file = tmp_path / "large.part"
    file.write_bytes(encode(Image.new("RGBA", (7000, 7000)), "PNG", compress_level=1))

    async def take():
        async with IntakeProcesses(store, OPTIONS, workers=1) as processes:
            return await processes.take_in(file, owned=True)

    assert asyncio.run(take()).problem == ""


def test_a_process_imports_neither_torch_nor_pandas():
    names = (
        "import cosmop.imaging.intake_worker, sys; print({'torch', 'pandas'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", names],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "set()\n"


@pytest.mark.parametrize("told", [b"", b'["/a/sto', b'["/a", "{}"]\n', b'["/a", "{}"]\n["/a/fi'])
@pytest.mark.parametrize("at", [0, 1])
def test_a_process_whose_parent_dies_while_it_speaks_ends_without_a_word(told, at):
    module, options = (("intake_worker", b'["/a", "{}"]'), ("hash_worker", b"{}"))[at]
    process = subprocess.run(
        [sys.executable, "-m", f"cosmop.imaging.{module}"],
        input=told.replace(b'["/a", "{}"]', options),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        check=False,
    )

    began = b"true\n" * (b"\n" in told)
    assert (process.returncode, process.stdout.split(), process.stderr) == (0, began.split(), b"")


PROGRAM = """
import asyncio
from pathlib import Path
from cosmop.imaging.intake_options import IntakeOptions
from cosmop.imaging.intake_processes import IntakeProcesses
from cosmop.imaging.store import ImageStore
folder = Path({folder!r})
async def main():
    store = ImageStore(folder / "images")
    async with IntakeProcesses(store, IntakeOptions(), workers=2) as processes:
        while True:
            rows = [processes.take_in(file, owned=False) for file in folder.glob("*.part")]
            print(len(await asyncio.gather(*rows)), flush=True)
asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_with_the_program_however_it_ends(files, tmp_path, how):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(folder=str(tmp_path))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert program.stdout is not None
    assert program.stdout.readline() == f"{len(files)}\n"
    workers = workers_of(program.pid)
    assert len(workers) == 2
    assert program.pid not in {os.getsid(worker) for worker in workers}  # Ctrl-C spares them

    os.killpg(program.pid, how)  # as Ctrl-C does: all that belong to the terminal
    _, complaint = program.communicate(timeout=60)

    assert complaint.count("KeyboardInterrupt\n") == (1 if how == signal.SIGINT else 0)
    deadline = time.monotonic() + 60
    while workers & workers_of(None) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers & workers_of(None)


def test_files_that_waited_with_one_that_hangs_are_taken_in(files, store, tmp_path, monkeypatch):
    meanwhile(tmp_path, monkeypatch, "time.sleep(60)")
    files[9].write_bytes(b"bad")

    async def take_all():
        async with IntakeProcesses(store, OPTIONS, workers=2, decode_s=3.0) as processes:
            return await asyncio.gather(*(processes.take_in(f, owned=True) for f in files))

    rows = asyncio.run(take_all())

    assert [row.problem_kind for row in rows] == [""] * 9 + ["decoder_hung"] + [""] * 2
