"""Ops of TensorFlow that move positions, against finite changes of every input element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tf_dependence import assert_exact

CASES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "reshape": (lambda x: tf.reshape(x, (2, -1)), (2, 3, 4)),
    "squeeze and expand": (lambda x: tf.expand_dims(tf.squeeze(x, 0), -1), (1, 3, 4)),
    "transpose": (lambda x: tf.transpose(x, (2, 0, 1)), (2, 3, 4)),
    "concat with a constant": (lambda x: tf.concat([x, tf.ones((2, 2)), x * x], 1), (2, 3)),
    "concat along the first axis": (lambda x: tf.concat([tf.ones((1, 3)), x], -2), (2, 3)),
    "stack": (lambda x: tf.stack([x, tf.zeros((2, 3)), tf.exp(x)], 1), (2, 3)),
    "unstack": (lambda x: tf.unstack(x, axis=1), (2, 3)),
    "split evenly": (lambda x: tf.split(x, 2, 1), (2, 4)),
    "split by sizes": (lambda x: tf.split(x, [1, 3], -1), (2, 4)),
    "tile": (lambda x: tf.tile(x, (2, 3)), (2, 3)),
    "broadcast": (lambda x: tf.broadcast_to(x, (4, 2, 3)), (2, 1)),
    "slice": (lambda x: tf.slice(x, (0, 1), (2, -1)), (2, 4)),
    "subscripts": (lambda x: x[:, 1:-1, ::2], (2, 4, 5)),
    "subscripts backwards": (lambda x: x[::-1, 3:0:-2], (2, 5)),
    "subscript of one index": (lambda x: x[1, ..., -1], (2, 3, 4)),
    "subscript of a new axis": (lambda x: x[:, None, 1:, tf.newaxis], (2, 3)),
    "subscripts by a shape": (lambda x: x[: tf.shape(x)[0] // 2], (6,)),
    "reverse": (lambda x: tf.reverse(x, [1]), (2, 3)),
    "reverse by flags": (lambda x: tf.raw_ops.Reverse(tensor=x, dims=[False, True]), (2, 3)),
    "roll": (lambda x: tf.roll(x, (1, -2), (0, 1)), (3, 5)),
    "roll one axis twice": (lambda x: tf.roll(x, (1, 1), (1, 1)), (2, 5)),
    "space to depth": (lambda x: tf.nn.space_to_depth(x, 2), (1, 4, 6, 2)),
    "depth to space": (lambda x: tf.nn.depth_to_space(x, 2), (1, 2, 3, 8)),
    "space to batch": (
        lambda x: tf.space_to_batch(x, (2, 3), [[1, 0], [0, 1]]),
        (1, 5, 5, 2),
    ),
    "batch to space": (lambda x: tf.batch_to_space(x, (2, 2), [[1, 0], [0, 1]]), (4, 3, 2, 2)),
    "space to batch on one axis": (
        lambda x: tf.space_to_batch_nd(x, [2], [[0, 1]]),
        (2, 5, 3),
    ),
    "old space to batch": (
        lambda x: tf.raw_ops.SpaceToBatch(input=x, paddings=[[0, 0], [1, 1]], block_size=2),
        (1, 4, 2, 1),
    ),
    "old batch to space": (
        lambda x: tf.raw_ops.BatchToSpace(input=x, crops=[[0, 1], [0, 0]], block_size=2),
        (4, 2, 2, 1),
    ),
    "pad": (lambda x: tf.pad(x, [[0, 0], [2, 1]]), (2, 3)),
    "pad with a number of the input": (
        lambda x: tf.pad(x, [[0, 1], [1, 0]], constant_values=x[0, 0]),
        (2, 3),
    ),
    "reflect": (lambda x: tf.pad(x, [[0, 0], [2, 1]], "REFLECT"), (2, 4)),
    "symmetric": (lambda x: tf.pad(x, [[1, 0], [2, 1]], "SYMMETRIC"), (2, 4)),
    "gather": (lambda x: tf.gather(x, [2, 0, 2], axis=1), (2, 3)),
    "gather at a table": (lambda x: tf.gather(x, [[2, 0], [1, 1]], axis=0), (3, 2)),
    "gather in batches": (
        lambda x: tf.gather(x, [[2, 0], [1, 1]], axis=1, batch_dims=1),
        (2, 3, 2),
    ),
    "gather at tuples": (lambda x: tf.gather_nd(x, [[1, 2], [0, 0]]), (2, 3, 2)),
    "boolean mask": (
        lambda x: tf.gather(x, np.flatnonzero([True, False, True]), axis=1),
        (2, 3),
    ),
    "one hot": (
        lambda x: tf.one_hot(tf.cast(x > 0, tf.int32), 2, axis=0),
        (2, 3),
    ),
    "diagonal": (tf.linalg.diag, (2, 3)),
    "diagonal part": (tf.linalg.diag_part, (2, 3, 3)),
    "set diagonal": (lambda x: tf.linalg.set_diag(x, x[..., 0]), (2, 3, 3)),
    "band": (lambda x: tf.linalg.band_part(x, 1, 0), (4, 4)),
    "triangle": (lambda x: tf.linalg.band_part(x, -1, 0), (2, 3, 3)),
    "scatter": (lambda x: tf.scatter_nd([[3], [0], [3]], x, (5, 2)), (3, 2)),
    "scatter into a tensor": (
        lambda x: tf.tensor_scatter_nd_update(x, [[0, 1], [1, 2]], [7.0, 8.0]),
        (2, 3),
    ),
    "scatter values of the input": (
        lambda x: tf.tensor_scatter_nd_update(tf.ones((4, 2)), [[3], [1]], x),
        (2, 2),
    ),
    "scatter and add": (
        lambda x: tf.tensor_scatter_nd_add(x, [[0], [0]], 2 * x[1:]),
        (3, 2),
    ),
    "segments": (lambda x: tf.math.segment_sum(x, [0, 0, 2]), (3, 2)),
    "unsorted segments": (
        lambda x: tf.math.unsorted_segment_max(x, [[1, 0], [1, -1]], 3),
        (2, 2, 2),
    ),
    "dynamic stitch": (
        lambda x: tf.dynamic_stitch([[0, 2], [1, 3]], [x, tf.exp(x)]),
        (2, 2),
    ),
    "meshgrid": (lambda x: tf.meshgrid(x, tf.range(2.0)), (3,)),
    "repeat": (lambda x: tf.repeat(x, 2, axis=1), (2, 3)),
    "patches": (
        lambda x: tf.image.extract_patches(x, (1, 3, 2, 1), (1, 2, 1, 1), (1, 1, 2, 1), "SAME"),
        (1, 5, 4, 2),
    ),
    "patches of a volume": (
        lambda x: tf.extract_volume_patches(x, (1, 2, 2, 1, 1), (1, 1, 2, 1, 1), "VALID"),
        (1, 3, 4, 2, 1),
    ),
    "frames": (lambda x: tf.signal.frame(x, 4, 2, pad_end=True), (1, 9)),
    "overlap and add": (lambda x: tf.signal.overlap_and_add(x, 2), (3, 4)),
}


@pytest.mark.parametrize("case", CASES)
def test_ops_that_move(case: str) -> None:
    function, shape = CASES[case]
    assert_exact(function, shape)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_blocks_in_either_layout(layout: str) -> None:
    # TensorFlow runs these with channels first on accelerators alone, so numpy stands in.
    from tf_dependence import traced

    size = 2
    shape = (1, 4, 6, 2) if layout == "NHWC" else (1, 2, 4, 6)
    found = traced(
        lambda x: tf.raw_ops.SpaceToDepth(input=x, block_size=size, data_format=layout), shape
    )
    last = np.arange(48).reshape(shape)
    if layout == "NCHW":
        last = np.moveaxis(last, 1, -1)
    moved = tf.nn.space_to_depth(last, size).numpy()
    if layout == "NCHW":
        moved = np.moveaxis(moved, -1, 1)
    expected = np.eye(48, dtype=bool)[moved.ravel()]
    np.testing.assert_array_equal(found.matrix, expected)
