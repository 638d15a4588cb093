"""How far a picture is from a manifold whose feature map is known: fit h to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from coursekit.data import faces

Renderer = Callable[[Tensor], Tensor]
EXACT = 1e-3**2  # a mean square that no eye and no claim tells from 0
GUESSED_AT_ONCE = 128  # ten moves of each are what the renderer draws fastest
Ranges = Mapping[str, tuple[float, float]] | Sequence[tuple[float, float]] | Tensor


class Manifold:
    """The set of all x = draw(h), h inside `ranges`, and the nearest point on it to any given x.

    `draw` maps [n, F] to [n, ...]. `gallery` [G, F] are examples of h that cover the manifold; `free` are the
    positions of the factors that vary continuously, the others take the combinations of values that the
    gallery has. `ranges` are F pairs (low, high). Drawing the gallery is the slow part: keep the object to
    ask it often. Raises ValueError for ranges, positions or a gallery that do not fit together.
    """

    def __init__(self, draw: Renderer, *, gallery: Tensor, free: Sequence[int], ranges: Ranges) -> None:
        size = gallery.shape[-1]
        if gallery.ndim != 2 or not len(gallery) or not free or not all(0 <= i < size for i in free):
            raise ValueError(f"gallery, free: want [G, F] and positions below F, got {list(gallery.shape)}, {free}")
        self.draw, self.gallery = draw, gallery
        self.free = torch.tensor(list(free), device=gallery.device)
        self.low, self.high = _bounds(ranges, size).to(gallery).unbind(1)  # [F], [F]
        self.kinds = gallery.index_fill(1, self.free, 0).unique(dim=0)  # [K, F]
        self.guess = self._regression()

    @torch.no_grad()
    def nearest(
        self, x: Tensor, *, starts: int = 3, steps: int = 12, guess: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The root mean square of draw(h) − x per number, [n], and the h, [n, F], at the best fit found to each x.

        A linear regression over the gallery guesses h. It is tried with every combination of the fixed
        factors; from the `starts` best the free ones are fitted: each is set to the best of nine values in
        turn, then all take `steps` Levenberg-Marquardt steps. Local minima can remain, so the distance is an
        upper bound. With a good `guess` [n, F] at h the steps start there, without any search: far faster.
        """
        if x.ndim < 2 or not len(x):
            raise ValueError(f"x: want [n, ...] with n at least 1, got {list(x.shape)}")
        pictures = x.flatten(1).to(self.gallery)
        if guess is not None:
            found = [self._refined(h, part, steps) for h, part in self._guessed(guess, pictures)]
        else:
            found = [self._nearest(part, starts, steps) for part in pictures.split(32)]
        distances, factors = zip(*found, strict=True)
        return torch.cat(distances), torch.cat(factors)

    def _guessed(self, guess: Tensor, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Guesses and pictures in parts, checked."""
        if guess.shape != (len(x), self.gallery.shape[1]):
            raise ValueError(f"guess: want {[len(x), self.gallery.shape[1]]}, got {list(guess.shape)}")
        inside = guess.to(self.gallery).clamp(self.low, self.high)
        return zip(inside.split(GUESSED_AT_ONCE), x.split(GUESSED_AT_ONCE), strict=True)

    def _refined(self, h: Tensor, x: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        h, square = self._descended(h, self._residuals(h[:, None], x)[:, 0], x, steps)
        return square.sqrt(), h

    def _nearest(self, x: Tensor, starts: int, steps: int) -> tuple[Tensor, Tensor]:
        """The same for x [n, M]; a picture that one start explains needs no other."""
        h, square = torch.zeros_like(self.gallery[:1]).repeat(len(x), 1), x.new_full((len(x),), torch.inf)
        for start in self._starts(x, starts).unbind(1):
            left = (square > EXACT).nonzero()[:, 0]
            if not len(left):
                break
            new, error = self._descended(*self._swept(start[left], x[left]), x[left], steps)
            better = error < square[left]
            h[left[better]], square[left[better]] = new[better], error[better]
        return square.sqrt(), h

    @torch.no_grad()
    def _regression(self) -> Callable[[Tensor], Tensor]:
        """Ridge regression from numbers to factors, [n, M] → [n, F], inside the ranges; in its dual form."""
        x = torch.cat([self.draw(h) for h in self.gallery.split(512)]).flatten(1)  # [G, M]
        x_mean, h_mean = x.mean(0), self.gallery.mean(0)
        gram = (x - x_mean) @ (x - x_mean).T  # [G, G]
        gram.diagonal().add_(0.005 * gram.diagonal().mean() + 1e-12)
        weights = (x - x_mean).T @ torch.linalg.solve(gram, self.gallery - h_mean)  # [M, F]
        return lambda pictures: ((pictures - x_mean) @ weights + h_mean).clamp(self.low, self.high)

    def _starts(self, x: Tensor, count: int) -> Tensor:
        """[n, M] → [n, S, F]: the guess with the S combinations of fixed factors that come nearest to x."""
        h = self.kinds.expand(len(x), -1, -1)  # [n, K, F]
        h = h.index_copy(2, self.free, self.guess(x)[:, None, self.free].expand(-1, len(self.kinds), -1))
        best = self._errors(h, x).topk(min(count, len(self.kinds)), largest=False).indices  # [n, S]
        return h[torch.arange(len(x))[:, None], best]

    def _residuals(self, h: Tensor, target: Tensor) -> Tensor:
        """draw(h) − target for several h each: [P, Q, F] and [P, M] → [P, Q, M]."""
        return self.draw(h.flatten(0, 1)).flatten(1).unflatten(0, h.shape[:2]) - target[:, None]

    def _errors(self, h: Tensor, target: Tensor) -> Tensor:
        """Mean squares: [P, Q, F] and [P, M] → [P, Q]."""
        return self._residuals(h, target).square().mean(2)

    def _swept(self, h: Tensor, target: Tensor, values: int = 9) -> tuple[Tensor, Tensor]:
        """h [P, F] with each free factor in turn at the best of some values or as it was; and h itself kept."""
        for column in self.free:
            grid = torch.linspace(float(self.low[column]), float(self.high[column]), values).to(h)
            tried = torch.cat([h[:, None], h[:, None].repeat(1, values, 1)], 1)  # [P, 1 + V, F]
            tried[:, 1:, column] = grid
            h = tried[torch.arange(len(h)), self._errors(tried, target).argmin(1)]
        return h, self._residuals(h[:, None], target)[:, 0]

    def _descended(self, h: Tensor, residual: Tensor, target: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Levenberg-Marquardt for all fits at once, from h [P, F]: the best h and its mean square [P]."""
        damping = torch.full_like(residual[:, 0], 0.1)
        for _ in range(steps):
            if bool(((residual.square().mean(1) < EXACT) | (damping > 100)).all()):
                break
            tried = h.index_add(1, self.free, self._move(h, residual, target, damping))
            tried = tried.clamp(self.low, self.high)
            new = self._residuals(tried[:, None], target)[:, 0]
            better = new.square().mean(1) < residual.square().mean(1)
            h, residual = torch.where(better[:, None], tried, h), torch.where(better[:, None], new, residual)
            damping = torch.where(better, damping / 5, damping * 5).clamp(1e-6, 1e3)
        return h, residual.square().mean(1)

    def _move(self, h: Tensor, residual: Tensor, target: Tensor, damping: Tensor) -> Tensor:
        """The step δ [P, D] of the free factors: (JᵀJ + μ diag JᵀJ) δ = −Jᵀr; factors held by a bound stay."""
        slope = self._slope(h, residual, target)  # [P, D, M]
        pull, curvature = -(slope @ residual[..., None])[..., 0], slope @ slope.mT  # [P, D], [P, D, D]
        place, low, high = h[:, self.free], self.low[self.free], self.high[self.free]
        held = ((place <= low) & (pull < 0)) | ((place >= high) & (pull > 0))
        curvature = curvature.masked_fill(held[:, None] | held[..., None], 0)
        lift = damping[:, None] * curvature.diagonal(dim1=1, dim2=2) + 1e-6 + held
        return torch.linalg.solve(curvature + torch.diag_embed(lift), pull.masked_fill(held, 0))

    def _slope(self, h: Tensor, residual: Tensor, target: Tensor) -> Tensor:
        """Jᵀ [P, D, M] by difference quotients over 0.003 of each range, pointing inwards.

        They cost a tenth of forward-mode derivatives here, and see past the flat spots of a drawing.
        """
        step = 0.003 * (self.high - self.low)[self.free]
        step = torch.where(h[:, self.free] + step > self.high[self.free], -step, step)  # [P, D]
        moved = h[:, None].repeat(1, len(self.free), 1)  # [P, D, F]
        rows = torch.arange(len(self.free), device=h.device)
        moved[:, rows, self.free] += step
        return (self._residuals(moved, target) - residual[:, None]) / step[..., None]


def face_manifold(size: int = 32, *, gallery: Tensor | None = None) -> Manifold:
    """The manifold of the rendered faces of that size: continuous factors free, attributes as in the gallery."""
    free = range(len(faces.CONTINUOUS))
    examples = face_gallery() if gallery is None else gallery
    return Manifold(lambda h: faces.render(h, size), gallery=examples, free=free, ranges=faces.RANGES)


def face_gallery(n: int = 1200, *, seed: int = 0) -> Tensor:
    """Factors of n faces that cover their manifold, [n, F]: each possible combination of attributes equally often."""
    h = faces.sample_factors(n, generator=torch.Generator().manual_seed(seed))
    eyewear, beard, hair = torch.arange(n) % 3, torch.arange(n) // 3 % 2, torch.arange(n) // 6 % 2
    h[:, len(faces.CONTINUOUS) :] = torch.stack([eyewear == 1, eyewear == 2, beard == 1, hair == 1], 1).to(h)
    return h


def distance_to_manifold(
    x: Tensor, renderer: Renderer = faces.render, *, gallery: Tensor | None = None,
    free: Sequence[int] | None = None, ranges: Ranges | None = None, starts: int = 3, steps: int = 12,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """min over h of the root mean square of renderer(h) − x per number: (distance [n], that h [n, F]).

    For faces x [n, 3, H, H] nothing else need be given. For another renderer give gallery, free and ranges
    (see `Manifold`, which to keep is faster when there are many questions; and its `nearest` for how the fit
    works).
    """
    if renderer is faces.render and free is None and ranges is None:
        return face_manifold(x.shape[-1], gallery=gallery).nearest(x, starts=starts, steps=steps)
    if gallery is None or free is None or ranges is None:
        raise ValueError("gallery, free, ranges: want all three, unless the manifold is that of faces.render")
    return Manifold(renderer, gallery=gallery, free=free, ranges=ranges).nearest(x, starts=starts, steps=steps)


def _bounds(ranges: Ranges, size: int) -> Tensor:
    """[F, 2], low and high."""
    pairs = list(ranges.values()) if isinstance(ranges, Mapping) else ranges
    bounds = torch.as_tensor(pairs, dtype=torch.float64)
    if bounds.shape != (size, 2) or bool((bounds[:, 0] > bounds[:, 1]).any()):
        raise ValueError(f"ranges: want {size} pairs (low, high), got {pairs}")
    return bounds
