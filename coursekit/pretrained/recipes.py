"""All recipes by name."""

from collections.abc import Mapping

from coursekit.pretrained import handwriting, portraits
from coursekit.pretrained.recipe import Recipe

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (*handwriting.RECIPES, *portraits.RECIPES)}
