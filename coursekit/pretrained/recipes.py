"""All recipes by name."""

from collections.abc import Mapping

from coursekit.pretrained import handwriting, photographs, portraits
from coursekit.pretrained.recipe import Recipe

ALL = (*handwriting.RECIPES, *photographs.RECIPES, *portraits.RECIPES)
RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in ALL}
