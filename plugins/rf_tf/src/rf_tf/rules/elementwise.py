"""Ops that keep every position where it is, and ops that see nothing of it."""

from __future__ import annotations

from rf_tf.call import Call, Rule

__all__ = ["RULES", "pointwise"]


def pointwise(call: Call) -> list[int]:
    """Each output position sees the same position of every operand, broadcast."""
    nodes = call.dependent()
    return [
        call.elementwise(nodes, call.result_shape(number)) for number in range(len(call.op.outputs))
    ]


def tuple_of(call: Call) -> list[int | None]:
    """`IdentityN`: each result is its own operand."""
    found: list[int | None] = []
    for number in range(len(call.inputs)):
        node = call.node(number)
        found.append(None if node is None else call.elementwise((node,), call.builder.shape(node)))
    return found


def nothing(call: Call) -> list[None]:
    """Values that only borrow a shape: no influence."""
    return [None for _ in call.op.outputs]


def bias(call: Call) -> int:
    """A bias along the axis of channels."""
    parts = []
    if (node := call.node(0)) is not None:
        parts.append(node)
    if (node := call.node(1)) is not None:
        first = call.attr_or("data_format", "NHWC").startswith("NC")
        column = (call.shape[1], *(1,) * (len(call.shape) - 2)) if first else call.shape[-1:]
        parts.append(call.builder.reshape(node, column, call.name))
    return call.elementwise(parts, call.shape)


def bitcast(call: Call) -> int:
    """The same bits as another type, which may need more or fewer numbers."""
    node = call.operand(0)
    source = call.builder.shape(node)
    if len(source) < len(call.shape):
        node = call.builder.reshape(node, (*source, 1), call.name)
    elif len(source) > len(call.shape):
        node = call.builder.reduce(node, [len(source) - 1], False, call.name)
    return call.elementwise((node,), call.shape)


def filled(call: Call) -> int:
    """`Fill`: one value everywhere."""
    return call.elementwise((call.operand(1),), call.shape)


def searched(call: Call) -> int:
    """`SearchSorted`-like: each value by itself, among boundaries."""
    parts = []
    if (values := call.node(1)) is not None:
        parts.append(values)
    if (edges := call.node(0)) is not None:
        parts.append(call.builder.reduce(edges, [len(call.source_shape(0)) - 1], True, call.name))
    return call.elementwise(parts, call.shape)


def scaled_to_range(call: Call) -> int:
    """Quantisation to a range that is given, or else is that of the whole value."""
    parts = [call.elementwise((node,), call.shape) for node in call.dependent()]
    image = call.node(0)
    if image is not None and not call.attr_or("range_given", True):
        axis = call.attr_or("axis", -1)
        rank = len(call.shape)
        over = [d for d in range(rank) if d != axis]
        parts.append(call.builder.reduce(image, over, True, call.name))
    return call.elementwise(parts, call.shape)


_SAME = (
    "AccumulateNV2 ApproximateEqual GuaranteeConst Invert PopulationCount "
    "Abs Acos Acosh AddN Angle Asin Asinh Atan Atan2 Atanh BesselI0 BesselI0e BesselI1 "
    "BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK0e BesselK1 BesselK1e BesselY0 BesselY1 Betainc "
    "BitwiseOr BitwiseXor BroadcastTo Bucketize Cast Ceil CheckNumerics CheckNumericsV2 "
    "ClipByValue Complex ComplexAbs Conj Cos Cosh Dawsn DebugIdentityV2 Digamma "
    "Elu EluGrad EnsureShape Equal Erf Erfc Erfinv Expint Expm1 FakeQuantWithMinMaxArgs "
    "FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Floor FloorDiv FloorMod FresnelCos "
    "FresnelSin Greater GreaterEqual Identity Igamma Igammac Imag Inv InvGrad IsFinite IsInf IsNan "
    "LeakyRelu LeakyReluGrad LeftShift Less LessEqual Lgamma Log Log1p LogicalNot LogicalOr "
    "Mod Ndtri Neg NextAfter NotEqual Polygamma PreventGradient Print PrintV2 Real "
    "Reciprocal ReciprocalGrad Relu6Grad ReluGrad RightShift Rint Round Rsqrt RsqrtGrad "
    "Selu SeluGrad SigmoidGrad Sign Sin Sinh Snapshot SoftplusGrad Softsign "
    "SoftsignGrad Spence Sqrt SqrtGrad Square SquaredDifference StopGradient TanhGrad Tan Tanh "
    "TruncateDiv TruncateMod Zeta PlaceholderWithDefault RefIdentity "
    "XlaSharding"
)
_NOTHING = (
    "Shape ShapeN Size Rank ZerosLike OnesLike NoOp Assert BroadcastGradientArgs BroadcastArgs"
)

RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME.split(), pointwise),
    **dict.fromkeys(_NOTHING.split(), nothing),
    "IdentityN": tuple_of,
    "Bitcast": bitcast,
    "Fill": filled,
    "BiasAdd": bias,
    "BiasAddV1": bias,
    "LowerBound": searched,
    "UpperBound": searched,
    **dict.fromkeys(
        (
            "QuantizeAndDequantize",
            "QuantizeAndDequantizeV2",
            "QuantizeAndDequantizeV3",
            "QuantizeAndDequantizeV4",
        ),
        scaled_to_range,
    ),
}
