"""rfcore: which part of its input can this unit of a neural network see?"""

from rfcore.comparisons import Comparison, compare
from rfcore.custom import CustomOp, rule
from rfcore.erf import EffectiveReceptiveField, effective, effective_replknet
from rfcore.errors import GradientFieldWarning, MeasurementInterrupted, RfcoreError
from rfcore.estimate import estimate
from rfcore.field import AxisField, ReceptiveField
from rfcore.fit import fit
from rfcore.hookspecs import Backend, hookimpl
from rfcore.plugins import BackendInfo, backends
from rfcore.scans import Scan, ScanRow, scan
from rfcore.verify.certificate import Certificate

__all__ = [
    "AxisField",
    "Backend",
    "BackendInfo",
    "Certificate",
    "Comparison",
    "CustomOp",
    "EffectiveReceptiveField",
    "GradientFieldWarning",
    "MeasurementInterrupted",
    "ReceptiveField",
    "RfcoreError",
    "Scan",
    "ScanRow",
    "backends",
    "compare",
    "effective",
    "effective_replknet",
    "estimate",
    "fit",
    "hookimpl",
    "rule",
    "scan",
]
