"""What the TensorFlow backend says to what it cannot measure, and what to type instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import rfcore
from rf_tf.errors import (
    HeldInputError,
    InputKindError,
    NoSessionError,
    NotAModelError,
    SavedModelError,
    SeveralInputsError,
    SeveralPlaceholdersError,
    SeveralSignaturesError,
    SeveralTracesError,
    UnbuiltModelError,
    UnknownInputError,
)
from rfcore.errors import (
    AmbiguousOutputError,
    BackendCapabilityError,
    InputShapeError,
    LayoutError,
    ModelError,
    OptionError,
    RfcoreError,
    TruncatedFieldError,
    UnknownBackendError,
    UnknownLayerError,
)
from rfcore.testing.refusals import refusal_with_way_out
from tf_chains import SHAPE, Chain, TracedChain, plain_graph


def function(*signature: Any) -> Any:
    return tf.function(lambda *given: given[0] * 1.0, input_signature=signature)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda folder: folder / "nowhere", "there is nothing"),
        (lambda folder: folder, "no saved_model.pb"),
        (lambda folder: _written(folder / "weights.h5", b""), "it is a file"),
        (lambda folder: _written(folder / "saved_model.pb", b"junk").parent, "does not load"),
    ],
    ids=["missing", "empty folder", "file", "damaged"],
)
def test_path_that_is_no_saved_model(make: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SavedModelError, match=problem) as caught:
        rfcore.estimate(str(make(tmp_path)), backend="tf")
    assert "saved_model.pb" in caught.value.hint


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_several_signatures_are_named(tmp_path: Path) -> None:
    model = TracedChain()
    large, small = (
        model.__call__.get_concrete_function(tf.TensorSpec([None, n, n, 3])) for n in (64, 32)
    )
    tf.saved_model.save(model, str(tmp_path), signatures={"large": large, "small": small})
    with pytest.raises(SeveralSignaturesError, match="'large', 'small'") as caught:
        rfcore.estimate(tmp_path)
    assert "model.signatures['large']" in caught.value.hint
    loaded = tf.saved_model.load(str(tmp_path))
    with pytest.raises(SeveralSignaturesError):
        rfcore.estimate(loaded)
    assert rfcore.estimate(loaded.signatures["small"]).input_shape == (32, 32)


def test_several_traces_of_a_restored_function(tmp_path: Path) -> None:
    model = TracedChain()
    for n in (64, 32):
        model.__call__.get_concrete_function(tf.TensorSpec([None, n, n, 3]))
    tf.saved_model.save(model, str(tmp_path))
    with pytest.raises(SeveralTracesError, match=r"\[1\]"):
        rfcore.estimate(tmp_path, input_shape=SHAPE)


def test_saved_model_that_cannot_be_called(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(NotAModelError, match="no signature"):
        rfcore.estimate(tmp_path)


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (tf.TensorSpec([None], tf.string), "a tensor of strings"),
        (tf.RaggedTensorSpec([None, None, 3]), "a RaggedTensor"),
        (tf.SparseTensorSpec([4, 8, 3]), "a SparseTensor"),
    ],
    ids=["strings", "ragged", "sparse"],
)
def test_inputs_that_are_no_dense_tensors(spec: Any, kind: str) -> None:
    model = tf.function(lambda x: x, input_signature=[spec])
    with pytest.raises(InputKindError, match=kind):
        rfcore.estimate(model)


def test_graph_of_strings() -> None:
    with tf.Graph().as_default() as graph:
        tf.io.decode_jpeg(tf.compat.v1.placeholder(tf.string, [], name="jpeg"))
    with pytest.raises(InputKindError, match="'jpeg'"):
        rfcore.estimate(graph)


@pytest.mark.parametrize("shape", [[None, None, 32, 3], None], ids=["open length", "open rank"])
def test_size_that_stays_unknown(shape: Any) -> None:
    with pytest.raises(InputShapeError, match="a size stays unknown") as caught:
        rfcore.estimate(function(tf.TensorSpec(shape)))
    assert "input_shape=(224, " in caught.value.hint


def test_plain_function_needs_an_input_shape() -> None:
    with pytest.raises(InputShapeError, match="is needed"):
        rfcore.estimate(Chain())


@pytest.mark.parametrize("shape", [(33, 32, 3), (32, 32, 1), (32, 3), (32, 32, 32, 3)], ids=str)
def test_input_shape_that_does_not_fit_the_signature(shape: tuple[int, ...]) -> None:
    model = function(tf.TensorSpec([None, 32, 32, 3]))
    with pytest.raises(InputShapeError, match=r"does not fit the input 'given_0'"):
        rfcore.estimate(model, input_shape=shape)


def test_layout_of_another_rank_than_the_signature() -> None:
    with pytest.raises(LayoutError, match="the input 'given_0' has the shape"):
        rfcore.estimate(function(tf.TensorSpec([None, 32, 32, 3])), layout="NWC")


def test_input_that_does_not_fit_the_ops() -> None:
    with pytest.raises(ModelError, match=r"Depth of input|Dimensions must be equal") as caught:
        rfcore.estimate(Chain(), input_shape=(64, 64, 5))
    assert caught.value.__cause__ is not None


def test_unknown_nodes_bring_the_nearest() -> None:
    graph = plain_graph(use_resource=False)
    with pytest.raises(UnknownLayerError) as caught:
        rfcore.estimate(graph, input_shape=SHAPE, output="stem/Rulu")
    assert "stem/Relu" in caught.value.nearest
    with pytest.raises(UnknownInputError, match="'imag'") as unknown:
        rfcore.estimate(graph, input_shape=SHAPE, input="imag")
    assert unknown.value.hint == "did you mean input='image'?"


def test_graph_without_one_placeholder() -> None:
    with tf.Graph().as_default() as graph:
        one, other = (tf.compat.v1.placeholder(tf.float32, [1, 8, 8, 1], n) for n in "ab")
        tf.add(one, other)
    with pytest.raises(SeveralPlaceholdersError, match="'a', 'b'"):
        rfcore.estimate(graph)
    assert rfcore.estimate(graph, input="b").size == (1, 1)
    with pytest.raises(SeveralPlaceholdersError, match="no placeholder"):
        rfcore.estimate(tf.Graph())


@pytest.mark.parametrize("name", ["other", 7, -1])
def test_unknown_input(name: str | int) -> None:
    with pytest.raises(UnknownInputError):
        rfcore.estimate(function(tf.TensorSpec([1, 8, 8, 3])), input=name)


def test_input_that_is_no_name() -> None:
    with pytest.raises(OptionError):
        rfcore.estimate(Chain(), input=True, input_shape=SHAPE)


def test_other_inputs_of_unknown_shape() -> None:
    one = tf.TensorSpec([None, 8, 8, 3], name="image")
    other = tf.TensorSpec([None, None, 3], name="tokens")
    with pytest.raises(HeldInputError, match="'tokens'") as caught:
        rfcore.estimate(function(one, other))
    assert "lambda" in caught.value.hint


def test_several_inputs_without_a_signature() -> None:
    with pytest.raises(SeveralInputsError, match="image, mask"):
        rfcore.estimate(tf.function(lambda image, mask: image * mask), input_shape=SHAPE)


def test_module_that_was_never_called_is_not_built_by_measuring_it() -> None:
    class Lazy(tf.Module):
        kernel = None

        def __call__(self, image: Any) -> Any:
            if self.kernel is None:
                self.kernel = tf.Variable(tf.ones([3, 3, 3, 2]), name="kernel")
            return tf.nn.conv2d(image, self.kernel, 1, "SAME")

    model = Lazy()
    with pytest.raises(UnbuiltModelError, match="'kernel'"):
        rfcore.estimate(model, input_shape=SHAPE)
    assert model.kernel is None
    model(tf.zeros([1, 8, 8, 3]))
    assert rfcore.estimate(model, input_shape=SHAPE).size == (3, 3)


def test_keras_2_model_that_was_never_built() -> None:
    keras = pytest.importorskip("tf_keras")
    model = keras.Sequential([keras.layers.Conv2D(2, 3)])
    with pytest.raises(NotAModelError, match="never built") as caught:
        rfcore.estimate(model, input_shape=SHAPE)
    assert "model.build(" in caught.value.hint


@pytest.mark.parametrize(
    ("model", "problem"),
    [(5, "not callable"), (tf.Module(), "not callable"), (Chain, "the class Chain")],
    ids=["a number", "a module without a call", "a class"],
)
def test_what_is_no_model(model: Any, problem: str) -> None:
    with pytest.raises(NotAModelError, match=problem):
        rfcore.estimate(model, backend="tf", input_shape=SHAPE)


def test_methods_are_named_where_a_module_has_no_call() -> None:
    class Served(tf.Module):
        @tf.function
        def features(self, image: Any) -> Any:
            return image

    with pytest.raises(NotAModelError) as caught:
        rfcore.estimate(Served(), input_shape=SHAPE)
    assert "model.features" in caught.value.hint


def test_graph_of_one_size_whose_field_is_larger() -> None:
    @tf.function(input_signature=[tf.TensorSpec([1, 8, 8, 1])])
    def forward(image: Any) -> Any:
        rows = tf.reshape(image, [64])
        image = tf.reshape(rows, [1, 8, 8, 1])
        for _ in range(5):
            image = tf.nn.avg_pool2d(image, 3, 1, "SAME")
        return image

    with pytest.raises(TruncatedFieldError):
        rfcore.estimate(forward)


def test_gradient_of_a_graph_needs_its_session() -> None:
    graph = plain_graph(use_resource=False)
    with pytest.raises(NoSessionError, match="first") as caught:
        rfcore.estimate(graph, input_shape=SHAPE, method="gradient")
    assert "with session:" in caught.value.hint
    with tf.compat.v1.Session(graph=graph), pytest.raises(NoSessionError):
        rfcore.estimate(graph, input_shape=SHAPE, method="gradient")


def test_gradient_of_whole_numbers() -> None:
    model = tf.function(lambda image: tf.cast(image > 0.5, tf.int32))
    with pytest.raises(BackendCapabilityError, match="int32"):
        rfcore.estimate(model, input_shape=SHAPE, method="gradient")


def two_outputs(image: Any) -> tuple[Any, Any]:
    return image, 2 * image


WAYS_OUT: dict[str, tuple[Any, dict[str, Any], type[RfcoreError]]] = {
    "misspelt node": (plain_graph(use_resource=False), {"output": "steam"}, UnknownLayerError),
    "misspelt input": (plain_graph(use_resource=False), {"input": "imag"}, UnknownInputError),
    "input that is no name": (Chain(), {"input": 2.5}, OptionError),
    "no batch in the layout": (Chain(), {"layout": "HWC"}, LayoutError),
    "plain function": (lambda image: image + 1.0, {"backend": "ft"}, UnknownBackendError),
    "several outputs": (tf.function(two_outputs), {}, AmbiguousOutputError),
    "whole numbers": (
        tf.function(lambda image: tf.cast(image > 0.5, tf.int32)),
        {"method": "gradient"},
        BackendCapabilityError,
    ),
}


@pytest.mark.parametrize(("model", "options", "error"), WAYS_OUT.values(), ids=WAYS_OUT)
def test_the_way_out_works_when_it_is_typed(
    model: Any, options: dict[str, Any], error: type[RfcoreError]
) -> None:
    told = refusal_with_way_out(model, **{"input_shape": SHAPE, **options})
    assert type(told) is error
