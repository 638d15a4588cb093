"""Data of the course: worlds whose nature is known, embedded digits, and loaders of real sets."""

from coursekit.data import faces, toy
from coursekit.data.catalogue import get, status
from coursekit.data.celebrities import celeba
from coursekit.data.datasets import Images, Points
from coursekit.data.folders import data_folder
from coursekit.data.real import digits, image_folder, mnist, smiles

__all__ = [
    "Images",
    "Points",
    "celeba",
    "data_folder",
    "digits",
    "faces",
    "get",
    "image_folder",
    "mnist",
    "smiles",
    "status",
    "toy",
]
