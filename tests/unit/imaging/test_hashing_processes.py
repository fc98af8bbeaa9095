import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from cosmop.errors import InputError
from cosmop.imaging.hash_rows import HashingOptions, hash_files
from cosmop.imaging.hashing_processes import hash_in_processes

from .living_workers import living_workers

OPTIONS = HashingOptions()


@pytest.fixture
def files(tmp_path, draw_scene, encode):
    paths = [tmp_path / f"{at} ä.jpg" for at in range(24)]
    for at, path in enumerate(paths):
        path.write_bytes(encode(draw_scene(at, (96, 96))))
    return paths


def chunks_of(files, size=4):
    return [files[at : at + size] for at in range(0, len(files), size)]


def children_of(parent: int | None) -> set[int]:
    """Living processes that hash for `parent`, or for anyone."""
    return living_workers("cosmop.imaging.hash_worker", parent)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


def test_processes_give_the_rows_of_one_in_order(files):
    files[7].write_bytes(b"no image")

    found = list(hash_in_processes(chunks_of(files), OPTIONS, 2))

    assert found == [hash_files(chunk, OPTIONS) for chunk in chunks_of(files)]
    assert found[1][3].problem == "not a JPEG, PNG or WebP image"


@needs_proc
def test_a_killed_process_costs_nothing_but_a_sentence(files, caplog):
    caplog.set_level(logging.WARNING)
    results = hash_in_processes(chunks_of(files) * 100, OPTIONS, 1)
    found = [next(results)]
    (victim,) = children_of(os.getpid())
    os.kill(victim, signal.SIGKILL)
    found += results

    assert found == [hash_files(chunk, OPTIONS) for chunk in chunks_of(files)] * 100
    (record,) = (each for each in caplog.records if each.name.startswith("cosmop"))
    assert "was killed by signal 9, perhaps for lack of memory" in record.getMessage()
    assert children_of(os.getpid()) == set()


@needs_proc
def test_a_file_that_kills_whoever_decodes_it_is_a_row_with_that_reason(
    files, tmp_path, caplog, monkeypatch
):
    # The worker finds a Pillow plugin that dies on this one file, as a broken decoder would.
    (tmp_path / "sitecustomize.py").write_text(
        textwrap.dedent(
            """
            import os
            import PIL.Image
            plain = PIL.Image.open
            def deadly(stream, *arguments, **options):
                if getattr(stream, "name", "").endswith("13 ä.jpg"):
                    os.kill(os.getpid(), 9)
                return plain(stream, *arguments, **options)
            PIL.Image.open = deadly
            """
        ),
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)

    (rows,) = hash_in_processes([files[12:15]], OPTIONS, 1)

    assert rows[1].problem == "the process that decoded it was killed by signal 9"
    assert [rows[0], rows[2]] == hash_files([files[12], files[14]], OPTIONS)
    assert "its 3 images are tried again one by one" in caplog.text


@needs_proc
def test_whoever_stops_listening_leaves_no_process_behind(files):
    results = hash_in_processes(chunks_of(files * 200), OPTIONS, 2)
    next(results)
    assert len(children_of(os.getpid())) == 2

    start = time.monotonic()
    results.close()

    assert children_of(os.getpid()) == set()
    assert time.monotonic() - start < 30


PROGRAM = """
from pathlib import Path
from cosmop.imaging.hash_rows import HashingOptions
from cosmop.imaging.hashing_processes import hash_in_processes
files = sorted(Path({folder!r}).glob("*.jpg")) * 4000
for rows in hash_in_processes([files[i:i+8] for i in range(0, len(files), 8)], HashingOptions(), 2):
    print(len(rows), flush=True)
"""


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_with_the_program_however_it_ends(files, tmp_path, how):
    # No `if __name__ == "__main__"`: the processes import nothing of the program.
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(folder=str(tmp_path))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "8\n"
    workers = children_of(program.pid)
    assert len(workers) == 2

    os.killpg(program.pid, how)  # as Ctrl-C does: all that belong to the terminal
    _, complaint = program.communicate(timeout=60)

    assert complaint.count("Traceback") == (1 if how == signal.SIGINT else 0)
    assert "A process that hashes" not in complaint
    deadline = time.monotonic() + 60
    while workers & children_of(None) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers & children_of(None)


def test_a_process_that_cannot_start_is_said_in_one_sentence(files, tmp_path, monkeypatch, capfd):
    (tmp_path / "cosmop.py").write_text("raise ImportError('a broken installation')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(InputError, match="ended with code 1 before it began") as caught:
        list(hash_in_processes(chunks_of(files), OPTIONS, 1))

    assert "set preprocessing.hashing.workers to 1" in str(caught.value)
    assert "a broken installation" in capfd.readouterr().err
