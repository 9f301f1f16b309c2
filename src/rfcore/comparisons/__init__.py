"""The same architecture twice: where two networks' fields part, and by how much."""

from rfcore.comparisons.comparing import compare
from rfcore.comparisons.result import ComparedLayer, Comparison, Difference

__all__ = ["ComparedLayer", "Comparison", "Difference", "compare"]
