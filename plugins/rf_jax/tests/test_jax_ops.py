"""Every rule against the function itself: one input element is changed at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jax_dependence import assert_bounded, assert_traced_exactly

Function = Callable[[Any], Any]

random = np.random.default_rng(7)


def positive(*shape: int) -> Any:
    return random.uniform(0.5, 1.5, shape).astype(np.float32)


def sparse(*shape: int) -> Any:
    """Half zeros, half positive."""
    return (positive(*shape) * (random.random(shape) < 0.5)).astype(np.float32)


def convolution(
    kernel: Any, numbers: tuple[str, str, str], strides: Any, padding: Any, **options: Any
) -> Function:
    return lambda x: lax.conv_general_dilated(
        x, kernel, strides, padding, dimension_numbers=numbers, **options
    )


CONVOLUTIONS: dict[str, tuple[Function, tuple[int, ...]]] = {
    "NHWC, strides": (
        convolution(positive(3, 2, 2, 3), ("NHWC", "HWIO", "NHWC"), (2, 1), "SAME"),
        (1, 6, 5, 2),
    ),
    "NCHW, both paddings": (
        convolution(positive(3, 2, 2, 3), ("NCHW", "OIHW", "NCHW"), (1, 1), [(2, 0), (0, 1)]),
        (1, 2, 5, 4),
    ),
    "another layout for the result": (
        convolution(positive(3, 3, 2, 2), ("NHWC", "HWIO", "WCNH"), (1, 2), "VALID"),
        (2, 5, 6, 2),
    ),
    "1-D dilated": (
        convolution(positive(3, 2, 2), ("NHC", "HIO", "NHC"), (1,), [(4, 0)], rhs_dilation=(2,)),
        (1, 8, 2),
    ),
    "3-D": (
        convolution(
            positive(2, 1, 3, 1, 2),
            ("NDHWC", "DHWIO", "NDHWC"),
            (1, 1, 2),
            [(1, 0), (0, 0), (1, 1)],
        ),
        (1, 3, 2, 4, 1),
    ),
    "negative padding": (
        convolution(positive(3, 1, 1), ("NHC", "HIO", "NHC"), (1,), [(-1, -2)]),
        (1, 9, 1),
    ),
    "transposed": (
        convolution(positive(3, 1, 2), ("NHC", "HIO", "NHC"), (1,), [(1, 2)], lhs_dilation=(3,)),
        (1, 4, 1),
    ),
    "transposed, strided and dilated, cut": (
        convolution(
            positive(3, 1, 1),
            ("NHC", "HIO", "NHC"),
            (2,),
            [(-1, 3)],
            lhs_dilation=(3,),
            rhs_dilation=(2,),
        ),
        (1, 5, 1),
    ),
    "groups": (
        convolution(positive(3, 2, 4), ("NHC", "HIO", "NHC"), (1,), "SAME", feature_group_count=2),
        (1, 5, 4),
    ),
    "depthwise": (
        convolution(positive(3, 1, 6), ("NHC", "HIO", "NHC"), (2,), "SAME", feature_group_count=3),
        (1, 5, 3),
    ),
    "batch groups": (
        convolution(positive(3, 2, 4), ("NHC", "HIO", "NHC"), (1,), "SAME", batch_group_count=2),
        (4, 4, 2),
    ),
    "batch groups, channels first": (
        convolution(positive(2, 2, 6), ("NCH", "HIO", "CNH"), (1,), "VALID", batch_group_count=2),
        (2, 2, 4),
    ),
    "zeros in the kernel": (
        convolution(sparse(3, 3, 2, 2), ("NHWC", "HWIO", "NHWC"), (1, 1), "SAME"),
        (1, 4, 4, 2),
    ),
    "zeros in a grouped kernel": (
        convolution(sparse(3, 2, 4), ("NHC", "HIO", "NHC"), (1,), "SAME", feature_group_count=2),
        (1, 6, 4),
    ),
    "patches": (
        lambda x: lax.conv_general_dilated_patches(x, (2, 3), (1, 2), "SAME"),
        (1, 2, 3, 5),
    ),
    "a computed kernel": (
        lambda x: lax.conv_general_dilated(
            x[:, :5],
            x[0, 5:, :, None] + 2.0,
            (1,),
            "VALID",
            dimension_numbers=("NHC", "HIO", "NHC"),
        ),
        (1, 8, 2),
    ),
}

POOLINGS: dict[str, tuple[Function, tuple[int, ...]]] = {
    "max": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 2), (1, 2, 1), "SAME"),
        (1, 6, 4),
    ),
    "min, dilated": (
        lambda x: lax.reduce_window(
            x, jnp.inf, lax.min, (3,), (1,), [(2, 0)], window_dilation=(2,)
        ),
        (8,),
    ),
    "sum, base dilated": (
        lambda x: lax.reduce_window(x, 0.0, lax.add, (3,), (1,), [(1, 1)], base_dilation=(2,)),
        (5,),
    ),
    "sum over all": (lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 4), (1, 1), "VALID"), (2, 4)),
    "any function": (
        lambda x: lax.reduce_window(x + 2, 1.0, lax.mul, (2, 1), (2, 1), "VALID"),
        (4, 3),
    ),
    "running sum by windows": (lambda x: lax.cumsum(x, 1), (2, 5)),
    "running sum backwards": (lambda x: lax.cumsum(x, 0, reverse=True), (5, 2)),
    "running maximum": (lambda x: lax.cummax(x, 0), (5,)),
    "running product": (lambda x: lax.cumprod(x, 0), (5,)),
    "running logarithm": (lambda x: lax.cumlogsumexp(x / 50, 0), (4,)),
}

REDUCTIONS: dict[str, tuple[Function, tuple[int, ...]]] = {
    "sum": (lambda x: x.sum(1), (2, 3, 2)),
    "mean, kept": (lambda x: x.mean((0, 2), keepdims=True), (2, 3, 2)),
    "max": (lambda x: x.max(0), (3, 2)),
    "product": (lambda x: x.prod(1), (2, 3)),
    "argmax": (lambda x: jnp.argmax(x, 1), (2, 4)),
    "any": (lambda x: (x > 0.5).any(1), (2, 4)),
    "variance": (lambda x: x.var(1), (2, 4)),
    "softmax": (lambda x: jax.nn.softmax(x / 30), (2, 4)),
    "layer norm": (
        lambda x: (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1),
        (2, 4),
    ),
    "sort": (lambda x: jnp.sort(x, 1), (2, 4)),
    "argsort": (lambda x: jnp.argsort(x, 0), (4, 2)),
    "top k": (lambda x: lax.top_k(x, 2), (2, 4)),
    "top k along the first axis": (lambda x: lax.top_k(x.T, 2)[0].T, (4, 2)),
    "fourier": (lambda x: jnp.abs(jnp.fft.fft2(x)), (2, 3, 2)),
    "real fourier": (lambda x: jnp.abs(jnp.fft.rfft(x)), (2, 4)),
    "general reduction": (lambda x: lax.reduce(x, 0.0, lambda a, b: a + b + a * b, (1,)), (2, 3)),
    "logsumexp": (lambda x: jax.nn.logsumexp(x / 50, 0), (3, 2)),
}

REARRANGEMENTS: dict[str, tuple[Function, tuple[int, ...]]] = {
    "reshape": (lambda x: x.reshape(4, 3), (2, 2, 3)),
    "transpose": (lambda x: x.transpose(2, 0, 1), (2, 2, 3)),
    "broadcast": (lambda x: jnp.broadcast_to(x[:, None], (2, 3, 2)), (2, 2)),
    "sizes of one": (lambda x: x + x.sum(1, keepdims=True), (2, 3)),
    "squeeze": (lambda x: jnp.squeeze(x, 1), (2, 1, 3)),
    "slice": (lambda x: x[1:, ::-2, 1:3], (3, 4, 4)),
    "strided slice": (lambda x: lax.slice(x, (1,), (8,), (3,)), (9,)),
    "reverse": (lambda x: lax.rev(x, (0, 1)), (3, 2)),
    "concatenate": (lambda x: jnp.concatenate([x, jnp.ones((1, 2)), x * 2], 0), (2, 2)),
    "split": (lambda x: jnp.split(x, [1, 3], 1), (2, 4)),
    "roll": (lambda x: jnp.roll(x, (1, -2), (0, 1)), (3, 4)),
    "roll by nothing": (lambda x: jnp.roll(x, 0, 0), (3,)),
    "tile": (lambda x: jnp.tile(x, (2, 3)), (2, 2)),
    "repeat": (lambda x: jnp.repeat(x, 3, 0), (3, 2)),
    "repeats of their own": (
        lambda x: jnp.repeat(x, np.array([2, 0, 1]), 0, total_repeat_length=3),
        (3, 2),
    ),
    "pad": (lambda x: lax.pad(x, 0.0, [(1, 2, 1), (0, 1, 0)]), (3, 2)),
    "negative padding": (lambda x: lax.pad(x, 0.0, [(-1, 2, 1), (3, -4, 2)]), (4, 3)),
    "reflected": (lambda x: jnp.pad(x, ((0, 0), (2, 1)), mode="reflect"), (2, 4)),
    "wrapped": (lambda x: jnp.pad(x, (3, 1), mode="wrap"), (4,)),
    "edges": (lambda x: jnp.pad(x, ((1, 1), (0, 2)), mode="edge"), (2, 3)),
    "space to depth": (
        lambda x: x.reshape(1, 2, 2, 2, 2, 1).transpose(0, 1, 3, 2, 4, 5).reshape(1, 2, 2, 4),
        (1, 4, 4, 1),
    ),
    "shift by padding": (lambda x: x + jnp.pad(x, (1, 0))[:-1], (5,)),
    "diagonal": (jnp.diagonal, (3, 3)),
    "lower triangle": (jnp.tril, (3, 3)),
    "trace": (jnp.trace, (3, 3)),
    "difference": (lambda x: jnp.diff(x, axis=0), (4, 2)),
    "meshed": (lambda x: jnp.stack(jnp.meshgrid(x, x)), (3,)),
}

MATRIX, LEFT, STACK, SQUARE = positive(3, 2), positive(2, 3), positive(2, 3, 2), positive(3, 3)
MASK = np.array([True, False, True, False])
HALF = np.array([0.0, 2.0, 0.0, 1.0], np.float32)

CHOICES: dict[str, tuple[Function, tuple[int, ...]]] = {
    "where": (lambda x: jnp.where(MASK, x, 0.0), (2, 4)),
    "where, two values": (lambda x: jnp.where(MASK, x, x[:, ::-1] * 2), (2, 4)),
    "where of the input": (lambda x: jnp.where(x > 0, x, x[::-1]), (4,)),
    "select by number": (
        lambda x: lax.select_n(np.array([0, 2, 1, 0]), x, x[::-1], jnp.roll(x, 1)),
        (4,),
    ),
    "product with zeros": (lambda x: x * HALF, (2, 4)),
    "zeros on the left": (lambda x: HALF * x, (2, 4)),
    "product of products": (lambda x: (x * HALF) * x[:, ::-1], (2, 4)),
    "power of zero": (lambda x: (x + 200) ** jnp.asarray(HALF), (4,)),
    "and": (lambda x: (x > 0.2) & MASK, (2, 4)),
    "or": (lambda x: MASK | (x > 0.2), (2, 4)),
    "clamp": (lambda x: jnp.clip(x, -0.5, 0.5), (4,)),
    "clamp by itself": (lambda x: lax.clamp(x[0], x, x[0] + 0.5), (4,)),
    "zero divided": (lambda x: (x * HALF) / (2 + jnp.abs(x[::-1])), (4,)),
    "powers": (lambda x: x**3 + jnp.abs(x) ** 1.5, (3,)),
    "activations": (
        lambda x: [jax.nn.gelu(x / 9), jax.nn.silu(x / 9), jnp.tanh(x / 99), lax.erf(x / 99)],
        (3,),
    ),
    "rounded": (lambda x: jnp.floor(x) + jnp.round(x * 3) + jnp.sign(x), (3,)),
    "cast": (lambda x: (x * 10).astype(np.int32) // 3, (3,)),
    "bits": (lambda x: lax.shift_left((x * 10).astype(np.int32), 2) ^ 5, (3,)),
    "complex": (lambda x: jnp.real(lax.complex(x, 0 * x) * (1 + 2j)), (3,)),
}

CAUSAL = np.tri(4, 4, dtype=bool)
LOCAL = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], bool)


def scores(x: Any) -> Any:
    return jnp.outer(x, x) / 5000


PRODUCTS: dict[str, tuple[Function, tuple[int, ...]]] = {
    "matrix": (lambda x: x @ MATRIX, (2, 3)),
    "matrix on the left": (lambda x: LEFT @ x, (3, 2)),
    "sparse matrix": (partial(jnp.matmul, jnp.asarray(sparse(3, 4))), (4, 2)),
    "batched": (lambda x: jnp.einsum("bij,bjk->bik", x, STACK), (2, 2, 3)),
    "with itself": (lambda x: jnp.einsum("ij,kj->ik", x, x), (3, 2)),
    "outer": (lambda x: jnp.outer(x, x), (3,)),
    "three": (lambda x: jnp.einsum("i,ij,j->", x, SQUARE, x), (3,)),
    "resize": (lambda x: jax.image.resize(x, (8,), "linear"), (4,)),
    "resize by three": (lambda x: jax.image.resize(x, (2, 12), "bilinear"), (2, 4)),
    "resize down": (lambda x: jax.image.resize(x, (3,), "linear"), (12,)),
    "resize without antialiasing": (
        lambda x: jax.image.resize(x, (4,), "linear", antialias=False),
        (12,),
    ),
    "nearest": (lambda x: jax.image.resize(x, (2, 7), "nearest"), (2, 4)),
    "causal attention": (
        lambda x: jax.nn.softmax(jnp.where(CAUSAL, scores(x), -jnp.inf)) @ x,
        (4,),
    ),
    "causal attention by an added mask": (
        lambda x: jax.nn.softmax(scores(x) + jnp.where(CAUSAL, 0.0, -1e9), axis=-1) @ x,
        (4,),
    ),
    "local attention, some queries see nothing": (
        lambda x: jax.nn.softmax(jnp.where(LOCAL, scores(x), -1e30)) @ x,
        (4,),
    ),
    "attention with where=": (
        lambda x: jax.nn.softmax(scores(x), where=CAUSAL) @ x,
        (4,),
    ),
    "fused attention": (
        lambda x: jax.nn.dot_product_attention(x / 30, x / 30, x, is_causal=True),
        (1, 4, 1, 1),
    ),
}

TABLE = np.array([[2, 0], [1, 1], [0, 2]])

INDEXED: dict[str, tuple[Function, tuple[int, ...]]] = {
    "take": (lambda x: jnp.take(x, np.array([2, 0, 2, 1]), axis=1), (2, 3)),
    "table": (lambda x: x[:, TABLE], (2, 3, 2)),
    "two axes together": (lambda x: x[np.array([0, 1, 2]), np.array([1, 1, 0])], (3, 2)),
    "two axes apart": (
        lambda x: x[:, np.array([[2], [0]]), np.array([[0, 1, 1]])],
        (2, 3, 2),
    ),
    "axes around another": (lambda x: x[np.array([1, 0]), :, np.array([0, 2])], (2, 2, 3)),
    "along an axis": (
        lambda x: jnp.take_along_axis(x, np.array([[1, 0, 2], [2, 2, 0]]), 1),
        (2, 3),
    ),
    "out of range, filled": (
        lambda x: x.at[np.array([0, 5, 2])].get(mode="fill", fill_value=0),
        (3,),
    ),
    "out of range, clipped": (lambda x: x.at[np.array([0, 5, -9])].get(mode="clip"), (3,)),
    "windows": (
        lambda x: jax.vmap(lambda i: lax.dynamic_slice(x, (i, 0), (2, 2)))(np.array([0, 3, 1])),
        (5, 3),
    ),
    "batched take": (
        lambda x: jax.vmap(lambda row, i: row[i])(x, np.array([[0, 2], [1, 1]])),
        (2, 3),
    ),
    "dynamic slice": (lambda x: lax.dynamic_slice(x, (1, 9), (2, 2)), (4, 3)),
    "dynamic update": (lambda x: lax.dynamic_update_slice(x, x[:1, :2] * 2, (2, 1)), (4, 3)),
    "constant update": (lambda x: lax.dynamic_update_slice(x, jnp.ones((2, 1)), (1, 0)), (4, 2)),
    "set a slice": (lambda x: x.at[:, 1:3].set(0.0), (2, 4)),
    "set to computed": (lambda x: x.at[1:3].set(x[:2] ** 2), (4, 2)),
    "add to a slice": (lambda x: x.at[1:3].add(x[:2] ** 2), (4, 2)),
    "set rows": (lambda x: x.at[np.array([2, 0])].set(x[:2] * 3), (4, 2)),
    "add to rows": (lambda x: x.at[np.array([1, 1, 0])].add(x[1:] * 3), (4, 2)),
    "multiply rows": (lambda x: x.at[np.array([1])].multiply(x[3:] + 2), (4, 2)),
    "greatest of rows": (lambda x: x.at[np.array([1, 2])].max(x[:2]), (4,)),
    "set places": (
        lambda x: x.at[np.array([0, 2]), :, np.array([1, 0])].set(x[:2, :, 0] + 1),
        (3, 2, 2),
    ),
    "dropped": (lambda x: x.at[np.array([9, 1])].set(x[:2] * 2), (3,)),
    "summed into segments": (
        lambda x: jax.ops.segment_sum(x, np.array([0, 1, 0, 2]), 3),
        (4, 2),
    ),
    "applied in place": (lambda x: x.at[np.array([1, 2])].apply(jnp.tanh), (4,)),
}

RECURRENT = positive(2, 2) / 4
FORGETS = np.array([1.0, 0.0], np.float32)
W = positive(2)


def dense_recurrence(x: Any) -> Any:
    mixed = x @ jnp.asarray(RECURRENT)
    return lax.scan(lambda h, t: (h @ RECURRENT + t, h.sum()), jnp.zeros(2), mixed)


def backward_average(x: Any) -> Any:
    return lax.scan(lambda h, t: (h * 0.5 + t, h), x[0], x, reverse=True)


def delay_line(x: Any) -> Any:
    start = (jnp.zeros(()), jnp.zeros(()))
    return lax.scan(lambda c, t: ((t, c[0]), c[1] + t), start, x)


def ring(x: Any) -> Any:
    return lax.scan(lambda c, t: (jnp.concatenate([c[1:], t[None]]), c.sum()), jnp.zeros(2), x)


def layers(x: Any) -> Any:
    return lax.scan(lambda y, w: (jnp.convolve(y, w, mode="same"), None), x, positive(3, 3))[0]


def two_states(x: Any) -> Any:
    def step(c: Any, t: Any) -> Any:
        slow, fast = c
        return (slow + fast, fast * 0.5 + t), slow

    return lax.scan(step, (jnp.zeros(2), jnp.ones(2)), x)


def swapped_states(x: Any) -> Any:
    return lax.scan(lambda c, t: ((c[1], c[0] + t), c[0]), (jnp.zeros(()), jnp.zeros(())), x)


LOOPS: dict[str, tuple[Function, tuple[int, ...]]] = {
    "dense recurrence": (dense_recurrence, (4, 2)),
    "running average, backwards": (backward_average, (4, 2)),
    "delay line of two states": (delay_line, (5,)),
    "delay line in one state": (ring, (5,)),
    "layers": (layers, (9,)),
    "one state feeds another": (two_states, (4, 2)),
    "states that change places": (swapped_states, (5,)),
    "a state that is partly forgotten": (
        lambda x: lax.scan(lambda h, t: (h * FORGETS + t, h), jnp.zeros(2), x)[1],
        (4, 2),
    ),
    "a state that is handed on": (
        lambda x: lax.scan(lambda c, t: ((c[0], c[1] * 0.5 + c[0] * t), c[1]), (W, W), x),
        (4, 2),
    ),
    "a counted loop": (
        lambda x: lax.fori_loop(1, 3, lambda i, y: y + jnp.roll(y, 1) * i, x),
        (5,),
    ),
    "a loop with a constant end": (
        lambda x: lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] + jnp.roll(c[1], c[0])), (0, x)
        )[1],
        (6,),
    ),
    "mapped": (lambda x: lax.map(lambda row: row[::-1] * 2, x), (3, 2)),
    "a chosen branch": (lambda x: lax.switch(1, [lambda y: y, lambda y: y[::-1]], x), (3,)),
    "associative": (lambda x: lax.associative_scan(jnp.add, x), (6,)),
    "rematerialised": (jax.checkpoint(lambda x: jnp.sin(x[::-1] / 99)), (3,)),
    "compiled inside": (lambda x: jax.jit(lambda y: y[::2] * 3)(x), (5,)),
    "custom derivative": (lambda x: jax.nn.relu(x)[1:], (3,)),
}

TABLES = {
    "convolution": CONVOLUTIONS,
    "pooling": POOLINGS,
    "reduction": REDUCTIONS,
    "rearrangement": REARRANGEMENTS,
    "choice": CHOICES,
    "product": PRODUCTS,
    "index": INDEXED,
    "loop": LOOPS,
}
EXACT = [
    pytest.param(*case, id=f"{family}: {name}")
    for family, table in TABLES.items()
    for name, case in table.items()
]


@pytest.mark.parametrize(("function", "shape"), EXACT)
def test_rule_agrees_with_changing_every_input(function: Function, shape: tuple[int, ...]) -> None:
    assert_traced_exactly(function, shape)


BOUNDED: dict[str, tuple[Function, tuple[int, ...], str]] = {
    "one part of a complex number": (
        lambda x: jnp.real(lax.complex(x, x[::-1]) * 2j),
        (3,),
        "not told apart",
    ),
    "slice at a computed place": (
        lambda x: lax.dynamic_slice(x, (jnp.argmax(x[:, 0]), 0), (2, 2)),
        (4, 3),
        "places that are not constant",
    ),
    "update at a computed place": (
        lambda x: lax.dynamic_update_slice(x, x[:1] * 2, (jnp.argmax(x[:, 0]), 0)),
        (4, 2),
        "places that are not constant",
    ),
    "take by the input": (
        lambda x: x[:, jnp.argsort(x[0])],
        (2, 3),
        "places that are not constant",
    ),
    "along an axis by the input": (
        lambda x: jnp.take_along_axis(x, jnp.argsort(-x, 1), 1),
        (2, 3),
        "places that are not constant",
    ),
    "scatter by the input": (
        lambda x: x.at[jnp.argmax(x)].set(x[0] + x[1]),
        (4,),
        "places that are not constant",
    ),
    "set the same twice": (
        lambda x: x.at[np.array([1, 1])].set(x[:2]),
        (4,),
        "indices repeat",
    ),
    "sorted beside constants": (
        lambda x: lax.sort((jnp.array([3, 1, 2, 0]), x), num_keys=1)[1],
        (4,),
        "order is constant",
    ),
    "inverse": (
        lambda x: jnp.linalg.inv(x + 4 * jnp.eye(3)),
        (3, 3),
        "an upper bound",
    ),
    "cholesky": (
        lambda x: jnp.linalg.cholesky(x @ x.T + 9 * jnp.eye(3)),
        (3, 3),
        "an upper bound",
    ),
    "either branch": (
        lambda x: lax.cond(x[0] > 0, lambda y: y * 2, lambda y: y[::-1], x),
        (3,),
        "all of them count",
    ),
    "as long as it takes": (
        lambda x: lax.while_loop(lambda y: y.sum() < 9, lambda y: y + 1 + jnp.abs(y), x),
        (3,),
        "not known beforehand",
    ),
}


@pytest.mark.parametrize(
    ("function", "shape", "said"), [pytest.param(*case, id=name) for name, case in BOUNDED.items()]
)
def test_bound_holds_and_says_why(function: Function, shape: tuple[int, ...], said: str) -> None:
    assert_bounded(function, shape, said)
