"""A translation as it is learnt: pictures, and scores that rise."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from coursekit.figures.plots import COLOURS, INK, Picture, Redrawn, axes, draw

Shown = Callable[[], Sequence[Tensor]]  # rows of images, [n, C, H, W] each


class Watch:
    """A training's companion: rows of pictures as they are now, and below them scores against the step.

    `Watch(show, measure, every=60, rows=("horse", "zebra", "back"), alt=...)`: `show()` gives one batch of images for
    each row, `measure()` some scores by name, from 0 to 1; give it to `training.fit(..., along=[watch])`. In a notebook
    one picture is redrawn every so many steps; elsewhere it draws nothing. `scores` keeps [(step, scores)], `latest`
    the last `Picture`. Raises ValueError for `every` < 1.
    """

    def __init__(
        self, show: Shown, measure: Callable[[], Mapping[str, float]], *, every: int, rows: Sequence[str], alt: str,
        scale: float = 0.8,
    ) -> None:  # fmt: skip
        if every < 1:
            raise ValueError(f"every: want a number of steps, 1 or more, got {every}")
        self.show, self.measure, self.every, self.rows, self.alt, self.scale = show, measure, every, rows, alt, scale
        self.scores: list[tuple[int, Mapping[str, float]]] = []
        self.latest: Picture | None = None
        self._place = Redrawn()

    def start(self, training: Any) -> None:
        """The picture before the first step."""
        self._look(training.history.steps)

    def after(self, step: int, terms: Mapping[str, float]) -> None:
        """Redraw if it is time."""
        if step % self.every == 0:
            self._look(step)

    def _look(self, step: int) -> None:
        self.scores.append((step, self.measure()))
        self.latest = self._place.show(self._drawn())

    def _drawn(self) -> Picture:
        shown = [list(row) for row in self.show()]
        columns, tall = len(shown[0]), 1.9
        figure, grid = axes(len(shown) + 1, columns, size=(columns * self.scale + 1, len(shown) * self.scale + tall),
                            height_ratios=[self.scale] * len(shown) + [tall], squeeze=False)  # fmt: skip
        for line, images, word in zip(grid, shown, self.rows, strict=False):
            for ax, image in zip(line, images, strict=True):
                draw(ax, image)
            line[0].set_ylabel(word, fontsize=9.5, rotation=0, ha="right", va="center", labelpad=8)
        whole = grid[-1, 0].get_gridspec()
        for ax in grid[-1]:
            ax.remove()
        self._curves(figure.add_subplot(whole[-1, :]))
        return Picture(figure, self.alt)

    def _curves(self, ax: Any) -> None:
        steps = [step for step, _ in self.scores]
        for name, colour in zip(self.scores[0][1], COLOURS, strict=False):
            ax.plot(steps, [scores[name] for _, scores in self.scores], color=colour, marker="o", ms=3, label=name)
        ax.set(xlabel="step", ylim=(-0.03, 1.05))
        ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=INK, frameon=False)
