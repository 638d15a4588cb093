"""A game of two nets, move by move: the same seed and the same moves give the same nets, however they were reached."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.models import gan
from coursekit.models.base import Model, Terms, own_randomness
from coursekit.training import adam, steps

PROBES = 128  # items that D is read at after each move
Row = tuple[float, float]


class Played(Model):
    """A GAN whose next move is `kind`: "D" a step of the critic, "G" one of the generator, "R" a round of the game.

    A round is `GAN.turns`: a step of the critic for each part of the batch, then one of the generator with the last
    part's codes. Codes are drawn with `chance`.
    """

    def __init__(self, game: gan.GAN, chance: torch.Generator, steps_of_d: int, batch: int) -> None:
        super().__init__()
        self.game, self.chance, self.steps_of_d, self.batch, self.kind = game, chance, steps_of_d, batch, "R"

    def players(self) -> dict[str, nn.Module]:
        """Those of the game."""
        return self.game.players()

    def turns(self, x: Tensor) -> Iterator[tuple[str, Terms]]:
        """The turns of the next move."""
        for part in x.split(self.batch):
            deal = self.game.deal(part, generator=self.chance)
            if self.kind in "DR":
                yield "critic", self.game.critic_loss(deal)
        if self.kind in "GR":
            yield "generator", self.game.generator_loss(deal)

    def deals(self, points: Tensor, draws: torch.Generator) -> Iterator[Tensor]:
        """Batches for the next moves."""
        while True:
            parts = self.steps_of_d if self.kind == "R" else 1
            yield points[torch.randint(len(points), (parts * self.batch,), generator=draws)]


class Match:
    """A game that stands after some moves: nets, optimizers, randomness, and how D judged after each move.

    `game`: a GAN, whose nets are copied and start anew from the seed, as `nn.Linear` does it; `points` [n, 2]: the
    data. Adam has the betas (0.5, 0.99). `judged`: D's mean on data and on fakes, at first and after each move.
    """

    def __init__(self, game: gan.GAN, points: Tensor, *, rates: tuple[float, float], steps_of_d: int = 1,
                 batch: int = 128, seed: int = 0) -> None:
        self.points = points
        self.chance, self.draws = (torch.Generator().manual_seed(seed) for _ in range(2))
        self.game = restarted(copy.deepcopy(game), self.chance)
        self.game.penalties = tuple(partial(penalty, generator=self.chance) for penalty in game.penalties)
        self.played = Played(self.game, self.chance, steps_of_d, batch)
        self.optimizers = {name: adam(list(player.parameters()), rate, betas=(0.5, 0.99))
                           for (name, player), rate in zip(self.game.players().items(), rates, strict=True)}
        at = torch.Generator().manual_seed(seed + 1)
        self.codes = torch.randn(max(PROBES, 400), self.game.latent_size, generator=at)
        self.probes = points[torch.randint(len(points), (PROBES,), generator=at)]
        self.losses: dict[str, float] = {}
        self.judged: list[Row] = [self._judgement()]

    def play(self, kind: str, count: int) -> None:
        """So many moves of a kind."""
        self.played.kind = kind
        batches = islice(self.played.deals(self.points, self.draws), count)
        for report in steps(self.played, batches, self.optimizers):
            self.losses |= {player: terms["loss"] for player, terms in report.items()}
            self.judged.append(self._judgement())

    @torch.no_grad()
    def _judgement(self) -> Row:
        scores = self.game.score(torch.cat([self.probes, self.game.generator(self.codes[:PROBES])]))
        scores = judged_by(self.game.objective, scores)
        return float(scores[:PROBES].mean()), float(scores[PROBES:].mean())

    def state(self) -> dict[str, Any]:
        """All that the next moves depend on, in a copy."""
        optimizers = {name: one.state_dict() for name, one in self.optimizers.items()}
        nets = {"game": self.game.state_dict(), "optimizers": optimizers}
        return {
            **copy.deepcopy(nets), "chance": self.chance.get_state(), "draws": self.draws.get_state(),
            "losses": dict(self.losses), "judged": tuple(self.judged),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Back to where `state` was taken."""
        self.game.load_state_dict(state["game"])
        self.chance.set_state(state["chance"])
        self.draws.set_state(state["draws"])
        for name, one in self.optimizers.items():
            one.load_state_dict(copy.deepcopy(state["optimizers"][name]))
        self.losses, self.judged = dict(state["losses"]), list(state["judged"])


class Replay:
    """Matches after any moves, each played on from the nearest place that is kept.

    `begin`: settings → a match before the first move. Places are kept every `every` moves, `most` at once. A match that
    is given belongs to here: look at it, and do not play on with it.
    """

    def __init__(self, begin: Callable[..., Match], *, every: int = 50, most: int = 40) -> None:
        self.begin, self.every, self.most = begin, every, most
        self._places: OrderedDict[tuple[Hashable, str], dict[str, Any]] = OrderedDict()
        self._match: Match | None = None
        self._at: tuple[Hashable, str] = (None, "")

    def after(self, settings: Hashable, moves: list[tuple[int, str]]) -> Match:
        """The match of these settings after (count, kind) moves."""
        letters = "".join(count * kind for count, kind in moves)
        with torch.inference_mode(False), torch.enable_grad():
            match, done = self._nearest(settings, letters)
            self._match = None  # until it stands again: an error on the way leaves none half played
            while done < len(letters):
                done = self._on(match, settings, letters, done)
        self._match, self._at = match, (settings, letters)
        return match

    def _on(self, match: Match, settings: Hashable, letters: str, done: int) -> int:
        """Play moves of one kind, not past the next place to keep; how many have been made then."""
        kind, end = letters[done], done
        while end < len(letters) and letters[end] == kind and (end == done or end % self.every):
            end += 1
        match.play(kind, end - done)
        if end % self.every == 0:
            self._keep((settings, letters[:end]), match)
        return end

    def _keep(self, place: tuple[Hashable, str], match: Match) -> None:
        self._places[place] = match.state()
        self._places.move_to_end(place)
        while len(self._places) > self.most:
            self._places.popitem(last=False)

    def _nearest(self, settings: Hashable, letters: str) -> tuple[Match, int]:
        """A match on the way to these moves, and how many of them it has made."""
        kept = [at for whose, at in self._places if whose == settings and letters.startswith(at)]
        best = max(kept, key=len, default="")
        same, at = self._at[0] == settings, self._at[1]
        if self._match is not None and same and letters.startswith(at) and len(at) >= len(best):
            return self._match, len(at)
        match = self._match if self._match is not None and same and best else self.begin(settings)
        if best:
            match.restore(self._places[settings, best])
            self._places.move_to_end((settings, best))
        return match, len(best)


def judged_by(loss: gan.Loss, scores: Tensor) -> Tensor:
    """What a critic says in the unit of its loss: D = σ(l) for those of cross-entropy, else the score itself."""
    return scores.sigmoid() if loss in (gan.MINIMAX, gan.NON_SATURATING) else scores


def share_of(loss: gan.Loss, scores: Tensor, judged: Row) -> Tensor:
    """What a critic says as a share, 0 generated … 1 data; `judged`: what it says on average of data and of fakes.

    D for cross-entropy, the score for least squares, (1 + l)/2 for the hinge. Other losses leave a constant open: there
    ½ is half-way between the two means, which stand a quarter off.
    """
    if loss in (gan.MINIMAX, gan.NON_SATURATING, gan.LEAST_SQUARES):
        return judged_by(loss, scores)
    if loss is gan.HINGE:
        return (1 + scores) / 2
    real, fake = judged
    return 0.5 + (scores - (real + fake) / 2) / max(2 * abs(real - fake), 0.2)


def restarted(model: gan.GAN, chance: torch.Generator) -> gan.GAN:
    """The model with its linear layers drawn anew, in place: U(−1/√n, 1/√n) for n inputs, as `nn.Linear` starts."""
    with torch.no_grad():
        for layer in (module for module in model.modules() if isinstance(module, nn.Linear)):
            for parameter in (layer.weight, layer.bias):
                parameter.uniform_(-(layer.in_features**-0.5), layer.in_features**-0.5, generator=chance)
    return model


def template(latent: int, *hidden: int, **game: Any) -> gan.GAN:
    """A GAN in the plane that torch's own randomness is not touched for."""
    with own_randomness(0, torch.device("cpu")):
        return gan.dense((2,), latent, *hidden, activation=nn.LeakyReLU, **game)
