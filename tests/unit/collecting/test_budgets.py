import shutil
from collections import namedtuple

import pytest

from cosmop.collecting.downloads.budgets import BudgetOptions, Budgets
from cosmop.errors import InputError

Usage = namedtuple("Usage", "total used free")


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


def _budgets(folder, clock=None, **options):
    options = {"min_free_disk_bytes": 0} | options
    return Budgets(BudgetOptions.model_validate(options), folder, clock or Clock())


def test_without_budgets_there_is_always_room(tmp_path):
    budgets = _budgets(tmp_path)
    budgets.spend("a", 10**15)

    assert (budgets.why_not("a"), budgets.why_over) == ("", "")


def test_a_hosts_budget_of_images_ends_that_host_only(tmp_path):
    budgets = _budgets(tmp_path, per_host_images=2)
    budgets.spend("a", 1)
    assert budgets.why_not("a") == ""
    budgets.spend("a", 1)

    assert budgets.why_not("a") == "per_host_images is spent"
    assert (budgets.why_not("b"), budgets.why_over) == ("", "")


def test_a_hosts_budget_of_bytes_counts_what_was_not_stored_too(tmp_path):
    budgets = _budgets(tmp_path, per_host_bytes=100, per_host_images=1)
    budgets.spend("a", 100, images=0)

    assert budgets.why_not("a") == "per_host_bytes is spent"
    assert budgets.why_not("b") == ""


@pytest.mark.parametrize(
    ("name", "value"), [("total_images", 3), ("total_bytes", 30), ("total_bytes", 21)]
)
def test_a_total_is_over_for_every_host(tmp_path, name, value):
    budgets = _budgets(tmp_path, **{name: value})
    for host in "abc":
        assert budgets.why_not("new") == ""
        budgets.spend(host, 10)

    assert budgets.why_not("new") == f"{name} is spent"
    assert budgets.why_over


def test_the_time_is_over_after_so_many_minutes(tmp_path):
    clock = Clock()
    budgets = _budgets(tmp_path, clock, total_minutes=1.5)
    clock.now += 89.9
    assert not budgets.why_over
    clock.now += 0.2

    assert budgets.why_not("a") == "total_minutes are over"


def test_the_disk_is_looked_at_once_a_second_where_the_images_go(tmp_path, monkeypatch):
    asked, free, clock = [], [1000], Clock()

    def disk_usage(path):
        asked.append(path)
        return Usage(2000, 1000, free[0])

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    budgets = _budgets(tmp_path / "not" / "yet", clock, min_free_disk_bytes=1000)
    assert budgets.why_not("a") == ""
    free[0] = 999
    clock.now += 0.9
    assert budgets.why_not("a") == ""
    clock.now += 0.2

    assert budgets.why_not("a") == "the disk is nearly full (min_free_disk_bytes)"
    assert asked == [tmp_path, tmp_path]


def test_the_real_disk_is_read(tmp_path):
    free = shutil.disk_usage(tmp_path).free

    assert _budgets(tmp_path, min_free_disk_bytes=100 * free).why_over
    assert not _budgets(tmp_path, min_free_disk_bytes=max(1, free // 100)).why_over


def test_by_default_only_the_disk_is_guarded():
    assert BudgetOptions() == BudgetOptions(min_free_disk_bytes=10**9)
    assert set(BudgetOptions().model_dump().values()) == {None, 10**9}


@pytest.mark.parametrize("wrong", [{"total_images": 0}, {"total_minutes": 0}, {"images": 3}])
def test_a_budget_of_nothing_is_refused(wrong):
    with pytest.raises(InputError, match="BudgetOptions"):
        BudgetOptions.model_validate(wrong)
