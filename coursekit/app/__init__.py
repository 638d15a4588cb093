"""App: the command `coursekit`, and JupyterLab as it starts it.

Only the standard library is imported before a subcommand needs more.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "cli": [],
    "doctor": [],
    "saved": [],
    "server": [],
    "surroundings": [],
})  # fmt: skip
