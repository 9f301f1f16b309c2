"""How long a ResNet-50's exact field takes beside the framework's own trace of it.

A scan of all its layers is held against one estimate, and its effective field against the bare
passes, in `effective.py`.

Run it with `nox -s bench`, or `nox -s bench -- jax` for one framework. Each framework has a process
of its own, and Keras runs on it too.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from effective import effective_fields, keras_resnet50
from pairs import PAIRS, Measurement, paired, seconds, show

import rfcore
import rfcore.layers
from rfcore.plugins import find_backend
from rfcore.traces import TraceSet
from rfcore.walk import Walker, one_hot

TRACE_LIMIT = {"torch": 2.5, "jax": 2.5, "tensorflow": 4.0}
WALK_LIMIT = 0.15
SCAN_LIMIT = 2
# Seconds for a network of 700 modules or more.
DEEP_LIMIT, DEEP_RUNS, DEEP_LAYERS = 10, 3, 700
CHAIN_LAYERS = 10
CHAIN_FIELDS = (1_001, 10_001, 100_001)


@dataclass(frozen=True)
class Subject:
    """A network, how the framework itself traces it, and what the answer has to be."""

    name: str
    model: Any
    input_shape: tuple[int, ...]
    own_trace: Callable[[], object]
    size: int
    options: dict[str, Any] = field(default_factory=dict)

    def estimate(self) -> None:
        found = rfcore.estimate(self.model, input_shape=self.input_shape, **self.options)
        if found.size != (self.size, self.size):
            raise AssertionError(f"{self.name} was measured as {found.size}, not {self.size}")

    def scan(self) -> None:
        options = {key: self.options[key] for key in self.options if key != "output"}
        found = rfcore.scan(self.model, input_shape=self.input_shape, **options)
        if not any(row.field and row.field.size == (self.size, self.size) for row in found.rows):
            raise AssertionError(f"no layer of {self.name} has a field of {self.size}")


def torch_subjects() -> Iterator[Subject]:
    from transformers import ResNetConfig, ResNetModel

    shape = (3, 224, 224)
    model = ResNetModel(ResNetConfig()).eval()
    options = {"output": "encoder.stages.3"}
    yield Subject("transformers", model, shape, lambda: fake_forward(model, shape), 427, options)
    trunk = keras_resnet50()
    yield Subject(
        "Keras on torch", trunk, (224, 224, 3), lambda: fake_forward(trunk, (224, 224, 3)), 483
    )


def fake_forward(model: Any, shape: tuple[int, ...]) -> None:
    """PyTorch's own shape propagation: the least that any trace costs."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        model(torch.empty(1, *shape))


def jax_subjects() -> Iterator[Subject]:
    import haiku as hk
    import jax

    image = jax.ShapeDtypeStruct((1, 224, 224, 3), "float32")

    def network(is_training: bool) -> Any:
        return hk.transform_with_state(lambda x: hk.nets.ResNet50(10)(x, is_training))

    # Haiku makes the moving averages of its normalizations in training mode only.
    shapes = jax.eval_shape(network(True).init, jax.random.key(0), image)
    parameters, state = jax.tree.map(lambda leaf: jax.numpy.ones(leaf.shape, leaf.dtype), shapes)

    def haiku(x: Any) -> Any:
        return network(False).apply(parameters, state, None, x)[0]

    shape = (224, 224, 3)
    options = {"backend": "jax", "output": HAIKU_LAST_MAP}
    yield Subject("haiku", haiku, shape, lambda: fresh_jaxpr(haiku, image), 427, options)
    trunk = keras_resnet50()

    def forward(x: Any) -> Any:
        return trunk(x, training=False)

    yield Subject("Keras on JAX", trunk, shape, lambda: fresh_jaxpr(forward, image), 483)


HAIKU_LAST_MAP = "res_net50/~/block_group_3"


def fresh_jaxpr(function: Callable[[Any], Any], image: Any) -> Any:
    """JAX's own trace, as a first call pays for it: a function that was traced is remembered."""
    import jax

    return jax.make_jaxpr(lambda x: function(x))(image)


def tensorflow_subjects() -> Iterator[Subject]:
    import tensorflow as tf

    image = tf.TensorSpec((1, 224, 224, 3), tf.float32)
    trunk = keras_resnet50()

    def forward(x: Any) -> Any:
        return trunk(x, training=False)

    def own_trace() -> object:
        return tf.function(forward).get_concrete_function(image)

    yield Subject("Keras on TensorFlow", trunk, (224, 224, 3), own_trace, 483)
    yield Subject(
        "tf.function", tf.function(forward, input_signature=[image]), (224, 224, 3), own_trace, 483
    )


def deep_network(framework: str) -> tuple[Any, tuple[int, ...]]:
    """A network of more than 700 modules, and its input."""
    if framework == "torch":
        from transformers import ResNetConfig, ResNetModel

        return ResNetModel(ResNetConfig(depths=[3, 8, 36, 3])).eval(), (3, 224, 224)
    from keras.applications import DenseNet201

    return DenseNet201(weights=None, include_top=False), (224, 224, 3)


def deep_scan(framework: str) -> Measurement:
    """A scan of such a network, in seconds."""
    model, shape = deep_network(framework)
    rows = len(rfcore.scan(model, input_shape=shape).rows)
    if rows < DEEP_LAYERS:
        raise AssertionError(f"{type(model).__name__} has {rows} rows only")
    times = [seconds(lambda: rfcore.scan(model, input_shape=shape)) for _ in range(DEEP_RUNS)]
    return Measurement(f"scan of {rows} rows", times, DEEP_LIMIT, "s")


SUBJECTS = {"torch": torch_subjects, "jax": jax_subjects, "tensorflow": tensorflow_subjects}


def walks(subject: Subject) -> Measurement:
    """The walks that find the field, one per axis on the larger trace, in seconds."""
    backend = find_backend(subject.model, subject.options.get("backend"))
    spec = backend.input_spec(subject.model, subject.input_shape, None, None)
    traces = TraceSet(backend, subject.model, spec)
    address = traces.address(subject.options.get("output"))
    comparison = traces.compare(address, traces.growths(address)[0][0], 0)
    assert comparison is not None
    graph, node = comparison.large.graph, comparison.node
    walker = Walker(graph, comparison.alignment.elastic)
    shape = graph.nodes[node].shape
    masks = [
        one_hot(shape, [dim], [[shape[dim] // 2 + step] for step in range(6)]) for dim in spec.axes
    ]
    times = [
        seconds(lambda: [walker.influence(node, mask) for mask in masks]) for _ in range(PAIRS)
    ]
    return Measurement(f"{subject.name}: the walks", times, WALK_LIMIT, "s")


def estimate_chain(field_size: int) -> Callable[[], None]:
    """A 1-D chain with that field: the number of layers is fixed and their dilation grows."""
    dilation = (field_size - 1) // (2 * CHAIN_LAYERS)
    chain = [
        rfcore.layers.Convolution(3, padding=dilation, dilation=dilation)
        for _ in range(CHAIN_LAYERS)
    ]

    def action() -> None:
        found = rfcore.estimate(chain, input_shape=(3 * field_size,))
        if found.size != (field_size,):
            raise AssertionError(f"the chain of field {field_size} was measured as {found.size}")

    return action


def growth_with_field_size() -> Iterator[Measurement]:
    """Each field is ten times the one before; so may the time be, but no more."""
    for small, large in pairwise(CHAIN_FIELDS):
        name = f"1-D chain, field {large:,} / field {small:,}"
        yield paired(name, estimate_chain(large), estimate_chain(small), 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("framework", choices=[*SUBJECTS, "core"])
    framework = parser.parse_args().framework
    os.environ["KERAS_BACKEND"] = framework
    found = []
    if framework == "core":
        found += growth_with_field_size()
    else:
        for subject in SUBJECTS[framework]():
            name = f"{subject.name}: estimate / own trace"
            limit = TRACE_LIMIT[framework]
            found.append(paired(name, subject.estimate, subject.own_trace, limit))
            found.append(walks(subject))
            found.append(
                paired(
                    f"{subject.name}: scan / estimate", subject.scan, subject.estimate, SCAN_LIMIT
                )
            )
        found.append(deep_scan(framework))
        found += effective_fields(framework)
    show(f"{framework}, ResNet-50 at 224, {PAIRS} alternating pairs or fewer", found)


if __name__ == "__main__":
    main()
