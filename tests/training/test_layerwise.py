"""Stacks of autoencoders, trained one by one."""

import os
import signal

import pytest
import torch
from torch import nn

from coursekit import training
from coursekit.models.autoencoders import dense, stacked
from coursekit.training import pretrain


def images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_greedy_layers_make_one_deep_autoencoder():
    torch.manual_seed(0)
    x = images(64, 1, 4, 4)
    layers = [dense((1, 4, 4), 6, code=nn.Tanh()), dense((6,), 2)]
    before = [layer.encoder[1].weight.clone() for layer in layers]
    histories = pretrain(layers, x, steps=30, lr=1e-2, progress=False)
    deep = stacked(*layers)
    assert all(history["loss"][-1] < history["loss"][0] for history in histories)
    assert not any(torch.equal(a, layer.encoder[1].weight) for a, layer in zip(before, layers, strict=True))
    assert deep.latent_size == 2
    assert torch.equal(deep(x), layers[0].decode(layers[1](layers[0].encode(x))))
    first = training.fit(deep, x, steps=1, batch_size=64, progress=False)["mse"][0]
    assert first < dense((1, 4, 4), 2, 6, activation=nn.Tanh).loss(x)["mse"]  # a better start than chance


def test_the_second_layer_learns_the_codes_of_the_first():
    x = images(32, 5)
    layers = [dense((5,), 4), dense((4,), 2)]
    history = pretrain(layers, x, steps=1, batch_size=32, lr=0.0, progress=False)[1]
    with torch.no_grad():
        h = layers[0].encode(x)
        assert history["loss"][0] == pytest.approx(layers[1].loss(h)["loss"].item(), rel=1e-5)


def test_the_next_layer_is_not_trained_when_one_was_stopped():
    layers = [dense((5,), 4), dense((4,), 2)]
    untouched = layers[1].encoder[1].weight.clone()
    with pytest.raises(training.Interrupted):
        pretrain(layers, images(32, 5), steps=9, along=[lambda step, terms: os.kill(os.getpid(), signal.SIGINT)])
    assert torch.equal(layers[1].encoder[1].weight, untouched)
