"""Which version of a model is the champion: better on the same test images, beyond chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cosmop.metrics.differences import difference
from cosmop.metrics.intervals import Interval

_PREFIX = "judged."
_LARGE = 10_000  # from here on, four digits would need an exponent


@dataclass(frozen=True)
class Judgement:
    """A figure of one version of a model.

    Attributes:
        metric: Dotted place of the figure, as ``distances.to_test.kernel_distance``.
        better: ``lower`` or ``higher``.
        value: The figure.
        low: Lower end of its 95 % interval.
        high: Upper end.
        n: Images behind it.
        test: What it was measured on and with: checksums. Others are not compared.
    """

    metric: str
    better: str
    value: float
    low: float
    high: float
    n: int
    test: str

    @staticmethod
    def of(event: Mapping[str, Any]) -> "Judgement | None":
        """Read a figure from an event; None if it has no value, no interval or no test set."""
        figure, test = event.get("figure"), event.get("test")
        if not isinstance(figure, Mapping) or not test:
            return None
        ends = [figure.get(key) for key in ("value", "low", "high")]
        if not all(isinstance(end, int | float) for end in ends):
            return None
        value, low, high = (float(end) for end in ends if end is not None)
        n = int(figure.get("n", 0))
        return Judgement(event["metric"], event["better"], value, low, high, n, str(test))

    @staticmethod
    def from_tags(tags: Mapping[str, str]) -> "Judgement | None":
        """Read what `tags` wrote on a version; None if it was never judged."""
        found = {key.removeprefix(_PREFIX): tags[key] for key in tags if key.startswith(_PREFIX)}
        if not found:
            return None
        value, low, high = (float(found[key]) for key in ("value", "low", "high"))
        metric, better, test = found["metric"], found["better"], found["test"]
        return Judgement(metric, better, value, low, high, int(found["n"]), test)

    def tags(self) -> dict[str, str]:
        """Return the figure as tags of a version."""
        return {f"{_PREFIX}{key}": str(value) for key, value in vars(self).items()}

    def interval(self) -> Interval:
        """Return the figure alone."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True)
class Decision:
    """Whether a version becomes champion, why in one sentence, and the difference if known."""

    is_champion: bool
    sentence: str
    gain: Interval | None = None

    def tags(self) -> dict[str, str]:
        """Return the decision as tags of a version."""
        gain = {f"champion.gain.{key}": str(value) for key, value in (self.gain or {}).items()}
        became = str(self.is_champion).lower()
        return {"champion.decision": self.sentence, "champion.became": became} | gain


def decide(
    name: str, version: str, new: Judgement | None, champion: tuple[str, Judgement | None] | None
) -> Decision:
    """Decide whether a version takes the champion's place.

    It does when its figure is better on the same test set and the 95 % interval of the difference
    (`cosmop.metrics.differences.difference`) leaves out "no better". The first with a figure does.

    Args:
        name: Of the registered model.
        version: Number of the new version.
        new: Its figure.
        champion: Number and figure of the champion so far; None if there is none.
    """
    if new is None:
        return Decision(False, f"{name} {version} has no figure with an interval and a test set.")
    number, old = champion or ("", None)
    if old is None:
        return Decision(True, f"{name} {version} is the first with {_say(new)}: champion.")
    if (new.metric, new.better, new.test) != (old.metric, old.better, old.test):
        return Decision(
            False,
            f"{name} {version} cannot be compared with champion {number}, which stays: "
            f"{new.metric} was measured on or with something else.",
        )
    return _compare(f"{name} {version}", number, new, old)


def _compare(who: str, number: str, new: Judgement, old: Judgement) -> Decision:
    ends = (old, new) if new.better == "lower" else (new, old)
    gain = difference(ends[0].interval(), ends[1].interval())
    value, low, high = (_short(gain[key]) for key in ("value", "low", "high"))
    interval = f"better by {value} (95 % {low} to {high})"
    wins = gain["low"] > 0
    verdict = "takes the place of" if wins else "does not take the place of"
    doubt = "; it is worse" if gain["high"] < 0 else "; the interval holds “no better”"
    why = "" if wins else doubt
    return Decision(wins, f"{who} {verdict} champion {number}: {_say(new)}, {interval}{why}.", gain)


def _say(judgement: Judgement) -> str:
    return f"{judgement.metric} {_short(judgement.value)} ({judgement.better} is better)"


def _short(value: float) -> str:
    return f"{value:.4g}" if abs(value) < _LARGE else f"{value:.0f}"
