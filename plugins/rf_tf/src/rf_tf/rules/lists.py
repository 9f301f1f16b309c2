"""TensorLists, which TensorArrays are made of: followed element by element, at known places."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from rf_tf.call import Call, Rule
from rf_tf.constants import Constant, UnknownValueError
from rf_tf.folding import Array
from rf_tf.rules.rearranging import concatenated
from rf_tf.values import Slice, TensorList, Value

__all__ = ["RULES", "passed_on", "unlisted"]

LONGEST_LIST = 1 << 16


def _list(call: Call, number: int = 0) -> TensorList:
    found = call.value(number)
    if not isinstance(found, TensorList):
        raise call.refused("what its list holds is not known")
    return found


def _place(call: Call, number: int, length: int) -> int:
    place = call.integers(number)[0]
    if not 0 <= place < length:
        raise call.refused(f"it reaches for element {place} of a list of {length}")
    return place


def passed_on(call: Call) -> list[Value]:
    """A copy of a list, or of several values some of which are lists."""
    return [call.value(number) for number in range(len(call.op.outputs))]


def unlisted(call: Call) -> Value:
    """An op that is not known to take a list."""
    raise call.refused("it has no rule for lists of tensors")


def reserved(call: Call) -> TensorList:
    """A list of a known length, nothing in it."""
    (count,) = call.integers(1)
    if count > LONGEST_LIST:
        raise call.refused(f"its list has {count} elements")
    return TensorList((None,) * max(count, 0))


def empty(call: Call) -> TensorList:
    """A list that grows."""
    return TensorList(())


def taken_apart(call: Call) -> TensorList:
    """The slices of the first axis."""
    value = call.value(0)
    length = call.source_shape(0)[0]
    if length > LONGEST_LIST:
        raise call.refused(f"its list has {length} elements")
    whole = value if isinstance(value, int) else call.constant(0)
    return TensorList(tuple(Slice(whole, index) for index in range(length)))


def _taken(call: Call, element: Slice) -> Value:
    """A slice as a value of its own."""
    whole, index = element.whole, element.index
    if isinstance(whole, Constant):
        return Constant(lambda: np.asarray(whole.array()[index]), lambda: whole.is_random)
    part = call.taps(whole, 0, np.array([index]))
    return call.builder.reshape(part, call.builder.shape(whole)[1:], call.name)


def put(call: Call) -> TensorList:
    """One element replaced."""
    elements = list(_list(call).elements)
    place = call.integers(1)[0]
    if place >= len(elements) and call.attr_or("resize_if_index_out_of_bounds", False):
        elements += [None] * (place + 1 - len(elements))
    elements[_place(call, 1, len(elements))] = call.value(2)
    return TensorList(tuple(elements))


def pushed(call: Call) -> TensorList:
    """One element more."""
    return TensorList((*_list(call).elements, call.value(1)))


def popped(call: Call) -> list[Value]:
    """One element less, and that element."""
    elements = _list(call).elements
    if not elements:
        raise call.refused("its list is empty")
    return [TensorList(elements[:-1]), _present(call, elements[-1])]


def got(call: Call) -> Value:
    """One element."""
    elements = _list(call).elements
    return _present(call, elements[_place(call, 1, len(elements))])


def _present(call: Call, element: Value | None) -> Value:
    """An element; one that was never written is zero."""
    if isinstance(element, Slice):
        return _taken(call, element)
    if element is not None:
        return element
    tensor = call.op.outputs[-1]

    def zeros() -> Array:
        if not tensor.shape.is_fully_defined():
            raise UnknownValueError("it is an element of a list that was never written")
        return np.zeros(tensor.shape.as_list(), tensor.dtype.as_numpy_dtype)

    return Constant(zeros)


def stacked(call: Call) -> Value:
    """All elements along a new first axis."""
    elements = _list(call).elements
    first = elements[0] if elements else None
    if isinstance(first, Slice) and isinstance(first.whole, int):
        whole = first.whole
        every = tuple(Slice(whole, i) for i in range(call.builder.shape(whole)[0]))
        if elements == every:
            return whole
    return _along_new_axis(call, elements)


def _along_new_axis(call: Call, elements: tuple[Value | None, ...]) -> Value:
    taken = [_taken(call, e) if isinstance(e, Slice) else e for e in elements]
    nodes = [element if isinstance(element, int) else None for element in taken]
    known = [node for node in nodes if node is not None]
    if not known:
        return _stack_of(call, tuple(taken))
    shape = call.builder.shape(known[0])
    single = [
        None if node is None else call.builder.reshape(node, (1, *shape), call.name)
        for node in nodes
    ]
    return concatenated(call, single, [1] * len(single), 0, (len(single), *shape))


def _stack_of(call: Call, elements: tuple[Value | None, ...]) -> Constant:
    present = [_present_in_stack(call, element) for element in elements]
    return Constant(
        lambda: np.stack([element.array() for element in present]),
        lambda: any(element.is_random for element in present),
    )


def _present_in_stack(call: Call, element: Value | None) -> Constant:
    if isinstance(element, Constant):
        return element

    def zeros() -> Array:
        shape: tf.TensorShape = call.op.outputs[0].shape
        if not shape.is_fully_defined():
            raise UnknownValueError("it is an element of a list that was never written")
        return np.zeros(shape.as_list()[1:], call.op.outputs[0].dtype.as_numpy_dtype)

    return Constant(zeros)


def gathered(call: Call) -> Value:
    """Some elements along a new first axis."""
    elements = _list(call).elements
    return _along_new_axis(call, tuple(elements[i] for i in call.integers(1)))


def joined(call: Call) -> list[Value | None]:
    """All elements one after the other along their first axis."""
    elements = [_taken(call, e) if isinstance(e, Slice) else e for e in _list(call).elements]
    nodes = [element if isinstance(element, int) else None for element in elements]
    if not elements or any(node is None for node in nodes):
        raise call.refused("some elements of its list are constants")
    shapes = [call.builder.shape(node) for node in nodes if node is not None]
    lengths = [shape[0] for shape in shapes]
    whole = concatenated(call, nodes, lengths, 0, (sum(lengths), *shapes[0][1:]))
    return [whole, None]


def scattered(call: Call) -> TensorList:
    """The slices of the first axis, at places of a list."""
    places = call.integers(1)
    value = call.value(0)
    whole = value if isinstance(value, int) else call.constant(0)
    elements: list[Value | None] = [None] * (max(places, default=-1) + 1)
    if len(call.inputs) > 3:
        elements += [None] * (call.integers(3)[0] - len(elements))
    for i, place in enumerate(places):
        elements[place] = Slice(whole, i)
    return TensorList(tuple(elements))


def counted(call: Call) -> Constant:
    """How long a list is."""
    length = len(_list(call).elements)
    return Constant(lambda: np.asarray(length, np.int32))


def element_shape(call: Call) -> Constant:
    """The shape of a list's elements."""
    shapes: list[tuple[int, ...]] = []
    for element in _list(call).elements:
        if isinstance(element, int):
            shapes.append(call.builder.shape(element))
        elif isinstance(element, Slice) and isinstance(element.whole, int):
            shapes.append(call.builder.shape(element.whole)[1:])
    if not shapes:
        raise call.refused("the shape of its list's elements is not known")
    kind = call.op.outputs[0].dtype.as_numpy_dtype
    return Constant(lambda: np.asarray(shapes[0], kind))


RULES: dict[str, Rule] = {
    "TensorListReserve": reserved,
    "EmptyTensorList": empty,
    "TensorListFromTensor": taken_apart,
    "TensorListSetItem": put,
    "TensorListPushBack": pushed,
    "TensorListPopBack": popped,
    "TensorListGetItem": got,
    "TensorListStack": stacked,
    "TensorListGather": gathered,
    "TensorListConcat": joined,
    "TensorListConcatV2": joined,
    "TensorListScatter": scattered,
    "TensorListScatterV2": scattered,
    "TensorListLength": counted,
    "TensorListElementShape": element_shape,
}
