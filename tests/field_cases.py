"""Fields at random, and a few that are known by hand."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from rfcore.field import AxisField, ReceptiveField

# ResNet's stem: conv 7 s2 p3 and maxpool 3 s2 p1, on 224 pixels.
STEM = AxisField(224, 56, (-5,), (6,), 1, 4)
# Nearest upsampling by two of conv 3 s2 p1: pairs of outputs see the same three pixels.
PAIRS = AxisField(8, 8, (-1, -1), (2, 2), 2, 2)
GLOBAL = AxisField(8, 1, None, None, 1, 0)
CUMULATIVE = AxisField(8, 8, None, (1,), 1, 1)


@st.composite
def axis_fields(draw: st.DrawFn) -> AxisField:
    period = draw(st.integers(1, 4))
    lows = [draw(st.integers(-9, 9)) for _ in range(period)]
    highs = [low + draw(st.integers(1, 9)) for low in lows]
    kept = draw(st.sampled_from(["both", "both", "low", "high", "none"]))
    input_size = draw(st.integers(12, 30))
    return AxisField(
        input_size,
        draw(st.integers(1, 12)),
        tuple(lows) if kept in ("both", "low") else None,
        tuple(max(high, 1) for high in highs)
        if kept == "high"
        else tuple(highs)
        if kept == "both"
        else None,
        period,
        draw(st.integers(-7, 7)),
        draw(st.fractions(Fraction(1, 100), 1, max_denominator=100)),
    )


def fields() -> st.SearchStrategy[ReceptiveField]:
    return st.builds(
        ReceptiveField,
        st.lists(axis_fields(), min_size=1, max_size=3).map(tuple),
        st.booleans(),
        st.lists(st.text(max_size=9), max_size=2).map(tuple),
    )
