import logging
import random
import re
import tracemalloc
from collections import Counter

import pandas as pd
import pytest

from cosmop.collecting.downloads.download_statistics import TABLE_COLUMNS, DownloadStatistics


def _fill(statistics, host, *, stored=0, failed=0, kind="http_404"):
    for _ in range(stored):
        statistics.add(host, "", 100, 0.5)
    for _ in range(failed):
        statistics.add(host, kind, 0, 0.5)


def _warnings(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


@pytest.mark.parametrize("seed", range(3))
def test_the_table_agrees_with_counting_all_rows(seed):
    rng, statistics = random.Random(seed), DownloadStatistics(2000, 0)
    kinds = ["", "", "", "http_404", "timeout", "not_an_image"]
    rows = [
        (f"h{rng.randint(0, 20)}", rng.choice(kinds), rng.randint(0, 9), rng.random())
        for _ in range(2000)
    ]
    for row in rows:
        statistics.add(*row)

    frame = pd.DataFrame(rows, columns=["host", "kind", "bytes", "seconds"])
    table = statistics.table().set_index("host")
    for host, group in frame.groupby("host"):
        counts = Counter(kind for kind in group["kind"] if kind)
        row = table.loc[host]
        assert (row["tried"], row["stored"]) == (len(group), sum(group["kind"] == ""))
        assert (row["failed"], row["bytes"]) == (counts.total(), group["bytes"].sum())
        assert row["seconds"] == pytest.approx(group["seconds"].sum())
        assert counts[row["main_problem"]] == max(counts.values())
    assert list(table["tried"]) == sorted(table["tried"], reverse=True)


def test_a_run_without_any_try_has_an_empty_table():
    table = DownloadStatistics(0, 0).table()
    assert (list(table.columns), len(table)) == (list(TABLE_COLUMNS), 0)


def test_a_host_that_mostly_fails_is_named_once_with_what_to_do(caplog):
    statistics = DownloadStatistics(1000, 0)
    _fill(statistics, "good.test", stored=60)
    _fill(statistics, "bad.test", stored=2, failed=60, kind="http_429")

    (warning,) = _warnings(caplog)
    assert "from bad.test failed" in warning
    assert "http_429; raise per_host_interval_s" in warning


def test_a_host_is_not_judged_by_less_than_twenty_tries_or_by_a_half(caplog):
    statistics = DownloadStatistics(1000, 0)
    _fill(statistics, "few.test", failed=19)
    _fill(statistics, "uncertain.test", stored=9, failed=11)
    _fill(statistics, "good.test", stored=81)
    for _ in range(25):
        _fill(statistics, "half.test", stored=1, failed=1)

    assert _warnings(caplog) == []
    _fill(statistics, "few.test", failed=1)
    assert len(_warnings(caplog)) == 1


def test_of_many_bad_hosts_ten_are_named(caplog):
    statistics = DownloadStatistics(10_000, 0)
    _fill(statistics, "good.test", stored=2000)
    for number in range(30):
        _fill(statistics, f"bad{number}.test", failed=20)

    assert sum("from bad" in text for text in _warnings(caplog)) == 10
    assert sum("More than 10 hosts" in text for text in _warnings(caplog)) == 1


def test_a_run_that_mostly_fails_says_so_once_and_names_the_name_server(caplog):
    statistics = DownloadStatistics(1000, 0)
    for number in range(99):
        _fill(statistics, f"h{number}", failed=1, kind="host_not_found")
    assert _warnings(caplog) == []
    for number in range(300):
        _fill(statistics, f"g{number}", failed=1, kind="host_not_found")

    (warning,) = _warnings(caplog)
    assert warning.startswith("100 of all 100 downloads failed")
    assert "resolver" in warning


def test_a_run_that_gets_three_times_worse_says_so_once(caplog):
    statistics = DownloadStatistics(10_000, 0)
    for number in range(100):
        _fill(statistics, f"h{number}", stored=9, failed=1)
    assert _warnings(caplog) == []
    for number in range(100):
        _fill(statistics, f"g{number}", stored=5, failed=5, kind="http_503")

    (warning,) = _warnings(caplog)
    assert "of the latest 200 downloads failed but only 10 of the first 100" in warning
    assert "http_503; raise" in warning


@pytest.mark.parametrize(("before", "later"), [(0, 6), (10, 62)])
def test_a_rise_that_is_small_or_uncertain_is_no_news(caplog, before, later):
    statistics = DownloadStatistics(10_000, 0)
    for number in range(300):
        failed = number < before or number >= 300 - later
        _fill(statistics, f"h{number}", failed=failed, stored=not failed)

    assert _warnings(caplog) == []


@pytest.mark.parametrize("seed", range(5))
def test_chance_alone_raises_no_warning(caplog, seed):
    rng, statistics = random.Random(seed), DownloadStatistics(20_000, 0)
    for _ in range(20_000):
        kind = "http_404" if rng.random() < 0.15 else ""
        statistics.add(f"h{rng.randint(0, 300)}", kind, 1, 0.1)

    assert _warnings(caplog) == []


def test_the_bar_counts_earlier_work_and_names_the_worst_problem(monkeypatch, capsys):
    monkeypatch.setenv("TQDM_DISABLE", "0")
    statistics = DownloadStatistics(100, 40)
    _fill(statistics, "a.test", stored=45)
    _fill(statistics, "a.test", failed=10)
    _fill(statistics, "a.test", failed=5, kind="timeout")
    statistics.close()
    statistics.close()

    last = capsys.readouterr().err.splitlines()[-1].split("\r")[-1]
    assert "Downloading: 100%" in last
    assert "100/100" in last
    assert "75% stored, worst: http_404 17%" in last


def test_earlier_work_does_not_count_into_the_rate(monkeypatch, capsys):
    monkeypatch.setenv("TQDM_DISABLE", "0")
    statistics = DownloadStatistics(10**12 + 5, 10**12)
    _fill(statistics, "a.test", stored=5)
    statistics.close()

    rate = re.findall(r"([\d.]+)image/s", capsys.readouterr().err)[-1]
    assert float(rate) < 1e9


def test_a_hundred_thousand_hosts_fit_into_fifty_megabytes():
    tracemalloc.start()
    statistics = DownloadStatistics(100_000, 0)
    for number in range(100_000):
        statistics.add(f"host{number}.example", "http_404" if number % 2 else "", 1, 0.1)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert used < 50e6
    assert len(statistics.table()) == 100_000
