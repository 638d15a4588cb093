"""Faces in words."""

from __future__ import annotations

from torch import Tensor

from coursekit.data.faces.factors import ATTRIBUTES, FACTORS, check

Steps = tuple[tuple[float, str], ...]

EXPRESSIONS: Steps = ((-0.6, "sad"), (-0.2, "thoughtful"), (0.2, "calm"), (0.6, "smiling"), (2.0, "beaming"))
HAIR_COLOURS: Steps = ((-0.6, "black"), (-0.2, "brown"), (0.2, "auburn"), (0.6, "golden"), (2.0, "blond"))
SIDES: Steps = ((-0.35, "left"), (0.35, ""), (2.0, "right"))


def captions(factors: Tensor) -> list[str]:
    """One line for each face, e.g. "a smiling face with long brown hair, glasses and a beard, looking left".

    A function of the factors [n, 14] alone; faces that differ in an attribute (on from ½ upwards) differ in
    words. Left and right are the viewer's. Returns n strings; raises as `render` does.
    """
    check(factors)
    return [_caption(dict(zip(FACTORS, row, strict=True))) for row in factors.detach().cpu().tolist()]


def _caption(h: dict[str, float]) -> str:
    on = {name for name in ATTRIBUTES if h[name] >= 0.5}
    length = "long" if "long_hair" in on else "short"
    things = [f"{length} {_word(h['hair'], HAIR_COLOURS)} hair", *_things(on)]
    return f"a {_word(h['smile'], EXPRESSIONS)} face with {_list(things)}{_direction(h)}"


def _things(on: set[str]) -> list[str]:
    words = {"glasses": "glasses", "sunglasses": "sunglasses", "beard": "a beard"}
    return [word for name, word in words.items() if name in on]


def _direction(h: dict[str, float]) -> str:
    turned, looking = _word(h["turn"], SIDES), _word(h["gaze"], SIDES)
    return (f", turned {turned}" if turned else "") + (f", looking {looking}" if looking else "")


def _word(value: float, steps: Steps) -> str:
    return next(word for limit, word in steps if value < limit)


def _list(things: list[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
