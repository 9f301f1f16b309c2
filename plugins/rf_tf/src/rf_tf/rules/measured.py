"""Ops that are measured by their own derivative, and ops refused although they have one."""

from __future__ import annotations

from rf_tf.call import Call, Rule
from rf_tf.vjp import opaque_linear

__all__ = ["RULES"]


def drawn(call: Call) -> list[int]:
    """Pooling over windows that are drawn at random."""
    raise call.refused("its windows are drawn at random")


# Linear in what depends on the input, so that their derivative has all its influences.
_LINEAR = (
    "AvgPoolGrad AvgPool3DGrad BiasAddGrad Diag DiagPart ImageProjectiveTransformV2 "
    "ImageProjectiveTransformV3 MirrorPadGrad ReverseSequence StridedSliceGrad TridiagonalMatMul"
)

RULES: dict[str, Rule] = {
    **dict.fromkeys(_LINEAR.split(), opaque_linear),
    **dict.fromkeys(("FractionalAvgPool", "FractionalMaxPool"), drawn),
}
