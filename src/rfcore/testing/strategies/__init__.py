"""Random networks in neutral form: for every backend's suite, and wilder ones for the campaign."""

from rfcore.testing.strategies.common import random_cases
from rfcore.testing.strategies.wide import wide_cases

__all__ = ["random_cases", "wide_cases"]
