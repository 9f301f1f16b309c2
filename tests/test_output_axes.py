"""Which axis of an output moves along which of the input, where the ops alone tell."""

from rfcore.graph import Elementwise, Graph, Input, Node, Reshape, Transpose, Window, WindowAxis

IMAGE = Node(Input(), (), (1, 9, 7, 3), "input")
FIRST = Node(Transpose((0, 3, 1, 2)), (0,), (1, 3, 9, 7), "channels first")
BLUR = Node(
    Window((WindowAxis(2, 3, low=1), WindowAxis(3, 3, low=1)), 1), (1,), (1, 3, 9, 7), "blur"
)
LAST = Node(Transpose((0, 2, 3, 1)), (2,), (1, 9, 7, 3), "channels last")


def test_axes_that_are_moved_there_and_back_are_in_place() -> None:
    graph = Graph((IMAGE, FIRST, BLUR, LAST))
    assert graph.keeps_axes_in_place(3)
    # On the way they are not.
    assert not graph.keeps_axes_in_place(1)
    assert not graph.keeps_axes_in_place(2)


def test_a_sum_of_what_was_moved_and_what_was_not_has_no_order() -> None:
    swapped = Node(Transpose((0, 2, 1, 3)), (0,), (1, 7, 9, 3), "swap")
    joined = Node(Elementwise(), (0, 1), (1, 9, 9, 3), "add")
    back = Node(Transpose((0, 1, 2, 3)), (2,), (1, 9, 9, 3), "none")
    assert not Graph((IMAGE, swapped, joined, back)).keeps_axes_in_place(3)


def test_the_same_move_on_all_paths_can_be_taken_back() -> None:
    other = Node(Elementwise(), (1,), (1, 3, 9, 7), "relu")
    joined = Node(Elementwise(), (2, 3), (1, 3, 9, 7), "add")
    back = Node(Transpose((0, 2, 3, 1)), (4,), (1, 9, 7, 3), "channels last")
    assert Graph((IMAGE, FIRST, BLUR, other, joined, back)).keeps_axes_in_place(5)


def test_a_reshape_may_move_anything() -> None:
    flat = Node(Reshape(), (0,), (1, 9, 21), "flat")
    assert not Graph((IMAGE, flat)).keeps_axes_in_place(1)
