"""Images and Points: what goes in comes out sample by sample, and what does not fit together is refused."""

import pytest
import torch
from torch.utils.data import DataLoader

from coursekit.data import Images, Points


def pictures(n=6, **known):
    return Images(torch.rand(n, 3, 4, 5, generator=torch.Generator().manual_seed(0)), **known)


def known_pictures(n=6):
    factors = torch.arange(2.0 * n).reshape(n, 2)
    captions = [f"picture {i}" for i in range(n)]
    labels = torch.arange(n) % 3
    return pictures(n, labels=labels, factors=factors, captions=captions, classes=("a", "b", "c"))


def test_items_are_images_with_labels_where_there_are_labels():
    bare, labelled = pictures(), known_pictures()
    assert torch.equal(bare[2], bare.images[2])
    image, label = labelled[4]
    assert torch.equal(image, labelled.images[4])
    assert label == 1
    with pytest.raises(IndexError):
        bare[6]


def test_points_are_indexed_alike():
    made = Points(torch.eye(3), labels=torch.tensor([2, 1, 0]))
    point, label = made[1]
    assert torch.equal(point, torch.tensor([0.0, 1.0, 0.0]))
    assert label == 1
    assert len(made) == 3


def test_works_with_torchs_loader():
    images, labels = next(iter(DataLoader(known_pictures(), batch_size=4)))
    assert images.shape == (4, 3, 4, 5)
    assert labels.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(
    "index",
    [[4, 1], torch.tensor([4, 1]), (4, 1), range(4, 0, -3)],
    ids=["list", "tensor", "tuple", "range"],
)
def test_subset_takes_everything_that_is_known_along(index):
    whole = known_pictures()
    part = whole.subset(index)
    assert torch.equal(part.images, whole.images[[4, 1]])
    assert part.labels.tolist() == [1, 1]
    assert torch.equal(part.factors, whole.factors[[4, 1]])
    assert part.captions == ["picture 4", "picture 1"]
    assert part.classes == whole.classes


def test_subset_by_mask_slice_and_nothing():
    whole = known_pictures()
    assert whole.subset(whole.labels == 2).captions == ["picture 2", "picture 5"]
    assert whole.subset(slice(4, None)).captions == ["picture 4", "picture 5"]
    assert len(whole.subset([])) == 0


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (torch.ones(5, dtype=torch.bool), "mask of length 5 for 6"),
        (torch.tensor([0.5]), "float32"),
        (torch.zeros(2, 2, dtype=torch.int64), r"\[2, 2\]"),
    ],
)
def test_subset_refuses_what_is_no_index(index, message):
    with pytest.raises(ValueError, match=message):
        known_pictures().subset(index)


def test_split_is_disjoint_complete_and_reproducible():
    whole = known_pictures(20)
    parts = whole.split(12, 5, 3, generator=torch.Generator().manual_seed(1))
    assert [len(part) for part in parts] == [12, 5, 3]
    captions = [caption for part in parts for caption in part.captions]
    assert captions != whole.captions  # in random order
    assert sorted(captions) == sorted(whole.captions)
    again = whole.split(12, 5, 3, generator=torch.Generator().manual_seed(1))
    assert [part.captions for part in again] == [part.captions for part in parts]


def test_split_may_leave_some_out_and_never_invents():
    assert [len(part) for part in pictures().split(2, 1)] == [2, 1]
    with pytest.raises(ValueError, match=r"sizes: got \(4, 3\).*at most 6"):
        pictures().split(4, 3)
    with pytest.raises(ValueError, match="sizes"):
        pictures().split(-1, 3)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"labels": torch.zeros(5, dtype=torch.int64)}, "6 images, 5 labels"),
        ({"factors": torch.zeros(7, 2)}, "6 images, 7 factors"),
        ({"captions": ["one"]}, "6 images, 1 captions"),
        ({"labels": torch.zeros(6)}, "labels: got torch.float32"),
        ({"labels": torch.full((6,), 2), "classes": ("a", "b")}, "from 2 to 2, want 0 to 1"),
        ({"labels": torch.full((6,), -1), "classes": ("a", "b")}, "from -1 to -1, want 0 to 1"),
        ({"factors": torch.zeros(6)}, r"factors: got shape \[6\]"),
        ({"factors": torch.zeros(6, 2), "factor_names": ("one",)}, "factor_names: got 1 names for 2"),
    ],
)
def test_what_is_known_must_fit_the_images(known, message):
    with pytest.raises(ValueError, match=message):
        pictures(**known)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(6, 4, 4), r"got shape \[6, 4, 4\], want \[n, C, H, W\]"),
        (torch.zeros(6, 1, 4, 4, dtype=torch.uint8), "got torch.uint8.*divide bytes by 255"),
        (torch.zeros(6, 1, 4, 4, dtype=torch.float64), "got torch.float64"),
        (torch.full((1, 1, 2, 2), 1.5), r"from 1\.5 to 1\.5, want all in \[0, 1\]"),
        (torch.full((1, 1, 2, 2), -0.1), r"from -0\.1"),
        (torch.full((1, 1, 2, 2), float("nan")), "from nan"),
    ],
)
def test_images_out_of_shape_type_or_range_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        Images(images)


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (torch.zeros(3), None, r"got shape \[3\], want \[n, d\]"),
        (torch.zeros(3, 2, dtype=torch.float64), None, "got torch.float64"),
        (torch.full((3, 2), float("inf")), None, "not finite"),
        (torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64), "3 points, 2 labels"),
    ],
)
def test_points_that_do_not_fit_are_refused(points, labels, message):
    with pytest.raises(ValueError, match=message):
        Points(points, labels)


def test_only_tensors_are_taken():
    with pytest.raises(TypeError, match="images: got list"):
        Images([[1.0]])


def test_repr_says_what_is_there():
    assert repr(known_pictures()) == "Images(6×3×4×5, with labels, factors, captions)"
    assert repr(Points(torch.zeros(2, 3))) == "Points(2×3)"
