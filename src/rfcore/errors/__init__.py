"""Every exception of rfcore: each takes data, builds its own message and ends with a hint.

The values stay on the exception as attributes, so that a program can act on them.
"""

from rfcore.errors.arguments import (
    AmbiguousOutputError,
    FieldFormatError,
    InputShapeError,
    LayerNotRunError,
    LayerSpecError,
    LayoutError,
    OptionError,
    OutputNameError,
    UnknownLayerError,
)
from rfcore.errors.backends import (
    AmbiguousBackendError,
    BackendCapabilityError,
    FrameworkVersionError,
    NoBackendError,
    PluginFaultError,
    UnknownBackendError,
)
from rfcore.errors.base import RfcoreError
from rfcore.errors.comparisons import ComparisonError
from rfcore.errors.effective import (
    CancelledGradientError,
    DeadGradientError,
    EffectiveFormatError,
    MeasureError,
    MeasurementInterrupted,
    NoInputsError,
    NonFiniteError,
    NumberError,
    ResumeMismatchError,
    SavePathError,
    TooFewInputsError,
    UnfitInputError,
)
from rfcore.errors.gradients import (
    GradientFieldWarning,
    NonFiniteGradientError,
    OutputChannelsError,
    OutputIndexError,
)
from rfcore.errors.models import (
    IndependentOutputError,
    InputTypeError,
    IrregularFieldError,
    MergedAxesError,
    ModelError,
    NoOutputError,
    NoSpatialAxesError,
    ProbeError,
    TruncatedFieldError,
    UnsupportedOpError,
)
from rfcore.errors.plots import MissingExtraError, PlotError
from rfcore.errors.rules import CustomRuleError, RuleNameError
from rfcore.errors.scans import InputRangeError
from rfcore.errors.verification import (
    CertificateTruthError,
    FieldMismatchError,
    ForwardError,
    LocalPathsError,
)

__all__ = [
    "AmbiguousBackendError",
    "AmbiguousOutputError",
    "BackendCapabilityError",
    "CancelledGradientError",
    "CertificateTruthError",
    "ComparisonError",
    "CustomRuleError",
    "DeadGradientError",
    "EffectiveFormatError",
    "FieldFormatError",
    "FieldMismatchError",
    "ForwardError",
    "FrameworkVersionError",
    "GradientFieldWarning",
    "IndependentOutputError",
    "InputRangeError",
    "InputShapeError",
    "InputTypeError",
    "IrregularFieldError",
    "LayerNotRunError",
    "LayerSpecError",
    "LayoutError",
    "LocalPathsError",
    "MeasureError",
    "MeasurementInterrupted",
    "MergedAxesError",
    "MissingExtraError",
    "ModelError",
    "NoBackendError",
    "NoInputsError",
    "NoOutputError",
    "NoSpatialAxesError",
    "NonFiniteError",
    "NonFiniteGradientError",
    "NumberError",
    "OptionError",
    "OutputChannelsError",
    "OutputIndexError",
    "OutputNameError",
    "PlotError",
    "PluginFaultError",
    "ProbeError",
    "ResumeMismatchError",
    "RfcoreError",
    "RuleNameError",
    "SavePathError",
    "TooFewInputsError",
    "TruncatedFieldError",
    "UnfitInputError",
    "UnknownBackendError",
    "UnknownLayerError",
    "UnsupportedOpError",
]
