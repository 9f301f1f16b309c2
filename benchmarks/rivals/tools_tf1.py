"""Graphs of TensorFlow 1: the library of Araujo, Norris and Sim beside rfcore.

`tf.contrib.receptive_field` ended with TensorFlow 1 and Python 3.7, which has to read this file.
"""

from __future__ import annotations

import tensorflow as tf
import tf1_networks


def contrib(network, pixels):
    from tensorflow.contrib import layers, slim  # noqa: F401
    from tensorflow.contrib.slim import nets

    return contrib_on(*tf1_networks.build(tf, nets, network, pixels), [pixels, pixels])


def contrib_on(graph, image, output, resolution):
    from tensorflow.contrib import receptive_field

    graph_def = graph.as_graph_def()

    def action():
        found = receptive_field.compute_receptive_field_from_graph_def(
            graph_def, image.op.name, output.op.name, input_resolution=resolution
        )
        # It tells x, the horizontal one, first.
        told = {"size": found.size, "stride": found.stride, "padding": found.padding}
        return {key: [float(v) for v in values[::-1]] for key, values in told.items()}

    return action


def rfcore(network, pixels):
    from rfcore_answer import told
    from tf_slim import nets

    import rfcore

    graph, image, output = tf1_networks.build(tf.compat.v1, nets, network, pixels)
    graph_def = graph.as_graph_def()
    shape = tuple(image.shape[1:])

    def action():
        names = {"input": image.op.name, "output": output.op.name}
        return told(rfcore.estimate(graph_def, input_shape=shape, **names))

    return action


def own_trace(network, pixels):
    """TensorFlow's import of the graph, which infers every shape."""
    from tf_slim import nets

    graph, _, _ = tf1_networks.build(tf.compat.v1, nets, network, pixels)
    graph_def = graph.as_graph_def()

    def action():
        with tf.Graph().as_default():
            tf.import_graph_def(graph_def)

    return action
