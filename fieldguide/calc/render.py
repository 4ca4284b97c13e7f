"""A calculator's result as HTML and SVG. Standard library only: the browser runs this file too.

A result is a dictionary. Its first entry is the headline, and every entry is a label and a text,
except for these keys: `table` (rows, the first of which is the head), `bars`, `lines` and `timeline`; and
`unused`, the names of inputs that change nothing as the others are chosen: the form hides them.
"""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 420


def to_html(result: Mapping[str, Any]) -> str:
    """Render a result: headline, rows, table, drawings."""
    draw = {"bars": bars, "lines": lines, "timeline": timeline}
    rows = [(label, value) for label, value in result.items() if label not in (*draw, "table", "unused")]
    if not rows:
        raise ValueError("a calculator returns at least a headline")
    (label, value), *rest = rows
    unused = " ".join(result.get("unused", ()))
    answer = f"<span>{_text(label)}</span> <strong>{_text(value)}</strong>"
    parts = [f'<p class="fg-calc-headline" data-unused="{unused}">{answer}</p>']
    if rest:
        body = "".join(f'<tr><th scope="row">{_text(k)}</th><td>{_text(v)}</td></tr>' for k, v in rest)
        parts.append(f'<table class="fg-calc-rows"><tbody>{body}</tbody></table>')
    if "table" in result:
        parts.append(_table(result["table"]))
    parts += [f'<figure class="fg-figure">{draw[kind](result[kind])}</figure>' for kind in draw if kind in result]
    return "".join(parts)


def _text(value: Any) -> str:
    return html.escape(number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value))


def number(value: float) -> str:
    """A number for people: thousands separated, four significant digits, no trailing zeros."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _table(table: Sequence[Sequence[Any]]) -> str:
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table[0])
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in table[1:])
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="fg-scroll" tabindex="0"><table class="fg-rows">{inside}</table></div>'


def _svg(height: float, label: str, body: Sequence[str]) -> str:
    return (f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{html.escape(label, quote=True)}">'
            f"{''.join(body)}</svg>")  # fmt: skip


def _at(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _write(x: float, y: float, text: Any, anchor: str = "start", css: str = "") -> str:
    css = f' class="{css}"' if css else ""
    return f'<text x="{_at(x)}" y="{_at(y)}" text-anchor="{anchor}"{css}>{html.escape(str(text))}</text>'


def bars(spec: Mapping[str, Any]) -> str:
    """Horizontal bars, `{"unit": "GB", "values": {"weights": 141.1, "cache": 18.9}}`; with a `limit`, parts of one bar."""
    values: Mapping[str, float] = spec["values"]
    unit = spec.get("unit", "")
    label = ", ".join(f"{k} {number(v)} {unit}".strip() for k, v in values.items())
    if limit := spec.get("limit"):
        label = f"Parts of one bar: {label}; limit {number(limit)} {unit}"
        return _svg(74 + len(values) * 22, label, _stacked(values, unit, limit))
    left, step = 16 + 7 * max(map(len, values)), 30
    right = WIDTH - 8 * max(len(f"{number(v)} {unit}") for v in values.values()) - 12
    scale = (right - left) / (max(values.values()) or 1)
    body = []
    for row, (name, value) in enumerate(values.items()):
        y, width = 8 + row * step, max(value, 0) * scale
        body.append(_write(left - 8, y + 15, name, "end"))
        body.append(f'<rect x="{left}" y="{y}" width="{_at(width)}" height="20" rx="3" class="fg-s0"/>')
        body.append(_write(left + width + 6, y + 15, f"{number(value)} {unit}".strip()))
    return _svg(14 + len(values) * step, f"Bars: {label}", body)


def _stacked(values: Mapping[str, float], unit: str, limit: float) -> list[str]:
    """What the parts fill, and where the limit lies; below, a row for each part and one for their sum."""
    left, right, total = 8, WIDTH - 8, sum(max(value, 0.0) for value in values.values())
    scale, at = (right - left) / max(total, limit), float(left)
    edge = left + limit * scale
    body = []
    rows = [*((k, v, f"fg-s{n % 6}") for n, (k, v) in enumerate(values.items())), ("together", total, "")]
    for n, (name, value, tone) in enumerate(rows):
        if tone:
            width = max(value, 0.0) * scale
            body.append(f'<rect x="{_at(at)}" y="22" width="{_at(width)}" height="26" class="{tone}"/>')
            body.append(f'<rect x="{left}" y="{60 + 22 * n}" width="12" height="12" rx="2" class="{tone}"/>')
            at += width
        body.append(_write(left + 20, 71 + 22 * n, name))
        body.append(_write(right, 71 + 22 * n, f"{number(value)} {unit}".strip(), "end"))
    anchor = "end" if edge > WIDTH / 2 else "start"
    body.append(f'<path d="M{_at(edge)} 18V52" class="fg-limit"/>')
    body.append(_write(edge, 13, f"limit {number(limit)} {unit}".strip(), anchor, "fg-note"))
    return body


class Scale:
    """Maps values to pixels, linear or logarithmic, and names the ticks."""

    def __init__(self, values: Sequence[float], pixels: tuple[float, float], log: bool, zero: bool = True) -> None:
        self.log = log
        finite = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
        if not finite:
            raise ValueError("nothing to draw: no finite value" + (" above zero" if log else ""))
        low, high = min(finite), max(finite)
        if log:
            self.low, self.high = math.log10(low), math.log10(high)
            if self.high - self.low < 1e-9:
                self.low, self.high = self.low - 0.5, self.high + 0.5
        else:
            self.low = min(low, 0.0) if zero else low
            self.high = high if high > self.low else self.low + 1
        self.start, self.end = pixels

    def __call__(self, value: float) -> float:
        """Pixel of a value; outside values stick to the edge."""
        position = math.log10(max(value, 1e-300)) if self.log else value
        share = (position - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * min(max(share, 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Round numbers within the range: decades, or about five steps of 1, 2 or 5."""
        if self.log:
            decades = range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1)
            if len(decades) >= 2:
                return [10.0**d for d in decades[:: math.ceil(len(decades) / 6)]]
            return [m * 10.0**d for d in range(math.floor(self.low), math.ceil(self.high) + 1) for m in (1, 2, 5)
                    if self.low - 1e-9 <= math.log10(m * 10.0**d) <= self.high + 1e-9]  # fmt: skip
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
        return [step * i for i in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """A tick label: 1,000 → 1k, 2,000,000 → 2M; tiny and huge in powers of ten."""
    for size, mark in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size <= abs(value) < size * 1000:
            return f"{value / size:g}{mark}"
    if value and (abs(value) < 1e-3 or abs(value) >= 1e15):
        return f"1e{round(math.log10(abs(value)))}" if math.log10(abs(value)) % 1 < 1e-9 else f"{value:.0e}"
    return f"{value:g}"


def lines(spec: Mapping[str, Any]) -> str:
    """Lines with axes: `{"x": "batch", "y": "ms", "log": "xy", "series": {name: [(x, y), …]}, "points": {name: (x, y)}}`."""
    series: Mapping[str, Sequence[tuple[float, float]]] = spec.get("series", {})
    points: Mapping[str, tuple[float, float]] = spec.get("points", {})
    log = spec.get("log", "")
    left, right, top, bottom = 54, WIDTH - 12, 26, 230
    every = [p for line in series.values() for p in line] + list(points.values())
    x = Scale([p[0] for p in every], (left, right), "x" in log, zero=False)
    y = Scale([p[1] for p in every], (bottom, top), "y" in log)
    body = []
    for tick in x.ticks():
        body.append(f'<path d="M{_at(x(tick))} {top}V{bottom}" class="fg-grid"/>')
        body.append(_write(x(tick), bottom + 18, short(tick), "middle", "fg-tick"))
    for tick in y.ticks():
        body.append(f'<path d="M{left} {_at(y(tick))}H{right}" class="fg-grid"/>')
        body.append(_write(left - 6, y(tick) + 5, short(tick), "end", "fg-tick"))
    body.append(f'<path d="M{left} {top}V{bottom}H{right}" class="fg-axis"/>')
    body.append(_write(right, bottom + 38, spec.get("x", ""), "end"))
    body.append(_write(4, 14, spec.get("y", "")))
    for row, (name, line) in enumerate(series.items()):
        drawn = [p for p in line if all(map(math.isfinite, p)) and (p[1] > 0 or "y" not in log)]
        path = "L".join(f"{_at(x(a))} {_at(y(b))}" for a, b in drawn)
        body.append(f'<path d="M{path}" class="fg-line fg-s{row % 6}"/>')
        at = bottom + 62 + 22 * row
        body.append(f'<path d="M{left} {at - 5}h26" class="fg-line fg-s{row % 6}"/>')
        body.append(_write(left + 34, at, name))
    for row, (name, (a, b)) in enumerate(points.items()):
        end = x(a) > (left + right) / 2
        body.append(f'<circle cx="{_at(x(a))}" cy="{_at(y(b))}" r="5" class="fg-point"/>')
        beside, above = (-8 if end else 8), y(b) + (-9 if y(b) > top + 24 else 18 + 14 * row)
        body.append(_write(x(a) + beside, above, name, "end" if end else "start", "fg-name"))
    height = bottom + 52 + 22 * len(series)
    described = [f"{n} from ({number(s[0][0])}, {number(s[0][1])}) to ({number(s[-1][0])}, {number(s[-1][1])})"
                 for n, s in series.items() if s]  # fmt: skip
    described += [f"{n} at ({number(a)}, {number(b)})" for n, (a, b) in points.items()]
    return _svg(height, f"{spec.get('y', '')} over {spec.get('x', '')}: {'; '.join(described)}", body)


def timeline(spec: Mapping[str, Any]) -> str:
    """Lanes of labelled spans: `{"unit": "ms", "lanes": {"stage 0": [(start, end, label), …]}}`.

    Spans are colored by the first letter of their label, which `names` explains:
    `{"F": "forward"}`. A label that does not fit loses that letter, then everything.
    """
    lanes: Mapping[str, Sequence[tuple[float, float, str]]] = spec["lanes"]
    spans = [span for lane in lanes.values() for span in lane]
    left, right, step = 74, WIDTH - 8, 34
    end = max((span[1] for span in spans), default=1.0)
    x = Scale([0, end], (left, right), False)
    kinds = list(dict.fromkeys(span[2][:1] for span in spans))
    body = []
    for row, (name, lane) in enumerate(lanes.items()):
        y = 6 + row * step
        body.append(_write(left - 8, y + 18, name, "end"))
        body.append(f'<rect x="{left}" y="{y}" width="{right - left}" height="26" class="fg-idle"/>')
        for start, stop, label in lane:
            width = x(stop) - x(start)
            tone = f"fg-s{kinds.index(label[:1]) % 6}"
            body.append(f'<rect x="{_at(x(start))}" y="{y}" width="{_at(max(width - 1, 0.5))}" height="26" '
                        f'class="fg-span {tone}"><title>{html.escape(label)}: {number(start)} to {number(stop)}'
                        f"</title></rect>")  # fmt: skip
            if fits := next((text for text in (label, label[1:]) if text and width > 8 * len(text) + 2), ""):
                body.append(_write(x(start) + width / 2, y + 18, fits, "middle", "fg-in"))
    bottom = 6 + len(lanes) * step
    for tick in x.ticks():
        cut = x(tick) > right - 12  # half of a label at the edge would lie outside
        at, anchor = (right, "end") if cut else (x(tick), "middle")
        body.append(_write(at, bottom + 14, short(tick), anchor, "fg-tick"))
    body.append(_write(right, bottom + 32, spec.get("unit", ""), "end"))
    at = 8.0
    for kind, name in spec.get("names", {}).items():
        if kind in kinds:
            body.append(f'<rect x="{_at(at)}" y="{bottom + 22}" width="12" height="12" '
                        f'class="fg-span fg-s{kinds.index(kind) % 6}"/>')  # fmt: skip
            body.append(_write(at + 17, bottom + 32, f"{kind} {name}", "start", "fg-tick"))
            at += 28 + 6.5 * len(f"{kind} {name}")
    label = f"Timeline of {len(lanes)} lanes until {number(end)} {spec.get('unit', '')}"
    return _svg(bottom + 40, label.strip(), body)
