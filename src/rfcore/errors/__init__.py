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
    UnknownBackendError,
)
from rfcore.errors.base import RfcoreError
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

__all__ = [
    "AmbiguousBackendError",
    "AmbiguousOutputError",
    "BackendCapabilityError",
    "FieldFormatError",
    "FrameworkVersionError",
    "IndependentOutputError",
    "InputShapeError",
    "InputTypeError",
    "IrregularFieldError",
    "LayerNotRunError",
    "LayerSpecError",
    "LayoutError",
    "MergedAxesError",
    "ModelError",
    "NoBackendError",
    "NoOutputError",
    "NoSpatialAxesError",
    "OptionError",
    "OutputNameError",
    "ProbeError",
    "RfcoreError",
    "TruncatedFieldError",
    "UnknownBackendError",
    "UnknownLayerError",
    "UnsupportedOpError",
]
