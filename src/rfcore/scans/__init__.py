"""Every layer of a network in one go: `scan`, and the table that it returns."""

from rfcore.scans.result import Scan
from rfcore.scans.row import ScanRow
from rfcore.scans.scanning import scan

__all__ = ["Scan", "ScanRow", "scan"]
