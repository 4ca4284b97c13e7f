"""Every size by which one model can be advertised, and what each counts."""

from __future__ import annotations

from snippets.shapes.configs import read
from snippets.shapes.counts import (
    active,
    draft_params,
    groups,
    matrices,
    total,
    weight_bytes,
)
from snippets.shapes.layers import Model
from snippets.shapes.published import CONFIGS

BILLION, GIB = 1e9, 2**30
TABLES = ("embedding", "output", "embedding and output", "positions")
ONCE = ("embedding", "positions")  # tables that are only looked up


def named(m: Model, names: tuple[str, ...]) -> int:
    """Parameters of the groups with these names, in all layers."""
    return sum(n * w.copies * w.numbers for n, w in groups(m) if w.name in names)


# --8<-- [start:sizes]
def advertised(m: Model) -> dict[str, int]:
    """Parameters by each rule; a draft layer comes with copies of both tables."""
    tables, drafts = named(m, TABLES), draft_params(m)
    sizes = {
        "all, as the library builds it": total(m),
        "without embedding and output": total(m) - tables,
        "active, tables counted": active(m),
        "active, lookup not counted": active(m) - named(m, ONCE),
        "active, without embedding and output": active(m) - tables,
    }
    if drafts:
        sizes["all, and the draft layer"] = total(m) + drafts
        sizes["all, draft layer and its copies"] = total(m) + drafts + tables
        sizes["draft layer, no tables"] = total(m) + drafts - tables
    return sizes


# --8<-- [end:sizes]


def size(name: str, rule: str) -> float:
    """One size of a published model, in billions."""
    return advertised(read(CONFIGS[name]))[rule] / BILLION


def without(name: str, field: str) -> Model:
    """A published model whose configuration lacks one field."""
    return read({key: value for key, value in CONFIGS[name].items() if key != field})


def draft_size(name: str) -> float:
    """The draft layer of a published model, in billions."""
    return draft_params(read(CONFIGS[name])) / BILLION


def narrow_size(name: str) -> float:
    """Parameters if the head width is taken from the hidden width, in billions."""
    return total(without(name, "head_dim")) / BILLION


def spread(name: str) -> float:
    """Largest less smallest size of a whole model under these rules, in billions."""
    sizes = advertised(read(CONFIGS[name])).items()
    whole = [number for rule, number in sizes if not rule.startswith("active")]
    return (max(whole) - min(whole)) / BILLION


def checkpoint_gib(name: str) -> float:
    """Size of a checkpoint in GiB, each group of weights in its own width."""
    return weight_bytes(read(CONFIGS[name])) / GIB


def example_models() -> None:
    """What published models store, meet and multiply for a token, in billions."""
    print(f"{'billions':20s}{'stored':>10s}{'met':>9s}{'multiplied':>12s}{'GB':>9s}")
    for name, config in CONFIGS.items():
        m = read(config)
        numbers = total(m) / BILLION, active(m) / BILLION, matrices(m) / BILLION
        print(
            f"{name:20s}{numbers[0]:10.3f}{numbers[1]:9.3f}{numbers[2]:12.3f}"
            f"{weight_bytes(m) / 1e9:9.2f}"
        )


def example_reconciled() -> None:
    """Three models under each rule, in billions."""
    models = {
        name: read(CONFIGS[name]) for name in ("DeepSeek-V3", "GLM-4.5-Air", "gpt-oss-120b")
    }
    rules = advertised(models["DeepSeek-V3"])
    print(f"{'billions':38s}" + "".join(f"{name:>14s}" for name in models))
    for rule in rules:
        row = (advertised(m).get(rule) for m in models.values())
        print(
            f"{rule:38s}"
            + "".join(f"{x / BILLION:14.2f}" if x else f"{'':>14s}" for x in row)
        )


def example_missing() -> None:
    """GLM-4.5-Air with one field deleted: the sum changes, and the notes say why."""
    for field in ("head_dim", "tie_word_embeddings", "first_k_dense_replace"):
        m = without("GLM-4.5-Air", field)
        print(f"without `{field}`: {total(m) / BILLION:.2f} billion")
        for note in m.notes:
            print(f"  {note}")


def facts() -> dict[str, str]:
    """Numbers that the page states about sizes."""
    every, tables, looked = (
        "all, as the library builds it",
        "active, tables counted",
        "active, lookup not counted",
    )
    copies, rule = "all, draft layer and its copies", "draft layer, no tables"
    return {
        "v3_all": f"{size('DeepSeek-V3', every):.2f} billion",
        "v3_exact": f"{total(read(CONFIGS['DeepSeek-V3'])):,}",
        "v3_copies": f"{size('DeepSeek-V3', copies):.2f} billion",
        "v3_active": f"{size('DeepSeek-V3', looked):.2f} billion",
        "v3_active_tables": f"{size('DeepSeek-V3', tables):.2f} billion",
        "draft_v3": f"{draft_size('DeepSeek-V3'):.2f} billion",
        "air_all": f"{size('GLM-4.5-Air', every):.2f} billion",
        "air_rule": f"{size('GLM-4.5-Air', rule):.2f} billion",
        "air_bare": f"{size('GLM-4.5-Air', 'without embedding and output'):.2f} billion",
        "air_narrow": f"{narrow_size('GLM-4.5-Air'):.2f} billion",
        "air_spread": f"{spread('GLM-4.5-Air'):.1f} billion",
        "oss_all": f"{size('gpt-oss-120b', every):.2f} billion",
        "oss_active": f"{size('gpt-oss-120b', looked):.2f} billion",
        "oss_gib": f"{checkpoint_gib('gpt-oss-120b'):.1f} GiB",
    }


if __name__ == "__main__":
    example_models()
    example_reconciled()
    example_missing()
