"""simlib: what would change if the rules of cross-province direct settlement changed (跨省异地就医直接结算).

Six names carry the whole of it: `load` a scenario, `run` one draw, `repeat` many draws of several
scenarios on the same luck, `effect` of a scenario against its baseline; `Scenario` and `Run` are what
they take and return. Everything else is `simlib.module.verb`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simlib.experiment import effect, repeat
    from simlib.scenario import Scenario, load
    from simlib.simulate import Run, run

__version__ = "0.1.0"
__all__ = ["Run", "Scenario", "effect", "load", "repeat", "run"]

_HOME = {
    "Scenario": "scenario",
    "load": "scenario",
    "Run": "simulate",
    "run": "simulate",
    "repeat": "experiment",
    "effect": "experiment",
}


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that `import simlib` stays quick; modules are found the same way."""
    if name in _HOME:
        return getattr(import_module(f"simlib.{_HOME[name]}"), name)
    try:
        return import_module(f"simlib.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"simlib.{name}":
            raise
        raise AttributeError(f"module 'simlib' has no attribute {name!r}") from None
