"""rfcore: which part of its input can this unit of a neural network see?"""

from rfcore.errors import GradientFieldWarning, RfcoreError
from rfcore.estimate import estimate
from rfcore.field import AxisField, ReceptiveField
from rfcore.fit import fit
from rfcore.hookspecs import Backend, hookimpl
from rfcore.plugins import BackendInfo, backends
from rfcore.verify.certificate import Certificate

__all__ = [
    "AxisField",
    "Backend",
    "BackendInfo",
    "Certificate",
    "GradientFieldWarning",
    "ReceptiveField",
    "RfcoreError",
    "backends",
    "estimate",
    "fit",
    "hookimpl",
]
