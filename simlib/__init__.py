"""simlib: what would change if the rules of cross-province direct settlement changed (跨省异地就医直接结算).

Five names carry the whole of it: `load` a scenario, `run` scenarios or `open` a finished run, which both return a
`Study`; `Scenario` is what they take. Everything else is `simlib.room.module.verb`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simlib.report.study import Study, open, run
    from simlib.scenario.scenario import Scenario, load

__version__ = "0.1.0"
__all__ = ["Scenario", "Study", "load", "open", "run"]

_HOME = {
    "Scenario": "scenario.scenario",
    "Study": "report.study",
    "load": "scenario.scenario",
    "open": "report.study",
    "run": "report.study",
}


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that `import simlib` stays quick; rooms are found the same way."""
    if name in _HOME:
        return getattr(import_module(f"simlib.{_HOME[name]}"), name)
    return _submodule("simlib", name)


def __dir__() -> list[str]:
    """Return the public names and the rooms, which is what a notebook completes."""
    return sorted([*__all__, *(found.name for found in iter_modules(__path__)), "__version__"])


def _submodule(package: str, name: str) -> ModuleType:
    """Return a module of a package, or raise AttributeError if it has none of this name."""
    try:
        return import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.{name}":
            raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}") from None


def room(package: str, path: list[str]) -> tuple[Callable[[str], ModuleType], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a room: its modules, each imported on first use."""
    return partial(_submodule, package), lambda: sorted(found.name for found in iter_modules(path))
