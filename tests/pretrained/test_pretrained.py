"""The weights that come with coursekit, their cards, and the recipes that make them anew."""

import hashlib
import json
import os
import pickle
import re
import signal
import tomllib
from pathlib import Path

import once
import pytest
import torch
from players import same
from safetensors import safe_open
from torch import nn

from coursekit import pretrained
from coursekit.app import cli
from coursekit.models import vae
from coursekit.models.autoencoders import dense
from coursekit.pretrained import catalogue, diffusions, files, making
from coursekit.pretrained.portraits import rising
from coursekit.pretrained.recipes import Recipe, squared_error_per_pixel
from coursekit.training import EMA

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(name for name, recipe in pretrained.RECIPES.items() if recipe.shipped)
each = pytest.mark.parametrize("name", SHIPPED)
UNFINISHED = {recipe.name for recipe in diffusions.RECIPES if not recipe.shipped}
SHA256 = re.compile(r"[0-9a-f]{64}")


# what comes with coursekit


def test_every_recipe_has_its_weights_and_card_and_nothing_else_lies_there():
    assert pretrained.names() == SHIPPED
    assert set(pretrained.RECIPES) - set(SHIPPED) == {"celeba_dcgan", "horse2zebra"} | UNFINISHED
    wanted = {f"{name}.{ending}" for name in SHIPPED for ending in ("safetensors", "json")}
    assert {path.name for path in files.HERE.iterdir()} == wanted


@each
def test_card_is_complete(name):
    card, recipe = pretrained.card(name), pretrained.recipe(name)
    wanted = ["name", "about", "recipe", "data", "trained", "parameters", "figures", "bytes", "sha256"]
    assert list(card) == wanted + ["codes"] * (recipe.codes is not None)
    assert card["recipe"] == recipe.settings()
    assert (card["name"], card["about"], card["data"]) == (name, recipe.about, recipe.data)
    assert card["trained"]["steps"] > 0
    assert card["trained"]["seconds"] > 0
    assert len(card["trained"]["machine"].split()) > 1
    assert card["figures"]
    for figure, value in card["figures"].items():
        assert value >= (-1 if "_r_" in f"_{figure}" or "alike" in figure else 0), figure  # correlations: −1 … 1
    assert sum(card["figures"].values()) > 0
    assert SHA256.fullmatch(card["sha256"])


@each
def test_card_agrees_with_the_weights(name):
    card, path = pretrained.card(name), files.weights_path(files.HERE, name)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card["sha256"]
    assert path.stat().st_size == card["bytes"] <= files.MOST_BYTES
    assert sum(p.numel() for p in pretrained.load(name).parameters()) == card["parameters"]


def test_weights_are_in_half_precision_and_small_together():
    assert sum(path.stat().st_size for path in files.HERE.iterdir()) < 60_000_000
    for name in pretrained.names():
        with safe_open(files.weights_path(files.HERE, name), framework="pt") as file:
            kinds = {file.get_tensor(key).dtype for key in file.keys()}  # noqa: SIM118
        assert kinds <= {torch.float16, torch.int64}


@each
def test_a_loaded_model_is_in_eval_mode_and_float32_and_disturbs_no_randomness(name):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    model = pretrained.load(name)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(module.training for module in model.modules())
    state = model.state_dict().values()
    assert {t.dtype for t in state if t.is_floating_point()} == {torch.float32}
    assert same(model, pretrained.load(name))


@each
def test_figures_are_those_of_the_weights(name):
    assert once.figures(name) == pytest.approx(pretrained.card(name)["figures"], rel=1e-2, abs=2e-3)


def test_the_convolutional_autoencoder_is_far_better_than_pca_with_as_many_numbers():
    """Measured on MNIST's test images; the test above holds the card to it."""
    figures = pretrained.card("mnist_conv_autoencoder")["figures"]
    assert figures["mse"] < 0.6 * figures["pca_mse"]
    assert figures["pca_mse"] == pytest.approx(0.0117, rel=0.02)


def test_packages_take_the_weights_along():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    taken = settings["tool"]["setuptools"]["package-data"]["coursekit.pretrained"]
    for path in files.HERE.iterdir():
        assert any(path.match(pattern) for pattern in taken), path.name


# a small recipe, to make and to harm


def small_data():
    return torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(1))


def small_recipe(**changes):
    settings = {
        "name": "small", "about": "a small net", "data": "random pixels", "net": lambda: dense((1, 4, 4), 3, 8),
        "examples": small_data, "measure": lambda model: {"mse": squared_error_per_pixel(model, small_data())},
        "epochs": 2, "batch_size": 8, "ema": 0.9,
    }  # fmt: skip
    return Recipe(**{**settings, **changes})


@pytest.fixture
def small(monkeypatch):
    """The small recipe, as if coursekit came with it."""
    recipe = small_recipe()
    monkeypatch.setattr(catalogue, "RECIPES", {**pretrained.RECIPES, "small": recipe})
    return recipe


@pytest.mark.parametrize(("fast", "wanted", "precision"), [(1, 1, "bfloat16"), (0, 1, "float32"), (1, 0, "float32")])
def test_half_precision_only_where_it_is_fast_and_wanted(fast, wanted, precision, tmp_path, monkeypatch):
    seen = []

    class Watched(torch.nn.Linear):
        def forward(self, x):
            seen.append(torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu"))
            return super().forward(x)

    def net():
        model = dense((1, 4, 4), 3)
        model.encoder[1].__class__ = Watched
        return model

    monkeypatch.setattr(making, "halves_are_fast", lambda device: bool(fast))
    card = make(small_recipe(net=net, autocast=bool(wanted)), tmp_path, steps=2)
    assert card["trained"]["precision"] == precision
    assert seen[0] == (torch.bfloat16 if precision == "bfloat16" else False)


def press_stop_at(step, monkeypatch):
    """Ctrl-C during that step of the next training."""

    def after(clock, at, terms):
        if at == step:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(making.Clock, "after", after)


def make(recipe, folder, **how):
    return making.make(recipe, folder, device="cpu", progress=False, **how)


def test_made_weights_load_and_have_the_figures_of_their_card(small, tmp_path):
    made = make(small, tmp_path)
    assert made == pretrained.card("small", folder=tmp_path)
    assert made["trained"] | {"seconds": 0} == {
        "steps": 10, "seconds": 0, "machine": making.machine(torch.device("cpu")),
        "precision": "bfloat16" if making.halves_are_fast(torch.device("cpu")) else "float32",
    }  # fmt: skip
    model = pretrained.load("small", folder=tmp_path)
    assert small.measure(model)["mse"] == pytest.approx(made["figures"]["mse"], rel=1e-3)
    assert pretrained.names(tmp_path) == ["small"]


def test_what_is_kept_is_the_average_if_there_is_one(tmp_path):
    files_of = {ema: make(small_recipe(ema=ema), tmp_path / str(ema))["sha256"] for ema in (0.9, None)}
    assert files_of[0.9] != files_of[None]


def test_an_average_has_the_statistics_of_its_own_activations(tmp_path):
    """Batch normalisation in the average then does in eval mode what it does to a whole batch in train mode."""

    def net():
        model = dense((1, 4, 4), 3, 8)
        model.encoder.insert(2, nn.BatchNorm1d(8))
        return model

    recipe = small_recipe(net=net, lr=0.05)
    average = EMA(recipe.build(), 0.9)
    average.average.encoder[2].running_mean += 100
    making.averaged(average, small_data(), recipe)
    model, x = average.average, small_data()
    in_eval = model.encode(x)
    assert not model.training
    assert torch.allclose(in_eval, model.train().encode(x), atol=0.05 * in_eval.std())


def test_an_interrupted_making_goes_on_to_the_same_weights(small, tmp_path, monkeypatch):
    whole = make(small, tmp_path / "whole", steps=10)
    press_stop_at(4, monkeypatch)
    assert make(small, tmp_path / "twice", steps=10) is None
    monkeypatch.undo()
    assert pretrained.names(tmp_path / "twice") == []
    again = make(small, tmp_path / "twice", steps=10)
    assert again["sha256"] == whole["sha256"]
    assert again["trained"]["steps"] == 10


def read(folder):
    """The small model's weights."""
    return pretrained.load("small", folder=folder).state_dict()


def test_a_falling_rate_is_part_of_the_recipe_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    recipe = small_recipe(warm_up=3, ema=None)
    assert recipe.settings().items() >= {"schedule": "cosine", "warm_up": 3}.items()
    assert "schedule" not in small_recipe().settings()
    whole = make(recipe, tmp_path / "whole")
    press_stop_at(4, monkeypatch)
    assert make(recipe, tmp_path / "twice") is None
    monkeypatch.undo()
    assert make(recipe, tmp_path / "twice")["sha256"] == whole["sha256"]
    assert make(small_recipe(ema=None), tmp_path / "constant")["sha256"] != whole["sha256"]


def test_a_pace_changes_the_model_as_the_training_goes(tmp_path):
    seen = []

    def note(model, done):
        """notes the share"""
        seen.append(done)

    recipe = small_recipe(pace=note)
    assert recipe.settings()["pace"] == "notes the share"
    make(recipe, tmp_path)
    assert seen == pytest.approx([k / 10 for k in range(10)])


def test_the_divergence_of_faces_rises_to_its_full_weight():
    model, betas = vae.dense((1, 4, 4), 2), []
    for done in (0.0, 0.5, 0.575, 0.65, 1.0):
        rising(2.0)(model, done)
        betas.append(model.beta)
    assert betas == pytest.approx([0.5, 0.5, 1.25, 2.0, 2.0])
    assert rising(2.0).__doc__ == "β is 0.5 for half of the steps, then rises, and is 2 from 65 % on"


def test_the_optimizer_is_the_recipes(small, tmp_path):
    lengths = []
    for decay in (0.0, 2.0):
        recipe = small_recipe(optimizer=torch.optim.SGD, lr=0.1, weight_decay=decay, ema=None)
        make(recipe, tmp_path, steps=40)
        making.run_path(recipe, tmp_path).unlink()
        lengths.append(sum(p.square().sum().item() for p in read(tmp_path).values()))
    assert recipe.settings().items() >= {"optimizer": "SGD", "weight_decay": 2.0}.items()
    assert lengths[1] < 0.1 * lengths[0]  # each step leaves 0.8 of a weight


def test_seconds_of_earlier_runs_are_counted(small, tmp_path):
    (tmp_path / "small.run.json").write_text('{"seconds": 1000}')
    assert make(small, tmp_path, steps=2)["trained"]["seconds"] >= 1000


def test_more_steps_later_go_on_from_the_same_run(small, tmp_path):
    make(small, tmp_path / "in two", steps=3)
    assert make(small, tmp_path / "in two", steps=7)["sha256"] == make(small, tmp_path / "at once", steps=7)["sha256"]


def truncated(weights, card):
    weights.write_bytes(weights.read_bytes()[:-7])


def flipped(weights, card):
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)


def no_safetensors(weights, card):
    weights.write_bytes(b"nothing of the kind")
    put(card, sha256=hashlib.sha256(b"nothing of the kind").hexdigest())


def other_net(weights, card):
    put(card, sha256=files.write_weights(weights, dense((1, 4, 4), 5)))


def put(card, **changes):
    card.write_text(json.dumps({**json.loads(card.read_text()), **changes}))


@pytest.mark.parametrize(
    ("harm", "kind", "words"),
    [
        (truncated, ValueError, "weights_file is damaged: its sha256"),
        (flipped, ValueError, "weights_file is damaged: its sha256"),
        (no_safetensors, ValueError, "weights_file is no safetensors file"),
        (other_net, ValueError, "weights_file is of another net"),
        (lambda weights, card: weights.unlink(), FileNotFoundError, "weights_file is missing"),
        (lambda weights, card: card.unlink(), FileNotFoundError, "card_file is missing"),
        (lambda weights, card: card.write_text("{"), ValueError, "card_file is damaged"),
        (lambda weights, card: card.write_bytes(b"\xff\xfe{"), ValueError, "card_file is damaged"),
        (lambda weights, card: card.write_text("[]"), ValueError, "card_file is no card"),
    ],
)
def test_damage_is_said_with_the_file_and_what_to_do(harm, kind, words, small, tmp_path):
    make(small, tmp_path, steps=1)
    weights, card = tmp_path / "small.safetensors", tmp_path / "small.json"
    harm(weights, card)
    wanted = words.replace("weights_file", str(weights)).replace("card_file", str(card))
    with pytest.raises(kind, match=re.escape(wanted)) as caught:
        pretrained.load("small", folder=tmp_path)
    assert "coursekit train small" in str(caught.value)


def test_nothing_is_unpickled(small, tmp_path, monkeypatch):
    make(small, tmp_path, steps=1)

    def refuse(*_, **__):
        raise AssertionError("something was unpickled")

    for module, function in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, function, refuse)
    assert pretrained.load("small", folder=tmp_path)
    assert all(pretrained.load(name) for name in pretrained.names() if name != "small")


def test_weights_that_float16_or_the_limit_do_not_take_are_refused(tmp_path):
    net = dense((1, 4, 4), 3)
    net.encoder[1].bias.data[0] = 1e5
    with pytest.raises(OverflowError, match=r"encoder\.1\.bias"):
        files.write_weights(tmp_path / "a.safetensors", net)
    with pytest.raises(ValueError, match="3,000,000"):
        files.write_weights(tmp_path / "a.safetensors", dense((1, 40, 40), 1000))
    assert not list(tmp_path.iterdir())


def test_an_unknown_name_is_answered_with_the_names():
    for call in (pretrained.load, pretrained.card, pretrained.recipe):
        with pytest.raises(ValueError, match=r"'nonsense'; there are: .*mnist_conv_autoencoder"):
            call("nonsense")


# the commands


def test_train_from_the_command_line_stopped_and_taken_up_again(small, tmp_path, monkeypatch, capsys):
    words = ["train", "small", "--steps", "2", "--device", "cpu", "--out"]
    assert cli.main([*words, str(tmp_path / "whole")]) == 0
    said = capsys.readouterr().out
    assert "mse 0." in said
    assert "pretrained.load" in said
    press_stop_at(1, monkeypatch)
    assert cli.main([*words, str(tmp_path / "twice")]) == 130
    assert "goes on from" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr(catalogue, "RECIPES", {"small": small})
    assert cli.main([*words, str(tmp_path / "twice")]) == 0
    one, two = (files.weights_path(tmp_path / run, "small").read_bytes() for run in ("whole", "twice"))
    assert one == two


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["train", "nonsense"], 1, "there is no model 'nonsense'; there are: "),
        (["train", "mnist_conv_autoencoder"], 1, "train-images-idx3-ubyte"),
        (["checkpoints", "--out", "nowhere"], 1, "no trained model in nowhere"),
    ],
)
def test_what_cannot_be_done_is_said(words, status, message, data_root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == status
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.name == "trained"] == []


@pytest.mark.parametrize("words", [["--steps", "0"], ["--steps", "x"], ["--steps", "1", "--epochs", "1"]])
def test_amounts_that_make_no_sense_are_refused(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["train", "small", *words])
    assert stopped.value.code == 2


def test_checkpoints_are_listed_with_sizes_and_figures(capsys):
    assert cli.main(["checkpoints"]) == 0
    said = capsys.readouterr().out
    for name in pretrained.names():
        assert name in said
        for figure, value in pretrained.card(name)["figures"].items():
            assert f"{figure} {value}" in said
    assert " MB, 140,594 parameters" in said
