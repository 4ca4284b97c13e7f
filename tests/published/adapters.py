"""Published numbers, family by family: the function of ours that a family of cases calls.

Each page has a file of adapters in the folder of its area, with its own `FAMILIES`; here they come
together. An adapter gets the inputs and the unit of a case and returns what the case expects, in that
unit. It implements the family's formula by calling snippets; it never knows a case's value. A snippet
that needs more than the standard library is imported inside its adapter, so that these files can be
read without it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from fieldguide.proof.published import Adapter

FAMILIES: dict[str, Adapter] = {}
for file in sorted(Path(__file__).parent.glob("*/*.py")):
    spec = importlib.util.spec_from_file_location(f"adapters_{file.parent.name}_{file.stem}", file)
    assert spec is not None and spec.loader is not None  # a `.py` file has both
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if twice := FAMILIES.keys() & module.FAMILIES.keys():
        raise ValueError(f"{file.parent.name}/{file.name} has another adapter for {', '.join(sorted(twice))}")
    FAMILIES |= module.FAMILIES
