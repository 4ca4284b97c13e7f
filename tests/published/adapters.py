"""Published numbers, family by family: the function of ours that a family of cases calls.

Each page has a file in `families/` with its own `FAMILIES`; here they come together. An
adapter gets the inputs and the unit of a case and returns what the case expects, in that
unit. It implements the family's formula by calling snippets; it never knows a case's value.
A snippet that needs more than the standard library is imported inside its adapter, so that
these files can be read without it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from fieldguide.published import Adapter


def load(path: Path) -> ModuleType:
    """Run a file as a module of its own."""
    spec = importlib.util.spec_from_file_location(f"families_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FAMILIES: dict[str, Adapter] = {}
for file in sorted((Path(__file__).parent / "families").glob("*.py")):
    found: dict[str, Adapter] = load(file).FAMILIES
    if twice := FAMILIES.keys() & found.keys():
        raise ValueError(f"families/{file.name} has another adapter for {', '.join(sorted(twice))}")
    FAMILIES |= found
