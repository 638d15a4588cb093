"""What a training reports: every term of every step."""

from collections.abc import Iterator, Mapping

Terms = dict[str, float]
Report = dict[str, Terms]


class History(Mapping[str, list[float]]):
    """Every term of every step: `history["loss"]`, or `history["critic.loss"]` with several players.

    `at(term)` are the step numbers of a series (a player may pause); `interrupted` tells whether training was
    stopped by hand.
    """

    def __init__(self) -> None:
        self.steps, self.interrupted = 0, False
        self._series: dict[str, list[float]] = {}
        self._at: dict[str, list[int]] = {}

    def record(self, report: Report, players: int = 1) -> Terms:
        """Note one step's report; returns it with the names the history uses."""
        self.steps += 1
        named = ((player + "." if players > 1 else "", terms) for player, terms in report.items())
        flat = {prefix + term: value for prefix, terms in named for term, value in terms.items()}
        for name, value in flat.items():
            self._series.setdefault(name, []).append(value)
            self._at.setdefault(name, []).append(self.steps)
        return flat

    def __getitem__(self, name: str) -> list[float]:
        return self._series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def __repr__(self) -> str:
        state = ", interrupted" if self.interrupted else ""
        return f"History({self.steps} steps of {', '.join(self)}{state})"

    def at(self, name: str) -> list[int]:
        """The numbers, from 1, of the steps in which the term was reported."""
        return self._at[name]

    def last(self, count: int = 1) -> Terms:
        """Each term's mean over its last `count` values."""
        return {name: sum(series[-count:]) / len(series[-count:]) for name, series in self.items()}

    def as_dict(self) -> dict[str, list[float]]:
        """{term: its series}, a copy."""
        return {name: list(series) for name, series in self.items()}

    def points(self) -> dict[str, tuple[list[int], list[float]]]:
        """{term: (step numbers, values)}."""
        return {name: (list(self._at[name]), list(series)) for name, series in self.items()}

    def restore(self, points: Mapping[str, tuple[list[int], list[float]]], steps: int) -> None:
        """Put back what `points` gave, after that many steps."""
        self.steps = steps
        self._at = {name: list(at) for name, (at, _) in points.items()}
        self._series = {name: list(series) for name, (_, series) in points.items()}
