"""Which tests share a process, and which come first.

`make test` deals the tests out to two processes, a group at a time: who is through with one gets the next. A group is a
file, unless its tests share something costly with another file, or are costly each on its own. The groups that take
longest come first, so that both processes end at nearly the same time. Without a second process the order is the same.
"""

from typing import Any

# Seconds that a group keeps a core busy, of those that take longest. They only say what comes first: renew them when
# the list of slowest tests at the end of a run says something else.
SECONDS: dict[str, int] = {
    "browser": 400,
    "faces": 200,
    "notebook 02_autoencoders": 135,
    "notebook 05_latent_space": 115,
    "notebook 06_adversarial_networks": 110,
    "notebook 07_image_gans": 105,
    "notebook 08_image_translation": 100,
    "notebook 09_denoising_and_attractors": 90,
    "horses": 100,
    "tests/benchmarks/test_benchmarks.py": 80,
    "notebook 04_variational_autoencoders": 70,
    "notebook 03_sparse_denoising_contractive": 60,
    "notebook 01_manifolds_and_pca": 55,
    "tests/claims/test_claims_convolution.py": 50,
    "tests/claims/test_claims_generation.py": 45,
    "tests/claims/test_claims_autoencoders.py": 40,
    "notebook 04_mnist_vae": 35,
    "tests/test_style.py": 30,
    "tests/checks/test_failures.py": 25,
    "tests/training/test_processes.py": 30,
    "notebook 08_horse2zebra": 30,
    "notebook 02_mnist_autoencoder": 30,
    "mnist": 25,
    "tests/claims/test_claims_regularised.py": 20,
    "tests/claims/test_claims_vae.py": 20,
    "notebook 05_smiles": 20,
    "smiles": 15,
    "notebook 01_real_faces_pca": 15,
    "tests/claims/test_claims_manifolds.py": 15,
    "notebook 00_start_here": 15,
}
NOTEBOOK, OTHER = 35, 0  # a notebook and a file that are not listed

# What a pretrained model was trained on → the group of those who need the same data and figures (tests/once.py).
FIGURES = {
    "faces": "faces", "mnist": "mnist", "digits": "mnist", "smiles": "smiles", "numerals": "mnist", "family": "family",
    "ring": "ring", "horses": "horses", "twins": "faces",
}  # fmt: skip
SHARED = {
    "tests/claims/test_claims_faces.py": "faces",
    "tests/claims/test_claims_vae_mnist.py": "mnist",
    "tests/claims/test_claims_image_gans.py": "mnist",
    "tests/claims/test_claims_numerals.py": "mnist",
    "tests/claims/test_claims_photographs.py": "smiles",
    "tests/claims/test_claims_translation.py": "horses",
}
RUNS_A_NOTEBOOK, MEASURES_A_MODEL = "test_runs_as_stored_", "test_figures_are_those_of_the_weights"


def group(test: str) -> str:
    """The group of a test, from its id: "tests/claims/test_claims_faces.py::test_V9…" → "faces"."""
    path, _, name = test.partition("::")
    function, _, case = name.removesuffix("]").partition("[")
    if path.startswith("tests/browser/"):
        return "browser"  # one browser and one JupyterLab for all
    if function.startswith(RUNS_A_NOTEBOOK):
        return f"notebook {case}"  # a kernel of its own, and nothing shared
    if function == MEASURES_A_MODEL:
        return FIGURES[case.partition("_")[0]]
    return SHARED.get(path, path)


def seconds(name: str) -> int:
    """How long a group takes, roughly."""
    return SECONDS.get(name, NOTEBOOK if name.startswith("notebook ") else OTHER)


def sort(tests: list[str]) -> list[int]:
    """The places of the tests in the order of their groups, longest first; groups as long as each other, and the tests
    of one, stay as they are."""
    first: dict[str, int] = {}
    groups = [group(test) for test in tests]
    for place, name in enumerate(groups):
        first.setdefault(name, place)
    return sorted(range(len(tests)), key=lambda i: (-seconds(groups[i]), first[groups[i]], i))


def scheduler(config: Any, log: Any) -> Any:
    """What deals whole groups out to xdist's processes, in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling  # here: the tests run without xdist too

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    config.option.loadscopereorder = False  # xdist's own order: the groups of most tests first
    return ByGroup(config, log)
