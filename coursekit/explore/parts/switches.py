"""What a generator can be asked for beside its code, and the controls for it."""

from collections.abc import Sequence

from coursekit.explore.widget.controls import Slider
from coursekit.models import gan

REACH = 2.0  # the ends of numbers and directions


def given_by(prior: gan.Prior, told: int) -> tuple[int, int]:
    """How many classes and continuous codes a model can be asked for."""
    if isinstance(prior, gan.Codes):
        return prior.classes, prior.continuous
    return told, 0


def names(argument: str, given: Sequence[str], count: int, pattern: str) -> tuple[str, ...]:
    """The names, or numbers in their place; ValueError for another number of them."""
    if given and len(given) != count:
        raise ValueError(f"{argument}: want {count} names, got {len(given)}")
    first = 0 if pattern == "{}" else 1
    return tuple(map(str, given)) or tuple(pattern.format(i + first) for i in range(count))


def key(name: str) -> str:
    """The control's name for a code or a direction: one that Python takes for a name."""
    return "amount_" + "".join(letter if letter.isalnum() else "_" for letter in name)


def amount(name: str, group: str, text: str) -> Slider:
    """The slider of a code's number or of a direction."""
    return Slider(key(name), low=-REACH, high=REACH, step=0.05, value=0.0, label=name, help=text, group=group)
