"""Calls, branches and loops of TensorFlow: exact where they can be, flagged where not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rf_tf.engine import record
from tf_dependence import (
    assert_bounded,
    assert_exact,
    assert_refused,
    captured,
    changed,
    traced,
)


def blurred(x: Any) -> Any:
    return tf.nn.conv1d(x, tf.ones((3, 1, 1)), 1, "SAME")


def test_functions_within_functions() -> None:
    inner = tf.function(blurred)
    outer = tf.function(lambda x: inner(x) + inner(inner(x)))
    assert_exact(outer, (1, 9, 1))


def test_function_that_is_not_inlined_keeps_its_custom_gradient_out() -> None:
    @tf.custom_gradient
    def tripled(x: Any) -> Any:
        return 3.0 * blurred(x), lambda upstream: upstream

    assert_exact(tripled, (1, 7, 1))


def test_branch_by_a_constant() -> None:
    def taken(x: Any) -> Any:
        even = tf.equal(tf.shape(x)[1] % 2, 0)
        return tf.cond(even, lambda: blurred(x), lambda: blurred(blurred(x)))

    assert traced(taken, (1, 8, 1)).matrix[4].sum() == 3
    assert traced(taken, (1, 9, 1)).matrix[4].sum() == 5
    assert_exact(taken, (1, 8, 1))
    assert_exact(taken, (1, 9, 1))


def test_case_by_a_constant() -> None:
    def chosen(x: Any, index: int) -> Any:
        return tf.switch_case(
            tf.constant(index), [lambda: x, lambda: blurred(x), lambda: blurred(blurred(x))]
        )

    for index, width in ((0, 1), (1, 3), (2, 5), (7, 5)):
        found = assert_exact(lambda x, index=index: chosen(x, index), (1, 9, 1))
        assert found.matrix[4].sum() == width


def test_branch_by_the_input_counts_both_ways_and_what_decides() -> None:
    def either(x: Any) -> Any:
        return tf.cond(x[0, 0, 0] > 0, lambda: blurred(x), lambda: -x)

    found = assert_exact(either, (1, 6, 1), bases=6)
    assert any("the input decides which branch runs" in note for note in found.notes)
    assert found.matrix[4].tolist() == [True, False, False, True, True, True]


def test_branches_of_constants_depend_on_what_decides() -> None:
    def sign(x: Any) -> Any:
        return tf.cond(x[0, 2, 0] > 0, lambda: tf.ones((1, 3)), lambda: tf.zeros((1, 3)))

    assert_exact(sign, (1, 4, 1), bases=4)


def test_loop_of_known_length_is_written_out() -> None:
    def repeated(x: Any) -> Any:
        return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, blurred(y)), (0, x))[1]

    found = assert_exact(repeated, (1, 11, 1))
    assert found.matrix[5].sum() == 7


def test_loop_of_known_length_within_a_loop() -> None:
    def inner(i: Any, y: Any) -> Any:
        return tf.while_loop(lambda j, z: j < i, lambda j, z: (j + 1, blurred(z)), (0, y))[1]

    def repeated(x: Any) -> Any:
        return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, inner(i, y)), (0, x))[1]

    found = assert_exact(repeated, (1, 11, 1))
    assert found.matrix[5].sum() == 7


def test_loop_whose_length_follows_a_shape() -> None:
    def repeated(x: Any) -> Any:
        steps = tf.shape(x)[1] // 4
        return tf.while_loop(lambda i, y: i < steps, lambda i, y: (i + 1, blurred(y)), (0, x))[1]

    assert traced(repeated, (1, 12, 1)).matrix[6].sum() == 7


def test_autograph_loop() -> None:
    @tf.function
    def repeated(x: Any) -> Any:
        y = x
        for _ in tf.range(2):
            y = blurred(y)
        return y

    assert traced(repeated, (1, 11, 1)).matrix[5].sum() == 5


def test_loop_whose_length_the_input_decides_sees_everything_and_says_so() -> None:
    def settled(x: Any) -> Any:
        return tf.while_loop(
            lambda y: tf.reduce_max(tf.abs(y)) > 1e-2, lambda y: (blurred(y) / 4.0,), (x,)
        )[0]

    found = assert_bounded(settled, (1, 6, 1), "how often this loop runs is not known")
    assert found.matrix.all()


def test_running_sum_in_a_tensor_array() -> None:
    def summed(x: Any) -> Any:
        steps = x.shape[1]
        given = tf.TensorArray(tf.float32, steps).unstack(tf.transpose(x, (1, 0, 2)))

        def step(i: Any, total: Any, results: Any) -> Any:
            total = total + given.read(i)
            return i + 1, total, results.write(i, total)

        start = (0, tf.zeros((1, 1)), tf.TensorArray(tf.float32, steps))
        results = tf.while_loop(lambda i, *_: i < steps, step, start)[2]
        return tf.transpose(results.stack(), (1, 0, 2))

    found = assert_exact(summed, (1, 5, 1))
    np.testing.assert_array_equal(found.matrix, np.tri(5, dtype=bool))


def test_tensor_array_gathered_and_concatenated() -> None:
    def moved(x: Any) -> Any:
        held = tf.TensorArray(tf.float32, 4, clear_after_read=False).unstack(x[0])
        return held.gather([3, 1]), held.concat()

    assert_exact(moved, (1, 4, 2))


def test_map_over_rows() -> None:
    assert_exact(lambda x: tf.map_fn(lambda row: tf.cumsum(row), x), (3, 4))


def test_variable_in_a_body_is_read_there() -> None:
    mask = tf.Variable(np.array([1.0, 0.0, 1.0, 1.0], np.float32))

    def masked(x: Any) -> Any:
        return tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, y * mask), (0, x))[1]

    assert_exact(masked, (2, 4))


def test_an_op_without_a_rule_stops_only_what_lies_behind_it() -> None:
    assert_refused(
        lambda x: tf.py_function(lambda y: y, [x], tf.float32), (2, 2), "EagerPyFunc", ""
    )


@pytest.mark.parametrize("steps", [2, 3])
def test_stateless_loop(steps: int) -> None:
    def repeated(x: Any) -> Any:
        return tf.raw_ops.StatelessWhile(
            input=[tf.constant(0), x], cond=going_on(steps), body=stepped()
        )[1]

    assert traced(repeated, (1, 11, 1)).matrix[5].sum() == 1 + 2 * steps


def going_on(steps: int) -> Any:
    return tf.function(lambda i, y: i < steps).get_concrete_function(
        tf.TensorSpec((), tf.int32), tf.TensorSpec((1, 11, 1))
    )


def stepped() -> Any:
    return tf.function(lambda i, y: (i + 1, blurred(y))).get_concrete_function(
        tf.TensorSpec((), tf.int32), tf.TensorSpec((1, 11, 1))
    )


def recurrent(
    step: Callable[[Any, Any], tuple[Any, Any]], units: int, *, last: bool = False
) -> Callable[[Any], Any]:
    """A layer that runs a step over the second axis, as recurrent layers of Keras do."""

    def run(x: Any) -> Any:
        steps = x.shape[1]
        given = tf.TensorArray(tf.float32, steps).unstack(tf.transpose(x, (1, 0, 2)))

        def body(i: Any, state: Any, results: Any) -> Any:
            result, state = step(given.read(i), state)
            return i + 1, state, results.write(i, result)

        start = (0, tf.zeros((x.shape[0], units)), tf.TensorArray(tf.float32, steps))
        _, state, results = tf.while_loop(lambda i, *_: i < steps, body, start)
        return state if last else tf.transpose(results.stack(), (1, 0, 2))

    return run


def dense(x: Any, state: Any) -> tuple[Any, Any]:
    state = tf.tanh(x @ tf.ones((2, 3)) * 0.1 + state @ tf.ones((3, 3)) * 0.1)
    return state, state


def by_channel(x: Any, state: Any) -> tuple[Any, Any]:
    state = x + 0.5 * state
    return state, state


def two_stage(x: Any, state: Any) -> tuple[Any, Any]:
    """A first state that feeds a second one, a step later."""
    first, second = tf.split(state, 2, 1)
    return second, tf.concat([x, second * 0.5 + first], 1)


def mixing_late(x: Any, state: Any) -> tuple[Any, Any]:
    """Channels are mixed by the state alone."""
    state = tf.tanh(x + state @ tf.ones((2, 2)))
    return state, state


def shifting(x: Any, state: Any) -> tuple[Any, Any]:
    """A delay line of three steps."""
    return state[:, 2:], tf.concat([x[:, :1], state[:, :2], x[:, 1:]], 1)


def without_memory(x: Any, state: Any) -> tuple[Any, Any]:
    return tf.cumsum(x, 1), x


def late(x: Any, state: Any) -> tuple[Any, Any]:
    """A result that sees all elements but its own."""
    return state, state + x


STEPS_OF = {
    "dense": (dense, 3),
    "channel by channel": (by_channel, 2),
    "in two stages": (two_stage, 4),
    "mixing late": (mixing_late, 2),
    "delayed": (shifting, 4),
    "without memory": (without_memory, 2),
    "a step late": (late, 2),
}


@pytest.mark.parametrize("last", [False, True], ids=["every result", "last state"])
@pytest.mark.parametrize("kind", STEPS_OF)
def test_recurrence(kind: str, last: bool) -> None:
    step, units = STEPS_OF[kind]
    assert_exact(recurrent(step, units, last=last), (2, 6, 2), steps=(0.3, -0.7))


@pytest.mark.parametrize("kind", STEPS_OF)
def test_recurrence_is_told_from_one_step(kind: str) -> None:
    step, units = STEPS_OF[kind]
    sizes = {
        length: len(record(captured(recurrent(step, units), (1, length, 2))).graph.nodes)
        for length in (5, 500)
    }
    assert sizes[5] == sizes[500]


def test_steps_that_differ_are_written_out() -> None:
    def run(x: Any) -> Any:
        given = tf.TensorArray(tf.float32, 6).unstack(x)

        def body(i: Any, state: Any, results: Any) -> Any:
            kept = tf.cast(i != 4, tf.float32)
            state = kept * state + given.read(i) * tf.one_hot(i, 6)
            return i + 1, state, results.write(i, state)

        start = (0, tf.zeros((6,)), tf.TensorArray(tf.float32, 6))
        return tf.while_loop(lambda i, *_: i < 6, body, start)[2].stack()

    found = traced(run, (6, 6))
    certain = changed(run, (6, 6), bases=1)
    assert not (certain & ~found.matrix).any()


@pytest.mark.parametrize("reads", [[0, 1, 2, 4, 3], [2, 2, 2, 2, 2], [0, 1, 2, 3, 4]], ids=str)
@pytest.mark.parametrize("writes", [[0, 1, 2, 4, 3], [0, 1, 2, 3, 4]], ids=str)
def test_elements_out_of_order(reads: list[int], writes: list[int]) -> None:
    def run(x: Any) -> Any:
        given = tf.TensorArray(tf.float32, 5, clear_after_read=False).unstack(x)

        def body(i: Any, state: Any, results: Any) -> Any:
            state = given.read(tf.gather(reads, i)) + state
            return i + 1, state, results.write(tf.gather(writes, i), state)

        start = (0, tf.zeros((2,)), tf.TensorArray(tf.float32, 5))
        return tf.while_loop(lambda i, *_: i < 5, body, start)[2].stack()

    assert_exact(run, (5, 2))


def test_recurrence_from_a_state_of_the_input() -> None:
    def run(x: Any) -> Any:
        given = tf.TensorArray(tf.float32, 5).unstack(x[1:])

        def body(i: Any, state: Any, results: Any) -> Any:
            state = given.read(i) + state
            return i + 1, state, results.write(i, state)

        start = (0, x[0], tf.TensorArray(tf.float32, 5))
        return tf.while_loop(lambda i, *_: i < 5, body, start)[2].stack()

    assert_exact(run, (6, 2))


def test_recurrence_that_looks_at_the_whole_input_too() -> None:
    def run(x: Any) -> Any:
        given = tf.TensorArray(tf.float32, 5).unstack(x)
        whole = tf.reduce_sum(x, 0)

        def body(i: Any, state: Any, results: Any) -> Any:
            state = given.read(i) + state
            return i + 1, state, results.write(i, state * whole)

        start = (0, tf.zeros((2,)), tf.TensorArray(tf.float32, 5))
        return tf.while_loop(lambda i, *_: i < 5, body, start)[2].stack()

    assert_exact(run, (5, 2))


def switched(predicate: Callable[[Any], Any], otherwise: Callable[[Any], Any]) -> Any:
    """A branch as TF1 graphs write it: a blur where the predicate holds."""

    def run(x: Any) -> Any:
        unmet, met = tf.raw_ops.Switch(data=x, pred=predicate(x))
        return tf.raw_ops.Merge(inputs=[otherwise(unmet), blurred(met)])[0]

    return run


def test_old_branch_by_a_constant() -> None:
    for holds, width in ((True, 3), (False, 1)):
        run = switched(lambda x, holds=holds: tf.constant(holds), lambda y: y * 2.0)
        found = traced(run, (1, 7, 1))
        assert found.exact
        assert found.matrix[3].sum() == width


def test_old_branch_by_the_input() -> None:
    found = traced(switched(lambda x: x[0, 0, 0] > 0, lambda y: y * 2.0), (1, 7, 1))
    assert found.matrix[4].tolist() == [True, False, False, True, True, True, False]
    assert any("the input decides which branch runs" in note for note in found.notes)


def test_old_branch_by_something_unknown() -> None:
    def coin(x: Any) -> Any:
        return tf.random.uniform(()) > 0.5

    found = traced(switched(coin, lambda y: y * 2.0), (1, 7, 1))
    assert found.matrix[4].sum() == 3
    assert not found.exact


def test_old_branch_that_is_constant_on_one_side_is_refused() -> None:
    run = switched(lambda x: x[0, 0, 0] > 0, lambda y: tf.ones((1, 7, 1)))
    assert_refused(run, (1, 7, 1), "Merge", "one of them is a constant")


def test_old_loops_are_refused() -> None:
    assert_refused(
        lambda x: tf.raw_ops.Enter(data=x, frame_name="loop"), (2,), "Enter", "a loop of TF1"
    )


def test_branch_by_something_unknown_counts_both_ways() -> None:
    def run(x: Any) -> Any:
        return tf.cond(tf.random.uniform(()) > 0.5, lambda: blurred(x), lambda: x)

    found = traced(run, (1, 6, 1))
    assert found.matrix[3].sum() == 3
    assert not found.exact
    assert any("which branch runs is not known" in note for note in found.notes)
