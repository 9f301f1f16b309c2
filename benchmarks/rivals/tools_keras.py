"""How each tool for Keras is asked, and what TensorFlow itself takes at the least.

Some of these run on Python 3.7, so this file has to be read by it.
"""

from __future__ import annotations

import keras_networks
import tensorflow as tf


def loaded(network, pixels):
    """The network in the Keras that this TensorFlow brings along, which is its users' Keras."""
    return keras_networks.build(tf.keras, network, pixels)


def image(network, pixels):
    return tf.zeros((1, *[pixels] * keras_networks.axes_of(network), 3))


def rfcore(network, pixels):
    from rfcore_answer import estimated

    model = loaded(network, pixels)
    return estimated(model, tuple(model.inputs[0].shape[1:]))


def own_trace(network, pixels):
    model = loaded(network, pixels)
    spec = tf.TensorSpec(model.inputs[0].shape[1:], tf.float32)
    spec = tf.TensorSpec((1, *spec.shape), tf.float32)

    def action():
        tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)

    return action


def forward(network, pixels):
    """A call of the compiled model; what its first call costs, the tracing, is not in it."""
    model = loaded(network, pixels)
    compiled = tf.function(lambda x: model(x, training=False))
    x = image(network, pixels)

    def action():
        compiled(x).numpy()

    return action


def forward_and_backward(network, pixels):
    model = loaded(network, pixels)
    x = image(network, pixels)

    @tf.function
    def compiled(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(model(x, training=False))
        return tape.gradient(total, x)

    def action():
        compiled(x).numpy()

    return action


def receptivefield(network, pixels):
    return _receptivefield(loaded(network, pixels), pixels)


def receptivefield_linear(network, pixels):
    return _receptivefield(keras_networks.linearized(tf.keras, loaded(network, pixels)), pixels)


def _receptivefield(model, pixels):
    from receptivefield.keras import KerasReceptiveField
    from receptivefield.types import ImageShape

    names = model.layers[0].name, model.layers[-1].name

    def action():
        # It asks for a function that makes the model; what making it costs is not counted.
        tool = KerasReceptiveField(lambda shape: model)
        (found,) = tool.compute(ImageShape(pixels, pixels, 3), names[0], [names[1]])
        # What it calls width is the first axis of the image here, as in the shapes it takes.
        told = {"size": found.rf.size, "stride": found.rf.stride, "offset": found.rf.offset}
        return {key: [float(value) for value in values] for key, values in told.items()}

    return action


def rfa_toolbox(network, pixels):
    from rfa_toolbox import create_graph_from_tensorflow_model

    model = loaded(network, pixels)

    def action():
        last = create_graph_from_tensorflow_model(model)
        told = {"size": last.receptive_field_max, "stride": last.get_maximum_scale_factor()}
        return {key: _listed(value) for key, value in told.items()}

    return action


def _listed(value):
    return [float(v) for v in value] if isinstance(value, (tuple, list)) else [float(value)]


def contrib(network, pixels):
    """The library of Araujo, Norris and Sim, on a graph that TensorFlow 1's own Keras wrote."""
    from tools_tf1 import contrib_on

    graph = tf.Graph()
    with graph.as_default():
        tf.keras.backend.set_learning_phase(0)
        model = loaded(network, pixels)
    return contrib_on(graph, model.inputs[0], model.outputs[0], [pixels, pixels])
