"""Position encoding."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.transformers.position_encoding import earlier, frequencies


def sinusoid(inputs: Inputs, unit: str) -> list[float]:
    """Sine and cosine of one pair."""
    pair = inputs["pair"]
    return earlier.sinusoid(inputs["position"], inputs["d_model"])[2 * pair : 2 * pair + 2]


def alibi(inputs: Inputs, unit: str) -> list[float]:
    """Slopes of the heads of a layer."""
    return earlier.alibi_slopes(inputs["heads"])


def wavelength(inputs: Inputs, unit: str) -> float:
    """Tokens of a full turn of one pair."""
    w = frequencies.frequencies(inputs["head_dim"], inputs["theta"])
    return in_unit(frequencies.wavelengths(w)[inputs["pair"]], unit)


def yarn_scale(inputs: Inputs, unit: str) -> float:
    """YaRN's factor on queries and keys."""
    return in_unit(frequencies.yarn_scale(inputs["scale"]), unit)


def inverse_frequencies(inputs: Inputs, unit: str) -> list[float]:
    """Frequencies of some pairs under a scaling."""
    d, theta, s, trained = (inputs[x] for x in ("head_dim", "theta", "factor", "original_context"))
    if inputs["rope_type"] == "yarn":
        turns = inputs["beta_fast"], inputs["beta_slow"]
        w = frequencies.yarn(d, theta, s, trained, *turns, inputs["truncate"])
    elif inputs["rope_type"] == "llama3":
        w = frequencies.llama3(d, theta, s, trained, inputs["low_freq_factor"], inputs["high_freq_factor"])
    elif inputs["rope_type"] == "dynamic":
        w = frequencies.dynamic_ntk(d, theta, s, trained, inputs["seq_len"])
    else:
        raise ValueError(f"unknown scaling {inputs['rope_type']!r}")
    return [w[pair] for pair in inputs["pairs"]]


def attention_scale(inputs: Inputs, unit: str) -> float:
    """Factor on queries and keys, of LongRoPE or of YaRN."""
    if inputs["rope_type"] == "longrope":
        return in_unit(frequencies.longrope_scale(inputs["factor"], inputs["original_context"]), unit)
    return in_unit(frequencies.yarn_scale(inputs["factor"]), unit)


def yarn_range(inputs: Inputs, unit: str) -> list[float]:
    """First and last pair of YaRN's ramp."""
    d, theta, trained = (inputs[x] for x in ("head_dim", "theta", "original_context"))
    return list(frequencies.yarn_range(d, theta, trained, inputs["beta_fast"], inputs["beta_slow"], inputs["truncate"]))


FAMILIES: dict[str, Adapter] = {
    "alibi": alibi,
    "rope-attn-scale": attention_scale,
    "rope-inv-freq": inverse_frequencies,
    "rope-wavelength": wavelength,
    "sinusoid": sinusoid,
    "yarn-mscale": yarn_scale,
    "yarn-range": yarn_range,
}
