"""Pictures of maps between two domains: what goes where, and what of it is kept."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from coursekit.figures.game import square
from coursekit.figures.plots import BLUE, FAINT, GREEN, INK, ORANGE, PINK, Picture, axes

Cases = Mapping[str, Sequence[Mapping[str, float]]]

HEAPS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PINK, "D"))
MUCH, LITTLE, APART = 0.8, 0.3, 0.5
NUMBERS = ("none", "one", "two", "three", "four")


def correspondence(
    points: Tensor, labels: Tensor, panels: Mapping[str, Tensor], goals: Tensor, *, columns: int | None = None,
    size: float = 1.55, dot: float = 4, title: str = "domain A",
) -> Picture:  # fmt: skip
    """Heaps of points [n, 2] in their own colours, and where each of several maps sends them, a panel for each map.

    `labels` [n]: the heap of each point, at most four heaps; `panels`: title → the images [n, 2] of the points;
    `goals` [heaps, 2]: where each heap belongs, a ring of its colour. The alt text is counted from the points. Raises
    ValueError for more than four heaps.
    """
    if len(goals) > len(HEAPS):
        raise ValueError(f"goals: want at most {len(HEAPS)} heaps, got {len(goals)}")
    count = len(panels) + 1
    columns = columns or min(count, 5)
    rows = -(-count // columns)
    figure, grid = axes(rows, columns, size=(size * columns, (size + 0.22) * rows), squeeze=False)
    for ax in grid.flat[count:]:
        ax.set_visible(False)
    frame = _frame(points, torch.cat([*panels.values(), goals]))
    for ax, (name, shown) in zip(grid.flat, {title: points, **panels}.items(), strict=False):
        _heaps(ax, shown, labels, dot)
        square(ax, frame, name)
    for ax in grid.flat[1:count]:
        for goal, (colour, _) in zip(goals, HEAPS, strict=False):
            ax.plot(*goal.tolist(), "o", markersize=20 * size / 1.55, markerfacecolor="none", markeredgecolor=colour)
    return Picture(figure, _told(labels, panels, goals))


def _frame(*clouds: Tensor) -> list[float]:
    """(left, right, bottom, top) around nearly all points, square, with a margin."""
    points = torch.cat(clouds).double()
    low, high = (points.quantile(share, 0) for share in (0.002, 0.998))
    middle, reach = (low + high) / 2, 0.62 * float((high - low).max())
    return [float(x) for x in (middle[0] - reach, middle[0] + reach, middle[1] - reach, middle[1] + reach)]


def _heaps(ax: Axes, points: Tensor, labels: Tensor, dot: float) -> None:
    for heap, (colour, marker) in enumerate(HEAPS):
        x, y = points[labels == heap].T
        ax.scatter(x, y, s=dot, color=colour, marker=marker, linewidths=0)


def _told(labels: Tensor, panels: Mapping[str, Tensor], goals: Tensor) -> str:
    """How many heaps each map brings to their own ring, most of the heap's points deciding."""
    heaps = len(goals)
    ways = [_ends(torch.cdist(shown.float(), goals.float()).argmin(1), labels, heaps) for shown in panels.values()]
    hits = [sum(end == heap for heap, end in enumerate(way)) for way in ways]
    found = ", ".join(f"{NUMBERS[k]} in {hits.count(k)}" for k in range(heaps, -1, -1) if k in hits)
    return (
        f"{NUMBERS[heaps].capitalize()} heaps of points, each in its own colour, and {len(panels)} panels with where "
        f"maps send them; rings of the same colours show where they belong. Heaps that lie in their own ring: {found}. "
        f"Different maps among them: {len(set(ways))}."
    )


def _ends(nearest: Tensor, labels: Tensor, heaps: int) -> tuple[int, ...]:
    """For each heap the goal that most of its points are nearest to."""
    return tuple(int(nearest[labels == heap].bincount(minlength=heaps).argmax()) for heap in range(heaps))


def kept(
    cases: Cases, *, names: Mapping[str, str] | None = None, chance: Mapping[str, float] | None = None, alt: str = "",
    colours: Mapping[str, str] | None = None, width: float = 0.95, height: float = 0.34,
) -> Picture:  # fmt: skip
    """What several maps keep: a row for each case, a column for each factor, a dot for each of the case's runs.

    `cases`: case → runs, each factor → r or a share, −1 … 1; the columns are the factors of the first run, or those
    that `names` maps to titles. `chance`: what a column shows where nothing is kept, "facing": 0.5 say, else 0.
    `colours` of cases; else all are blue. The alt text says, after `alt`, which factors each case keeps in all of its
    runs (at least 0.8 of the way from chance to 1), which it loses in all (at most 0.3 of it), and where runs differ by
    more than half of it. Raises ValueError for no case, or one without a run.
    """
    if not cases or not all(cases.values()):
        raise ValueError(f"cases: want at least one, each with at least one run, got {dict(cases)}")
    columns = dict(names) if names else {name: name for name in next(iter(cases.values()))[0]}
    floors = {factor: (chance or {}).get(factor, 0.0) for factor in columns}
    longest = max(len(line) for case in cases for line in case.splitlines())
    size = (0.075 * longest + 0.2 + width * len(columns), 0.85 + height * len(cases))
    figure, grid = axes(1, len(columns), size=size, sharey=True, squeeze=False)
    lowest = min(run[factor] for runs in cases.values() for run in runs for factor in columns)
    for ax, (factor, title) in zip(grid[0], columns.items(), strict=True):
        _runs(ax, {case: [run[factor] for run in runs] for case, runs in cases.items()}, floors[factor], colours or {})
        ax.set_title(title, fontsize=9.5, color=INK)
        ax.set(xlim=(-1.15 if lowest < -0.1 else -0.15, 1.15), xticks=[-1, 0, 1] if lowest < -0.1 else [0, 1])
    grid[0, 0].set_yticks(range(len(cases)), list(cases))
    grid[0, 0].set_ylim(len(cases) - 0.5, -0.5)
    return Picture(figure, f"{alt} {_summary(cases, columns, floors)}")


def _runs(ax: Axes, found: Mapping[str, Sequence[float]], floor: float, colours: Mapping[str, str]) -> None:
    for row, (case, values) in enumerate(found.items()):
        places = [row + 0.13 * (i - (len(values) - 1) / 2) for i in range(len(values))]
        ax.hlines(row, min(floor, *values), max(floor, *values), color=FAINT, linewidth=1.2)
        ax.plot(values, places, "o", color=colours.get(case, BLUE), markersize=5, markeredgewidth=0, alpha=0.85)
    ax.axvline(floor, color=FAINT, linewidth=1)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="x", labelsize=8)
    ax.tick_params(axis="y", length=0)


def _summary(cases: Cases, columns: Mapping[str, str], floors: Mapping[str, float]) -> str:
    """One sentence for each case."""
    told = []
    for case, runs in cases.items():
        found = {
            title: [(run[factor] - floors[factor]) / (1 - floors[factor]) for run in runs]
            for factor, title in columns.items()
        }
        words = {
            "kept": [title for title, values in found.items() if min(values) >= MUCH],
            "lost": [title for title, values in found.items() if max(map(abs, values)) <= LITTLE],
            "runs disagree about": [title for title, values in found.items() if max(values) - min(values) > APART],
        }
        said = "; ".join(f"{word}: {', '.join(titles)}" for word, titles in words.items() if titles)
        told.append(f"{case}: {said or 'all in between'}.")
    return " ".join(" ".join(one.split()) for one in told)
