"""Every layer of a network in one go: `scan`, and the table that it returns."""

from rfcore.scan.result import Scan
from rfcore.scan.row import ScanRow
from rfcore.scan.scanning import scan

__all__ = ["Scan", "ScanRow", "scan"]
