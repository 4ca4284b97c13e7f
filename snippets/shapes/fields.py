"""Fields of a `config.json`, read so that nothing is assumed in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

SIZES = re.compile(
    r"expert|lora|rank|head|window|layer|_dim|_size|n_inner|mtp|nextn|state|groups"
)
HARMLESS = {"architectures", "initializer_range", "layer_norm_eps", "layer_norm_epsilon"}


class ConfigError(ValueError):
    """A configuration that cannot be read, in a sentence for whoever pasted it."""

    field = "config"  # the calculator's input that it is told at


# --8<-- [start:fields]
class Fields:
    """A configuration that notes what it was not asked for, and what had to be assumed."""

    def __init__(self, config: Mapping[str, Any], family: str) -> None:
        self.config, self.family = config, family
        self.notes: list[str] = []
        self.read = {"model_type", "text_config"}

    def size(self, *names: str) -> int:
        """The first of these fields that is there; without it there is nothing to count."""
        self.read.update(names)
        for name in names:
            if type(self.config.get(name)) is int:
                return int(self.config[name])
            if self.config.get(name) is not None:
                raise ConfigError(f"`{name}` is {self.config[name]!r}, not a whole number.")
        known = " or ".join(f"`{name}`" for name in names)
        raise ConfigError(
            f"{known} is missing, and a {self.family} has no size without it."
        )

    def get(self, name: str, assumed: Any, why: str = "") -> Any:
        """A field; if it is missing or null, what was assumed is noted."""
        self.read.add(name)
        if (value := self.config.get(name)) is not None:
            return value
        note = f"`{name}` is not given: assumed {plain(assumed)}{why and f', {why}'}."
        self.notes += [note] if note not in self.notes else []
        return assumed

    def optional(self, name: str, assumed: Any = None) -> Any:
        """A field that may be null, which then means none; only a missing one is noted."""
        self.read.add(name)
        return self.config[name] if name in self.config else self.get(name, assumed)

    # --8<-- [end:fields]

    def ignore(self, *names: str) -> None:
        """These fields decide nothing here."""
        self.read.update(names)

    def given(self, name: str) -> bool:
        """Whether a field is there, and not null."""
        self.read.add(name)
        return self.config.get(name) is not None

    def layers(self, name: str, count: int, assumed: Sequence[str], why: str) -> list[str]:
        """The kind of each layer, by name."""
        kinds = [str(kind) for kind in self.get(name, assumed, why)]
        if len(kinds) != count:
            raise ConfigError(
                f"`{name}` names {len(kinds)} layers, and the model has {count}."
            )
        return kinds

    def unread(self) -> list[str]:
        """Fields that look like sizes and that nobody asked for."""
        return sorted(
            name
            for name, value in self.config.items()
            if SIZES.search(name) and name not in self.read | HARMLESS
            and type(value) in (int, list, dict, str) and value not in (0, 1, [], {}, "")
        )  # fmt: skip


def plain(value: Any) -> str:
    """What was assumed, in few words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, str) and isinstance(value, Sequence):
        counts = {kind: list(value).count(kind) for kind in dict.fromkeys(value)}
        return " and ".join(f"{n} × {kind}" for kind, n in counts.items())
    return str(value)
