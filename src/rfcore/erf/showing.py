"""How a result reads: one line, a table, HTML, and its measures as plain values."""

from __future__ import annotations

import html as markup
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from rfcore.errors import MeasureError

if TYPE_CHECKING:
    from rfcore.erf.result import EffectiveReceptiveField

__all__ = ["area_rows", "axis_rows", "html", "lines", "measures", "one_line", "table", "title"]

T = TypeVar("T")
REASONS = {
    "abs": "mean |gradient|",
    "square": "mean squared gradient",
    "positive": "mean positive part of the gradient",
    "replknet": "mean positive part of the gradient, the RepLKNet script's way",
}


def measures(result: EffectiveReceptiveField) -> dict[str, Any]:
    """What is measured on a map, as JSON types; None for what it has not."""
    if not result.mass:
        return {"mass": 0.0}
    fit = _or_none(result.gaussian_fit)
    values: dict[str, Any] = {
        "mass": result.mass,
        "centroid": list(result.centroid),
        "covariance": result.covariance.tolist(),
        "sigma": list(result.sigma),
        "luo_count": _or_none(lambda: result.luo_count),
        "luo_size": _or_none(lambda: result.luo_size),
        "ratio": _or_none(lambda: result.ratio),
        "area_ratios": [asdict(row) for row in result.area_ratios()],
        "gaussian_fit": fit and {key: _listed(value) for key, value in asdict(fit).items()},
    }
    if result.aggregate == "replknet":
        script = _or_none(result.replknet_area_ratios)
        values["replknet_area_ratios"] = script and [asdict(row) for row in script]
    return values


def one_line(result: EffectiveReceptiveField) -> str:
    """The result as its `repr` shows it."""
    parts = [f"count={result.count}", f"aggregate={result.aggregate!r}"]
    parts += [f"shape={result.total.shape}", f"center={_numbers(result.center)}"]
    if result.mass:
        size = _or_none(lambda: result.luo_size)
        parts += [f"sigma={_numbers(result.sigma)}"]
        parts += [] if size is None else [f"luo_size={size:.4g}"]
    else:
        parts.append("mass=0")
    if not result.complete:
        parts.append("complete=False")
    return f"EffectiveReceptiveField({', '.join(parts)})"


def title(result: EffectiveReceptiveField) -> str:
    """What was measured, in one line."""
    name = "the output" if result.output is None else f"{result.output!r}"
    unit = f"unit {result.index} of {name}" if result.index else f"all of {name}"
    if result.channels is not None:
        unit += f", channels {result.channels}"
    inputs = f"{result.count} input{'' if result.count == 1 else 's'} ({result.inputs})"
    return f"{unit}: {REASONS.get(result.aggregate, result.aggregate)} over {inputs}"


def axis_rows(result: EffectiveReceptiveField) -> list[dict[str, str]]:
    """One row of text per spatial axis."""
    box, fit = result.box, _or_none(result.gaussian_fit)
    is_global = () if result.field is None else result.field.is_global
    rows = []
    for axis, length in enumerate(result.total.shape):
        row = {"axis": str(axis), "input": str(length)}
        exact = "unknown" if box is None else str(box[axis][1] - box[axis][0])
        row["exact size"] = f"global ({exact})" if box and is_global[axis] else exact
        row |= {"center": f"{result.center[axis]:g}", "centroid": f"{result.centroid[axis]:.2f}"}
        row["sigma"] = f"{result.sigma[axis]:.2f}"
        row["Gaussian sigma"] = "none" if fit is None else f"{fit.sigma[axis]:.2f}"
        rows.append(row)
    return rows


def area_rows(result: EffectiveReceptiveField) -> list[dict[str, str]]:
    """One row of text per share of the mass."""
    return [
        {
            "share": f"{row.threshold:.4g}",
            "side": str(row.side),
            "of the input": f"{row.ratio:.1%}",
            "disc radius": f"{row.radius:.1f}",
        }
        for row in result.area_ratios()
    ]


def lines(result: EffectiveReceptiveField) -> list[str]:
    """What stands below the tables: sizes, the fit's error, notes."""
    said = []
    if result.mass:
        size = _or_none(lambda: result.luo_size)
        if size is None:
            said.append("Luo size: none, the map is zero at its centre")
        else:
            relative = "" if result.ratio is None else f", {result.ratio:.1%} of the exact size"
            said.append(f"Luo size: {size:.2f} pixels ({result.luo_count} in all){relative}")
        fit = _or_none(result.gaussian_fit)
        if fit is not None:
            said.append(f"Gaussian fit: relative error {fit.error:.3f}")
    else:
        said.append("the gradient is zero at every pixel: the unit is dead at these inputs")
    if result.skipped:
        said.append(f"skipped: {result.skipped} inputs that were not finite")
    if not result.complete:
        said.append("not complete: the measurement was interrupted")
    return said + [f"note: {note}" for note in result.notes]


def table(result: EffectiveReceptiveField) -> str:
    """The result as `str` shows it."""
    parts = [title(result)]
    if result.mass:
        parts += [_columns(axis_rows(result)), "", _columns(area_rows(result)), ""]
    return "\n".join(parts + lines(result))


def html(result: EffectiveReceptiveField) -> str:
    """The result as notebooks show it."""
    parts = [f"<p>{markup.escape(title(result))}</p>"]
    if result.mass:
        parts += [_html_table(axis_rows(result)), _html_table(area_rows(result))]
    return "".join(parts + [f"<p>{markup.escape(line)}</p>" for line in lines(result)])


def _columns(rows: list[dict[str, str]]) -> str:
    widths = {key: max(len(key), *(len(row[key]) for row in rows)) for key in rows[0]}
    head = "  ".join(key.rjust(width) for key, width in widths.items())
    return "\n".join(
        [head, *("  ".join(row[key].rjust(widths[key]) for key in widths) for row in rows)]
    )


def _html_table(rows: list[dict[str, str]]) -> str:
    def cells(kind: str, texts: Iterable[str]) -> str:
        return "".join(f"<{kind}>{markup.escape(text)}</{kind}>" for text in texts)

    body = "".join(f"<tr>{cells('td', row.values())}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', rows[0])}</tr></thead><tbody>{body}</tbody></table>"


def _or_none(measure: Callable[[], T]) -> T | None:
    try:
        return measure()
    except MeasureError:
        return None


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _numbers(values: Iterable[float]) -> str:
    items = [f"{value:.4g}" for value in values]
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
