"""Exceptions about pictures."""

from __future__ import annotations

from rfcore.errors.base import RfcoreError

__all__ = ["MissingExtraError", "PlotError"]


class MissingExtraError(RfcoreError, ImportError):
    """matplotlib is not installed."""

    def __init__(self) -> None:
        super().__init__("rfcore.plot needs matplotlib.", "pip install 'rfcore[plot]'")


class PlotError(RfcoreError):
    """There is no picture of what was given."""
