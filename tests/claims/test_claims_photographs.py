"""Claim V17 on photographs: a smile direction found from many pairs works on faces that it was not found from."""

import once
import pytest
import torch

from coursekit import pretrained
from coursekit.pretrained import photographs


@pytest.fixture(scope="module")
def figures():
    return once.figures("smiles_vae")


def test_the_card_keeps_the_class_means(real_smiles):
    means = photographs.class_means(once.model("smiles_vae"))
    for name, kept in pretrained.card("smiles_vae")["codes"].items():
        assert torch.allclose(torch.tensor(kept), torch.tensor(means[name]), atol=0.003)


def test_V17_many_pairs_make_neutral_faces_smile_that_were_not_used_for_it(figures):
    assert figures["judge_accuracy"] > 0.8
    assert figures["smiling_after_mean_of_all"] > 0.85
    assert figures["smiling_after_mean_of_all"] > figures["smiling_rebuilt"] + 0.5


def test_V17_one_pair_works_less_often_and_less_reliably(figures):
    assert figures["smiling_after_one_pair"] < figures["smiling_after_ten_pairs"] < figures["smiling_after_mean_of_all"]
    assert figures["one_pair_spread"] > 3 * figures["ten_pairs_spread"]


def test_a_code_on_the_card_decodes_to_a_face_without_any_photograph():
    """The two class means differ most in the stripe that has the mouth."""
    vae = once.model("smiles_vae")
    neutral, smiling = (torch.tensor(pretrained.card("smiles_vae")["codes"][name]) for name in ("neutral", "smiling"))
    change = (vae.decode(smiling[None]) - vae.decode(neutral[None])).abs()[0, 0]
    stripes = change[:, 16:48].unflatten(0, (8, 8)).mean((1, 2))
    assert stripes.argmax() == 6
    assert stripes[6] > 1.5 * stripes.mean()
