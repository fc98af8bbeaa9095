import heapq
import math
import random
import time
from collections import Counter, defaultdict
from itertools import count, pairwise
from statistics import median_low

import pytest

from cosmop.collecting.downloads.host_speeds import HostSpeeds
from cosmop.collecting.downloads.hosts import HostLimits, HostSchedule


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class SlowReference:
    """The same rules, by looking at every host and item every time."""

    def __init__(self, limits, slots, clock):
        self.limits, self.slots, self.clock = limits, slots, clock
        self.hosts, self.flights, self.events = {}, [], 0
        self.speeds = HostSpeeds()

    def _host(self, name):
        new = {"items": [], "starts": [], "paused": -math.inf, "interval": self.limits.interval_s}
        new |= {"slack": (self.limits.burst - 1) * self.limits.interval_s, "earned": -math.inf}
        new |= {"turn": None, "slow": False, "mean": None, "last": -math.inf, "noticed": set()}
        return self.hosts.setdefault(name, new)

    def _opens(self, host):
        if not host["items"] or len(host["starts"]) >= self.limits.in_flight:
            return math.inf
        item = min(due for due, _, _ in host["items"])
        return max(item, host["earned"] - host["slack"], host["paused"])

    def _update(self, name):
        host = self._host(name)
        if self._opens(host) > self.clock():
            host["turn"] = None
        elif host["turn"] is None:
            self.events += 1
            host["turn"] = self.events

    def add(self, name, item):
        self.events += 1
        self._host(name)["items"].append((-math.inf, self.events, item))
        self._update(name)

    def put_back(self, name, item, delay_s):
        self.events += 1
        host, now = self._host(name), self.clock()
        host["items"].append((now + delay_s, -self.events, item))
        self.finished(name, now - min(host["starts"]))

    def finished(self, name, seconds):
        host, now = self._host(name), self.clock()
        host["starts"].remove(min(host["starts"], key=lambda s: abs(now - seconds - s)))
        old = host["mean"]
        host["mean"] = seconds if old is None else old + 0.1 * (seconds - old)
        self.speeds.replace(old, host["mean"])
        longest = max([host["mean"], *(now - start for start in host["starts"])])
        host["slow"] = longest > self.speeds.slow_s
        self._update(name)

    def pause(self, name, seconds):
        host = self._host(name)
        host["paused"] = max(host["paused"], self.clock() + seconds)
        self._update(name)

    def set_interval(self, name, interval_s):
        host = self._host(name)
        host |= {"interval": interval_s, "slack": 0, "earned": host["last"] + interval_s}
        self._update(name)

    def give_up(self, name):
        host = self._host(name)
        items, host["items"] = host["items"], []
        self._update(name)
        return {item for _, _, item in items}

    @property
    def queued(self):
        return sum(len(host["items"]) for host in self.hosts.values())

    @property
    def in_flight(self):
        return sum(len(host["starts"]) for host in self.hosts.values())

    def next(self):
        now = self.clock()
        for name in sorted(self.hosts, key=lambda name: self._opens(self.hosts[name])):
            self._update(name)
        if not self.queued and not self.in_flight:
            return None
        for host in self.hosts.values():
            overdue = {s for s in host["starts"] if now - s > self.speeds.slow_s}
            host["slow"] |= not overdue <= host["noticed"]
            host["noticed"] |= overdue
        if self.in_flight >= self.slots:
            return math.inf
        ready = [host for host in self.hosts.values() if host["turn"] is not None]
        slow = [host for host in self.hosts.values() if host["slow"]]
        others = [host for host in ready if not host["slow"]]
        known = [host for host in others if host["mean"] is not None]
        held = sum(len(host["starts"]) for host in slow)
        beside = max(1, int(self.slots * self.limits.slow_share / 8))
        room = beside if others else max(1, int(self.slots * self.limits.slow_share))
        if sum(len(host["items"]) for host in slow) == self.queued:
            room = self.slots
        choice = known if known and held > beside else others
        choice = choice + [host for host in ready if host["slow"] and held < room]
        if choice:
            return self._start(min(choice, key=lambda host: host["turn"]))
        waiting = [self._opens(h) for h in self.hosts.values() if h["turn"] is None]
        return min(waiting, default=math.inf) - now

    def _start(self, host):
        now = self.clock()
        due = [entry for entry in host["items"] if entry[0] <= now]
        entry = min((e for e in due if e[0] > -math.inf), default=None, key=lambda e: -e[0])
        entry = entry or min(due, key=lambda e: e[1])
        host["items"].remove(entry)
        host["starts"].append(now)
        host["earned"], host["last"] = max(host["earned"], now) + host["interval"], now
        name = next(name for name, other in self.hosts.items() if other is host)
        host["turn"] = None
        self._update(name)
        return name, entry[2]


def _random_limits(rng):
    return HostLimits(
        in_flight=rng.randint(1, 3),
        interval_s=rng.choice([0.0, rng.uniform(0.1, 2)]),
        burst=rng.randint(1, 3),
        slow_share=rng.uniform(0.05, 1),
    )


class Both:
    """Our schedule and the reference, told and asked the same."""

    def __init__(self, rng):
        self.rng, self.clock = rng, Clock()
        args = (_random_limits(rng), rng.randint(1, 12), self.clock)
        self.ours, self.reference = HostSchedule(*args), SlowReference(*args)
        self.names = [f"h{i}" for i in range(rng.choice([3, 14]))]
        self.flights, self.items = [], count()

    def call(self, what, *args):
        return getattr(self.ours, what)(*args), getattr(self.reference, what)(*args)

    def add(self):
        self.call("add", self.rng.choice(self.names), next(self.items))

    def pause(self):
        self.call("pause", self.rng.choice(self.names), self.rng.uniform(0, 3))

    def set_interval(self):
        self.call("set_interval", self.rng.choice(self.names), self.rng.uniform(0, 3))

    def give_up(self):
        given, expected = self.call("give_up", self.rng.choice(self.names))
        assert set(given) == expected

    def land(self):
        if self.flights:
            host, item, start = self.flights.pop(self.rng.randrange(len(self.flights)))
            seconds = 10 + self.clock.now - start if host in self.names[:2] else 0.1
            if self.rng.random() < 0.2:
                self.call("put_back", host, item, self.rng.uniform(0, 2))
            else:
                self.call("finished", host, seconds)

    def ask(self):
        self.clock.now += self.rng.uniform(0, 1e-3)  # no two starts at once: turns are certain
        given, expected = self.call("next")
        assert given == expected
        if isinstance(given, tuple):
            self.flights.append((*given, self.clock.now))


@pytest.mark.parametrize("seed", range(40))
def test_every_answer_is_the_slow_references_after_any_events(seed):
    rng = random.Random(seed)
    both = Both(rng)
    events = (both.add, both.land, both.pause, both.set_interval, both.give_up)
    for _ in range(600):
        both.clock.now += rng.choice([0, rng.expovariate(3)])
        rng.choices(events, (45, 50, 3, 1, 1))[0]()
        for _ in range(rng.randint(0, 3)):
            both.ask()

        ours, reference = both.ours, both.reference
        assert (ours.queued, ours.in_flight) == (reference.queued, reference.in_flight)


class Web:
    """Hosts that take their time; runs a schedule on a fake clock until all is done."""

    def __init__(self, schedule, clock, seconds_of, fails=lambda host, tries: False):
        self.schedule, self.clock = schedule, clock
        self.seconds_of, self.fails = seconds_of, fails
        self.flights, self.trace, self.done = [], [], []
        self.tries = Counter()

    def run(self, until=lambda web: False):
        while not until(self) and (answer := self.schedule.next()) is not None:
            if isinstance(answer, tuple):
                self._start(*answer)
            elif self.flights and self.flights[0][0] <= self.clock.now + answer:
                self._finish(*heapq.heappop(self.flights))
            else:
                self.clock.now += answer
        return self

    def _start(self, host, item):
        self.trace.append((self.clock.now, host, item))
        self.tries[item] += 1
        seconds = self.seconds_of(host)
        heapq.heappush(self.flights, (self.clock.now + seconds, host, item, seconds))

    def _finish(self, end, host, item, seconds):
        self.clock.now = max(end, self.clock.now)
        if self.fails(host, self.tries[item]):
            self.schedule.put_back(host, item, 1.0)
        else:
            self.schedule.finished(host, seconds)
            self.done.append((self.clock.now, host))


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_started_twice_too_soon_or_beside_too_many(seed):
    rng, clock = random.Random(seed), Clock()
    limits, slots = _random_limits(rng), rng.randint(1, 12)
    schedule = HostSchedule(limits, slots, clock)
    for item in range(300):
        schedule.add(f"h{rng.randint(0, 20)}", item)
    web = Web(schedule, clock, lambda host: rng.expovariate(1 + int(host[1:]) % 5))
    at_once, most, starts = [], Counter(), defaultdict(list)

    def look(web):
        at_once.append(len(web.flights))
        for host, held in Counter(flight[1] for flight in web.flights).items():
            most[host] = max(most[host], held)
        return False

    web.run(look)
    for at, host, _ in web.trace:
        starts[host].append(at)
    assert sorted(item for _, _, item in web.trace) == list(range(300))
    assert max(at_once) <= slots
    assert max(most.values()) <= limits.in_flight
    for times in starts.values():
        for first, later in zip(times, times[limits.burst :], strict=False):
            assert later - first >= limits.interval_s - 1e-9


def test_hosts_take_turns():
    schedule = HostSchedule(HostLimits(9, 0.0), 99, Clock())
    for host in "aaaabbc":
        schedule.add(host, host)

    assert [schedule.next()[0] for _ in range(7)] == list("abcabaa")


def test_a_burst_is_earned_again_only_by_waiting():
    clock = Clock()
    schedule = HostSchedule(HostLimits(99, 1.0, burst=3), 99, clock)
    for item in range(8):
        schedule.add("a", item)

    web = Web(schedule, clock, lambda host: 0.01).run()
    assert [at - 1000 for at, _, _ in web.trace] == pytest.approx([0, 0, 0, 1, 2, 3, 4, 5])


def test_crawl_delay_counts_from_the_last_start_and_without_burst():
    clock = Clock()
    schedule = HostSchedule(HostLimits(99, 0.1, burst=3), 99, clock)
    for item in range(4):
        schedule.add("a", item)
    schedule.next()
    schedule.set_interval("a", 5.0)

    assert schedule.next() == pytest.approx(5.0)
    web = Web(schedule, clock, lambda host: 0.01)
    web.flights = [(1000.01, "a", 0, 0.01)]
    gaps = [later[0] - one[0] for one, later in pairwise(web.run().trace)]
    assert gaps == pytest.approx([5.0, 5.0])


def test_what_was_put_back_comes_before_the_rest_but_not_before_its_time():
    clock = Clock()
    schedule = HostSchedule(HostLimits(1, 0.0), 99, clock)
    for item in "xyz":
        schedule.add("a", item)
    schedule.next()
    schedule.put_back("a", "x", 2.0)

    assert schedule.next() == ("a", "y")
    clock.now += 2.0
    schedule.finished("a", 2.0)
    assert schedule.next() == ("a", "x")


def test_a_pause_holds_its_host_and_no_other_and_is_never_shortened():
    clock = Clock()
    schedule = HostSchedule(HostLimits(1, 0.0), 99, clock)
    schedule.add("a", 1)
    schedule.add("b", 2)
    schedule.pause("a", 30.0)
    schedule.pause("a", 5.0)

    assert schedule.next() == ("b", 2)
    assert schedule.next() == 30.0


def test_a_host_given_up_hands_back_its_items_and_the_rest_goes_on():
    schedule = HostSchedule(HostLimits(1, 0.0), 99, Clock())
    for item in range(3):
        schedule.add("a", item)
    schedule.add("b", 9)
    schedule.next()
    schedule.put_back("a", 0, 60.0)

    assert schedule.give_up("a") == [1, 2, 0]
    assert schedule.next() == ("b", 9)
    assert schedule.next() == math.inf
    schedule.finished("b", 1.0)
    assert schedule.next() is None


def _web_of_a_thousand(bad, slow_s):
    """20 images from each of 1000 hosts, 0.1 s each; if `bad`, 5 % are slow and 5 % fail."""
    clock, rng = Clock(), random.Random(1)
    schedule = HostSchedule(HostLimits(4, 0.2), 64, clock)
    hosts = [f"h{i}" for i in range(1000)]
    spoilt = rng.sample(hosts, 100) if bad else []
    slow, failing = {*spoilt[:50]}, {*spoilt[50:]}
    for number in range(20_000):
        schedule.add(hosts[number % 1000], number)
    web = Web(
        schedule,
        clock,
        lambda host: rng.uniform(0.5, 1.5) * (slow_s if host in slow else 0.1),
        lambda host, tries: host in failing and tries < 3,
    )
    return web, {*hosts} - {*spoilt}


def _rate(web, hosts):
    """Return the images per second of `hosts`, until the last of them."""
    times = [at for at, host in web.done if host in hosts]
    return len(times) / (max(times) - 1000)


def test_slow_and_failing_hosts_leave_the_healthy_four_fifths_of_the_clean_rate():
    clean, everyone = _web_of_a_thousand(bad=False, slow_s=2.0)
    bad, healthy = _web_of_a_thousand(bad=True, slow_s=2.0)
    clean.run()
    bad.run()

    assert 0.8 <= _rate(bad, healthy) / _rate(clean, everyone) <= 0.9  # they are nine tenths
    assert len(bad.done) == len(clean.done) == 20_000


def test_slow_hosts_keep_all_slots_busy_to_the_end():
    web, _ = _web_of_a_thousand(bad=True, slow_s=2.0)

    busy_s = 900 * 20 * 0.1 + 50 * 60 * 0.1 + 50 * 20 * 2.0
    web.run()
    assert web.clock.now - 1000 < 1.15 * busy_s / 64


def test_hosts_that_hang_are_held_back_before_the_first_of_them_answers():
    web, healthy = _web_of_a_thousand(bad=True, slow_s=6000.0)

    web.run(lambda web: web.clock.now > 1008)
    assert sum(flight[3] > 10 for flight in web.flights) < 20
    assert sum(host in healthy for _, host in web.done) > 0.8 * 0.9 * 8 * 64 / 0.1


def test_slow_hosts_among_themselves_use_every_slot():
    clock = Clock()
    schedule = HostSchedule(HostLimits(4, 0.0, slow_share=0.1), 16, clock)
    for number in range(400):
        schedule.add(f"h{number % 20}", number)
    web = Web(schedule, clock, lambda host: 4.0 if host in ("h1", "h2", "h3", "h4") else 0.1)

    web.run(lambda web: web.schedule.queued < 50)
    assert Counter(flight[3] for flight in web.flights) == {4.0: 16}


def test_a_step_among_a_hundred_thousand_hosts_costs_little_more_than_among_a_thousand():
    def microseconds(hosts):
        clock = Clock()
        schedule = HostSchedule(HostLimits(2, 0.2), 64, clock)
        web = Web(schedule, clock, lambda host: 0.1)
        start = time.process_time()
        for number in range(100_000):
            schedule.add(f"h{number % hosts}", number)
        web.run(lambda web: len(web.done) >= 20_000)
        return time.process_time() - start

    assert microseconds(100_000) < 10 * microseconds(1000)


@pytest.mark.parametrize("seed", range(5))
def test_the_median_host_is_known_to_five_percent(seed):
    rng, speeds, means = random.Random(seed), HostSpeeds(), {}
    for _ in range(2000):
        host, mean = rng.randint(0, 99), rng.lognormvariate(-2, 2)
        speeds.replace(means.get(host), mean)
        means[host] = mean

    expected = 4 * median_low(max(mean, 1e-4) for mean in means.values())
    assert speeds.slow_s == pytest.approx(expected, rel=0.05)


def test_nothing_is_slow_until_ten_hosts_were_heard():
    speeds = HostSpeeds()
    for _ in range(9):
        speeds.replace(None, 0.1)

    assert speeds.slow_s == math.inf
    speeds.replace(None, 0.1)
    assert speeds.slow_s == pytest.approx(0.4, rel=0.05)


def test_where_all_are_quick_a_busy_moment_makes_nobody_slow():
    speeds = HostSpeeds()
    for _ in range(20):
        speeds.replace(None, 0.001)

    assert speeds.slow_s == 0.3
