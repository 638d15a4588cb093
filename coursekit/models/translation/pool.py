"""A memory of translations, so that a critic does not forget what the generator did a while ago."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class ImagePool:
    """Up to `size` earlier items; a critic is shown half of its fakes from here, and the newest ones replace them.

    As long as it is not full, each item is kept and handed on. From then on each item is, by the toss of a coin, handed
    on as it is, or changed for one of the pool, drawn evenly. So an item that once came in stays for 2·size further
    ones on average. Size 0 hands on everything. Items are [n, ...] of any one shape; what is kept has no gradient.

    It is a memory, not a part of a model's weights: `state_dict` is what checkpoints keep of it. Raises ValueError for
    a negative size, and for items of another shape than those it has. Source: Shrivastava et al. (2017), section 2.3,
    as in Zhu et al. (2017).
    """

    def __init__(self, size: int = 50) -> None:
        if size < 0:
            raise ValueError(f"size: want a number of items, 0 or more, got {size}")
        self.size = size
        self.items: list[Tensor] = []

    def __len__(self) -> int:
        return len(self.items)

    def __call__(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """As many items as came in, [n, ...], without a gradient. Draws from torch's global generator of the CPU."""
        if not self.size:
            return x.detach()
        if self.items and (kept := self.items[0].shape) != x.shape[1:]:
            raise ValueError(f"x: want items [n, ...] of the pool's shape {list(kept)}, got {list(x.shape)}")
        device = "cpu" if generator is None else generator.device
        old = torch.rand(len(x), generator=generator, device=device).tolist()
        where = torch.randint(self.size, (len(x),), generator=generator, device=device).tolist()
        shown = map(self._exchange, x.detach(), old, where)
        return torch.stack([item.to(x.device) for item in shown])

    def _exchange(self, item: Tensor, old: float, where: int) -> Tensor:
        """This item, or the one at that place, which it replaces."""
        if len(self.items) < self.size:
            self.items.append(item.clone())
            return item
        if old >= 0.5:
            return item
        shown, self.items[where] = self.items[where], item.clone()
        return shown

    def state_dict(self) -> dict[str, Any]:
        """Its items."""
        return {"items": torch.stack(self.items)} if self.items else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        self.items = list(state["items"]) if "items" in state else []
