"""What a reader can move: sliders, choices, points, toggles and a film's play button, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from coursekit.explore.widget.picking import Cells, Thumbs

State = dict[str, Any]


@dataclass(frozen=True)
class Control:
    """One named thing to move. `group` is a heading under which controls stand together."""

    name: str
    value: Any = None
    label: str = ""
    help: str = ""
    group: str = ""

    def check(self, value: Any) -> Any:
        """The value, in the control's type; ValueError if it is not one of its values."""
        raise NotImplementedError

    def draw(self, generator: torch.Generator | None = None) -> Any:
        """A random value."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The control for the front end."""
        return {"kind": type(self).__name__.lower(), **asdict(self), "label": self.label or words(self.name)}


@dataclass(frozen=True)
class Slider(Control):
    """A number between `low` and `high`; whole numbers only if low, high and step are whole.

    With `log=True` the thumb moves in equal ratios (low must be positive). `pick`: pictures to click on instead.
    """

    low: float = -1.0
    high: float = 1.0
    step: float = 0.01
    value: float = 0.0
    log: bool = False
    pick: Cells | Thumbs | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high or not self.low <= self.value <= self.high:
            raise ValueError(f"slider {self.name!r}: wants low <= value <= high, got {self}")
        if self.log and self.low <= 0:
            raise ValueError(f"slider {self.name!r}: a logarithmic slider wants low > 0, got {self.low}")

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return all(float(x).is_integer() for x in (self.low, self.high, self.step))

    def check(self, value: Any) -> float | int:
        number = check_number(self.name, value)
        if not self.low - 1e-6 <= number <= self.high + 1e-6:
            raise ValueError(f"{self.name} = {value} is outside [{self.low}, {self.high}]")
        number = min(max(number, self.low), self.high)
        return round(number) if self.whole else number

    def draw(self, generator: torch.Generator | None = None) -> float | int:
        share = torch.rand((), generator=generator).item()
        if self.log:
            return self.check(self.low * (self.high / self.low) ** share)
        steps = round(share * (self.high - self.low) / self.step)
        return self.check(round(min(self.low + steps * self.step, self.high), 6))

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "whole": self.whole}


@dataclass(frozen=True)
class Choice(Control):
    """One of several words."""

    options: tuple[str, ...] = ()
    value: str | None = None

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError(f"choice {self.name!r}: wants at least one option")
        if self.value is None:
            object.__setattr__(self, "value", self.options[0])
        self.check(self.value)

    def check(self, value: Any) -> str:
        if value not in self.options:
            raise ValueError(f"{self.name} = {value!r} is none of {', '.join(self.options)}")
        return str(value)

    def draw(self, generator: torch.Generator | None = None) -> str:
        return self.options[int(torch.randint(len(self.options), (), generator=generator))]


@dataclass(frozen=True)
class Stops(Control):
    """A slider that knows only some numbers, in rising order."""

    stops: tuple[float, ...] = ()
    value: float | None = None

    def __post_init__(self) -> None:
        if len(self.stops) < 2 or list(self.stops) != sorted(set(self.stops)):
            raise ValueError(f"stops {self.name!r}: wants two or more rising numbers, got {self.stops}")
        if self.value is None:
            object.__setattr__(self, "value", self.stops[len(self.stops) // 2])
        self.check(self.value)

    def check(self, value: Any) -> float:
        number = check_number(self.name, value)
        near = min(self.stops, key=lambda stop: abs(stop - number))
        if abs(near - number) > 1e-6 * max(1.0, abs(near)):
            raise ValueError(f"{self.name} = {value} is none of {', '.join(map(str, self.stops))}")
        return near

    def draw(self, generator: torch.Generator | None = None) -> float:
        return self.stops[int(torch.randint(len(self.stops), (), generator=generator))]


@dataclass(frozen=True)
class Paint(Control):
    """Pixels that the reader paints on a panel with mouse, finger or keys.

    The value is a string: h·w bits, row by row, four in a hexadecimal digit; "" if nothing is painted. `shape` is
    (h, w), `brush` the side of the painted square in pixels, `colour` what is laid over them at once.
    """

    value: str = ""
    panel: int = 0
    shape: tuple[int, int] = (8, 8)
    brush: int = 2
    colour: str = "#e89454"

    def __post_init__(self) -> None:
        if min(self.shape) < 1 or self.brush < 1:
            raise ValueError(f"paint {self.name!r}: wants a shape and a brush of 1 pixel or more, got {self}")
        self.check(self.value)

    def check(self, value: Any) -> str:
        height, width = self.shape
        digits = -(-height * width // 4)
        if not isinstance(value, str) or len(value) not in (0, digits) or set(value) - set("0123456789abcdef"):
            raise ValueError(f'{self.name} = {value!r}: wants "" or {digits} hexadecimal digits')
        return value if value.strip("0") else ""

    def mask(self, value: str) -> torch.Tensor:
        """Which pixels are painted: bool [h, w]."""
        height, width = self.shape
        bits = [int(digit, 16) >> place & 1 for digit in value for place in (3, 2, 1, 0)]
        return torch.tensor((bits or [0] * height * width)[: height * width], dtype=torch.bool).view(height, width)

    def of(self, mask: torch.Tensor) -> str:
        """The value that stands for a mask, bool [h, w]."""
        bits = "".join(str(int(bit)) for bit in mask.flatten().tolist())
        bits += "0" * (-len(bits) % 4)
        return self.check("".join(f"{int(bits[i : i + 4], 2):x}" for i in range(0, len(bits), 4)))

    def draw(self, generator: torch.Generator | None = None) -> str:
        """A square hole of a third of the side, anywhere."""
        mask = torch.zeros(self.shape, dtype=torch.bool)
        side = max(1, min(self.shape) // 3)
        top, left = (int(torch.randint(room - side + 1, (), generator=generator)) for room in self.shape)
        mask[top : top + side, left : left + side] = True
        return self.of(mask)


@dataclass(frozen=True)
class Point(Control):
    """A point (x, y) that the reader drags on a panel, or moves with the arrow keys; a press anywhere fetches it.

    `low` and `high` are the corners of where it may go, a number for both axes or one for each; y goes upwards.
    `frame` says where they lie in the picture of `panel`: (left, top, right, bottom) in shares of its sides. `step` is
    one arrow key (five with shift). `trail`: how many of the places where it has been are joined by a line. `film`:
    the panel whose picture is kept in a row for places along the way. ValueError for a start outside.
    """

    value: tuple[float, float] = (0.0, 0.0)
    panel: int = 0
    low: float | tuple[float, float] = -1.0
    high: float | tuple[float, float] = 1.0
    frame: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    step: float = 0.05
    axes: tuple[str, str] = ("x₁", "x₂")
    trail: int = 0
    film: int | None = None
    colour: str = "#d81b60"

    def __post_init__(self) -> None:
        for side in ("low", "high"):
            given = getattr(self, side)
            object.__setattr__(self, side, tuple(given) if isinstance(given, list | tuple) else (given, given))
        if not all(low < high for low, high in self.sides) or self.step <= 0:
            raise ValueError(f"point {self.name!r}: wants low < high and step > 0, got {self}")
        object.__setattr__(self, "value", self.check(self.value))

    @property
    def sides(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """(low, high) of x and of y."""
        (x0, y0), (x1, y1) = self.low, self.high  # type: ignore[misc]  # pairs since __post_init__
        return (x0, x1), (y0, y1)

    def check(self, value: Any) -> tuple[float, float]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError(f"{self.name} = {value!r}: wants two numbers")
        x, y = (
            Slider(f"{self.name}, {axis}", value=low, low=low, high=high, step=1e-9).check(number)
            for number, axis, (low, high) in zip(value, self.axes, self.sides, strict=True)
        )
        return float(x), float(y)

    def draw(self, generator: torch.Generator | None = None) -> tuple[float, float]:
        shares = torch.rand(2, generator=generator).tolist()
        return self.check([round(a + u * (b - a), 3) for u, (a, b) in zip(shares, self.sides, strict=True)])

    def share(self, value: tuple[float, float]) -> tuple[float, float]:
        """Where a value lies in the picture, from its left and from its top, in shares of its sides."""
        left, top, right, bottom = self.frame
        x, y = ((number - low) / (high - low) for number, (low, high) in zip(value, self.sides, strict=True))
        return left + x * (right - left), bottom - y * (bottom - top)


@dataclass(frozen=True)
class Toggle(Control):
    """On or off."""

    value: bool = False

    def check(self, value: Any) -> bool:
        if value not in (True, False):
            raise ValueError(f"{self.name} = {value!r}: wants True or False")
        return bool(value)

    def draw(self, generator: torch.Generator | None = None) -> bool:
        return torch.rand((), generator=generator).item() < 0.5


@dataclass(frozen=True)
class Play(Control):
    """A film's frame, 0 … frames − 1, with a play button; `autoplay` shows it once when it comes into view."""

    frames: int = 2
    value: int = 0
    fps: float = 20.0
    autoplay: bool = False
    loop: bool = False

    def __post_init__(self) -> None:
        if self.frames < 2 or self.fps <= 0:
            raise ValueError(f"play {self.name!r}: wants frames >= 2 and fps > 0, got {self}")
        self.check(self.value)

    def check(self, value: Any) -> int:
        number = check_number(self.name, value)
        if not 0 <= number <= self.frames - 1:
            raise ValueError(f"{self.name} = {value} is outside [0, {self.frames - 1}]")
        return round(number)

    def draw(self, generator: torch.Generator | None = None) -> int:
        return int(torch.randint(self.frames, (), generator=generator))


def words(name: str) -> str:
    """A label from a name: `long_hair` → `long hair`."""
    return name.replace("_", " ")


def check_number(name: str, value: Any) -> float:
    """The value as a float; ValueError if it is no finite number."""
    if not isinstance(value, int | float) or value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"{name} = {value!r}: wants a finite number")
    return float(value)


def complete(controls: Iterable[Control], state: Mapping[str, Any] | None = None) -> State:
    """The whole state: what `state` names, checked, and the other controls at their start.

    Raises:
        ValueError: a name that no control has, or a value that its control does not take.
    """
    known = {control.name: control for control in controls}
    unknown = set(state or ()) - set(known)
    if unknown:
        raise ValueError(f"no control is called {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    given = {name: known[name].check(value) for name, value in (state or {}).items()}
    return {name: given.get(name, control.value) for name, control in known.items()}
