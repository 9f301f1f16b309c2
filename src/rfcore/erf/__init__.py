"""The effective receptive field: how strongly a unit depends on which pixel, measured."""

from rfcore.erf.areas import AreaRatio, RadialProfile
from rfcore.erf.gaussian import GaussianFit
from rfcore.erf.measuring import effective, effective_replknet
from rfcore.erf.replknet import ScriptRatio
from rfcore.erf.result import EffectiveReceptiveField
from rfcore.erf.setting import Setting

__all__ = [
    "AreaRatio",
    "EffectiveReceptiveField",
    "GaussianFit",
    "RadialProfile",
    "ScriptRatio",
    "Setting",
    "effective",
    "effective_replknet",
]
