"""The guess at the total stride follows axes to where ops move them."""

import numpy as np
import pytest

from rfcore.graph import GraphBuilder, Window, WindowAxis
from rfcore.striding import total_strides


def pooled(builder, value, dim, stride):
    shape = list(builder.shape(value))
    shape[dim] //= stride
    op = Window((WindowAxis(dim, stride, stride),))
    return builder.window(value, op, shape, "pool")


def plain(builder, value):
    return pooled(builder, pooled(builder, value, 2, 3), 2, 5)


def unsqueezed(builder, value):
    """As frameworks pool along one axis by the op for two."""
    value = builder.reshape(value, (1, 2, 1, 60), "unsqueeze")
    value = pooled(builder, value, 3, 3)
    value = builder.reshape(value, (1, 2, 20), "squeeze")
    return pooled(builder, value, 2, 5)


def transposed(builder, value):
    value = pooled(builder, value, 2, 3)
    value = builder.transpose(value, (0, 2, 1), "transpose")
    return pooled(builder, value, 1, 5)


def sliced(builder, value):
    value = builder.axis_map(value, 2, np.arange(0, 60, 3), "slice")
    return pooled(builder, value, 2, 5)


def unshuffled(builder, value):
    """Blocks of three positions as channels, as they are written with reshapes."""
    value = builder.reshape(value, (1, 2, 20, 3), "blocks")
    value = builder.transpose(value, (0, 1, 3, 2), "transpose")
    return pooled(builder, builder.reshape(value, (1, 6, 20), "stack"), 2, 5)


def shuffled(builder, value):
    """A pixel shuffle by two behind a stride of three, which leaves 3/2 pixels per position."""
    value = builder.reshape(pooled(builder, value, 2, 3), (1, 1, 2, 20), "channels")
    value = builder.transpose(value, (0, 1, 3, 2), "transpose")
    return pooled(builder, builder.reshape(value, (1, 1, 40), "merge"), 2, 5)


@pytest.mark.parametrize(
    "network",
    [plain, unsqueezed, transposed, sliced, unshuffled, shuffled],
    ids=lambda network: network.__name__,
)
def test_strides_of_one_axis_are_multiplied(network):
    builder = GraphBuilder((1, 2, 60))
    output = network(builder, 0)
    assert total_strides(builder.finish())[output] == 3 * 5


def test_strides_of_two_axes_are_united():
    builder = GraphBuilder((1, 2, 60, 60))
    output = pooled(builder, pooled(builder, 0, 2, 4), 3, 6)
    assert total_strides(builder.finish())[output] == 12


def test_positions_that_come_back_from_channels_undo_a_stride():
    builder = GraphBuilder((1, 2, 60))
    value = builder.reshape(pooled(builder, 0, 2, 6), (1, 1, 2, 10), "blocks")
    value = builder.transpose(value, (0, 1, 3, 2), "transpose")
    output = pooled(builder, builder.reshape(value, (1, 1, 20), "spread"), 2, 2)
    assert total_strides(builder.finish())[output] == 6
