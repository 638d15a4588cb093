"""The two kinds of data set of the course, pictures and points: whole in memory, one tensor, indexed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor
from torch.utils.data import Dataset

Index = Tensor | Sequence[int] | Sequence[bool] | slice


class _Samples(Dataset):
    """What pictures and points share: samples along the first dimension, and what is known of each."""

    labels: Tensor | None
    factors: Tensor | None
    classes: tuple[str, ...] | None
    factor_names: tuple[str, ...] | None

    @property
    def _values(self) -> Tensor:
        raise NotImplementedError

    def _per_sample(self) -> dict[str, Any]:
        """The fields that have one entry for each sample, by name."""
        names = ("images", "points", "labels", "factors", "captions")
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name in names}  # type: ignore[arg-type]
        return {name: value for name, value in given.items() if value is not None}

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        value = self._values[index]
        return value if self.labels is None else (value, self.labels[index])

    def __repr__(self) -> str:
        shape = "×".join(str(size) for size in self._values.shape)
        known = [name for name in self._per_sample() if name not in ("images", "points")]
        return f"{type(self).__name__}({shape}{', with ' + ', '.join(known) if known else ''})"

    def subset(self, index: Index) -> Self:
        """The samples that a boolean mask [n], a list of indices or a slice picks, with all known of them.

        Raises ValueError for a mask of another length, IndexError for an index beyond the set.
        """
        chosen = _positions(index, len(self)).to(self._values.device)
        picked = {name: _pick(value, chosen) for name, value in self._per_sample().items()}
        return replace(self, **picked)  # type: ignore[type-var]

    def split(self, *sizes: int, generator: torch.Generator | None = None) -> tuple[Self, ...]:
        """Disjoint random parts of the given sizes; what is left over belongs to none of them.

        Raises ValueError if a size is negative or the sizes add up to more than there is.
        """
        if any(size < 0 for size in sizes) or sum(sizes) > len(self):
            raise ValueError(f"sizes: got {sizes}, want counts that add up to at most {len(self)}")
        device = "cpu" if generator is None else generator.device
        order = torch.randperm(len(self), generator=generator, device=device)[: sum(sizes)]
        return tuple(self.subset(part) for part in order.split(list(sizes)))

    def _check(self) -> None:
        _check_numbers(self._per_sample())
        _check_labels(self.labels, self.classes)
        _check_factors(self.factors, self.factor_names)


@dataclass(eq=False, repr=False)
class Images(_Samples):
    """Pictures with values in [0, 1], and what is known about each.

    images: float32 [n, C, H, W] in [0, 1]; labels: int64 [n]; factors: float32 [n, F], the state of nature
    behind each; captions: n strings; classes: the name of each label; factor_names: the name of each factor.
    `ds[i]` is an image [C, H, W], or (image, label) where there are labels.
    Raises ValueError where the numbers of images, labels, factors or captions differ, and for images of
    another rank, another dtype, or with values outside [0, 1].
    """

    images: Tensor
    labels: Tensor | None = None
    factors: Tensor | None = None
    captions: list[str] | None = None
    classes: tuple[str, ...] | None = None
    factor_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_tensor("images", self.images, "[n, C, H, W]", "; divide bytes by 255")
        _check_unit_range(self.images)
        self._check()

    @property
    def _values(self) -> Tensor:
        return self.images


@dataclass(eq=False, repr=False)
class Points(_Samples):
    """Points in a space of few dimensions, and the hidden h that each was made from.

    points: float32 [n, d]; labels: int64 [n]; factors: float32 [n, F], the hidden h; classes, factor_names:
    the names of the labels and of the factors.
    `ds[i]` is a point [d], or (point, label) where there are labels.
    Raises ValueError where the numbers of points, labels or factors differ, and for points of another rank or
    dtype or that are not finite.
    """

    points: Tensor
    labels: Tensor | None = None
    factors: Tensor | None = None
    classes: tuple[str, ...] | None = None
    factor_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_tensor("points", self.points, "[n, d]")
        if not bool(self.points.isfinite().all()):
            raise ValueError("points: got values that are not finite (NaN or infinite)")
        self._check()

    @property
    def _values(self) -> Tensor:
        return self.points


def _positions(index: Index, n: int) -> Tensor:
    if isinstance(index, slice):
        return torch.arange(n)[index]
    chosen = torch.as_tensor(index).cpu()
    if not chosen.numel() and chosen.dtype != torch.bool:
        chosen = chosen.long()  # an empty list comes as floats
    if chosen.ndim != 1 or chosen.dtype.is_floating_point:
        found = f"{chosen.dtype} {list(chosen.shape)}"
        raise ValueError(f"index: got {found}, want a mask [n] or a list of integers")
    if chosen.dtype == torch.bool and len(chosen) != n:
        raise ValueError(f"index: got a mask of length {len(chosen)} for {n} samples")
    return torch.arange(n)[chosen]


def _pick(value: Any, chosen: Tensor) -> Any:
    return value[chosen] if isinstance(value, Tensor) else [value[i] for i in chosen.tolist()]


def _check_tensor(name: str, value: Tensor, shape: str, hint: str = "") -> None:
    rank = shape.count(",") + 1
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: got {type(value).__name__}, want a torch tensor {shape}")
    if value.ndim != rank:
        raise ValueError(f"{name}: got shape {list(value.shape)}, want {shape}")
    if value.dtype != torch.float32:
        raise ValueError(f"{name}: got {value.dtype}, want torch.float32{hint}")


def _check_unit_range(images: Tensor) -> None:
    if not images.numel():
        return
    low, high = (float(bound) for bound in torch.aminmax(images.detach()))
    if not (low >= 0 and high <= 1):  # so written, NaN fails too
        raise ValueError(f"images: got values from {low:.4g} to {high:.4g}, want all in [0, 1]")


def _check_numbers(per_sample: dict[str, Any]) -> None:
    counts = {name: len(value) for name, value in per_sample.items()}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise ValueError(f"got {found}: want the same number of each")


def _check_labels(labels: Tensor | None, classes: tuple[str, ...] | None) -> None:
    if labels is None:
        return
    if labels.ndim != 1 or labels.dtype != torch.int64:
        raise ValueError(f"labels: got {labels.dtype} {list(labels.shape)}, want torch.int64 [n]")
    if classes is None or not labels.numel():
        return
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(classes):
        wanted = f"0 to {len(classes) - 1} for {len(classes)} classes"
        raise ValueError(f"labels: got values from {low} to {high}, want {wanted}")


def _check_factors(factors: Tensor | None, names: tuple[str, ...] | None) -> None:
    if factors is None:
        return
    _check_tensor("factors", factors, "[n, F]")
    if names is not None and len(names) != factors.shape[1]:
        raise ValueError(f"factor_names: got {len(names)} names for {factors.shape[1]} factors")
