"""Does a graph hold sizes of the input that it was traced at?

A convolution does not, a reshape to a given shape may. Where no op on the way from the input
takes a length, the graph of one size is the graph of every size.
"""

from __future__ import annotations

from rf_tf.flat import Flat

__all__ = ["holds_sizes"]

WINDOWS = {
    *("Conv2D", "DepthwiseConv2dNative", "Conv3D"),
    *("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D"),
}
POINTWISE = {
    *("Abs", "Add", "AddN", "AddV2", "BiasAdd", "Cast", "ClipByValue", "Elu", "Exp", "Identity"),
    *("IdentityN", "LeakyRelu", "Log", "Maximum", "Minimum", "Mul", "Neg", "Pow", "RealDiv"),
    *("Relu", "Relu6", "Rsqrt", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Square"),
    *("SquaredDifference", "StopGradient", "Sub", "Tanh", "Erf", "Erfc", "LRN", "Softmax"),
    *("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"),
}
# Their whole numbers are axes and margins, not lengths.
OTHERS = {
    *("ConcatV2", "Concat", "ExpandDims", "Max", "Mean", "Min", "MirrorPad", "Pad", "PadV2"),
    *("Prod", "Split", "Squeeze", "Sum", "Transpose", "Unpack", "MatMul", "BatchMatMulV2"),
}
SIZE_FREE = WINDOWS | POINTWISE | OTHERS


def holds_sizes(flat: Flat) -> bool:
    """Whether some op behind the input may hold the size that the graph was traced at."""
    # The graph of a traced function is in the order of its making.
    reached = {flat.input}
    for node in flat.nodes:
        if any(reference.partition(":")[0] in reached for reference in node.input):
            if node.op not in SIZE_FREE:
                return True
            reached.add(node.name)
    return False
