"""For nbval: what a cell prints of a training is compared to within what another processor changes.

Sums of floating-point numbers come out differently in their last bits on another kind of processor, and a training
makes more of it with each step. So in a cell tagged `trained` every word has to be as stored, and every number to
within a tenth of itself or three in its last printed digit. All other cells are compared to the letter.

    python -m pytest -p tests.nearly --nbval course/02_autoencoders.ipynb
"""

import re
from collections.abc import Sequence
from typing import Any

from nbval.plugin import IPyNbCell

TAG = "trained"
NUMBER = re.compile(r"([-−+]?\d[\d,]*(?:\.(\d+))?(?:e([-+]?\d+))?)")  # as it stands, its decimals, its exponent


def close(a: tuple[str, str, str], b: tuple[str, str, str]) -> bool:
    """Whether two printed numbers are as good as the same: 0.71 and 0.69, 1,290 and 1,300, 3.8e-4 and 4.0e-4."""
    x, y = (float(number.replace(",", "").replace("−", "-")) for number, _, _ in (a, b))
    last = 10.0 ** (int(a[2] or 0) - len(a[1]))  # what one in the last printed digit is worth
    return len(a[1]) == len(b[1]) and abs(x - y) <= max(3.001 * last, 0.1 * max(abs(x), abs(y)))


def agree(found: str, stored: str) -> bool:
    """Whether two texts have the same words and close numbers."""
    return words(found) == words(stored) and all(map(close, NUMBER.findall(found), NUMBER.findall(stored)))


def words(text: str) -> list[str]:
    """The text without its numbers and its spaces: a number may become one sign longer, and tables are aligned."""
    return "".join(NUMBER.sub("#", text).split()).split("#")


def settled(found: Any, stored: Sequence[Any]) -> Any:
    """The stored output in the place of printed text that agrees with it; any other output as it is."""
    if found.output_type != "stream":
        return found
    same = (s for s in stored if s.output_type == "stream" and s.name == found.name)
    return next((s for s in same if agree(found.text, s.text)), found)


def pytest_configure() -> None:
    """Put it before nbval's own comparison."""
    exactly = IPyNbCell.compare_outputs

    def compare(self: IPyNbCell, found: Sequence[Any], stored: Sequence[Any], skip_compare: Any = None) -> bool:
        if TAG in self.cell.metadata.get("tags", ()):
            found = [settled(output, stored) for output in found]
        return bool(exactly(self, found, stored, skip_compare))

    IPyNbCell.compare_outputs = compare
