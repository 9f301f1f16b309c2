"""The networks as graphs of TensorFlow 1, with variables of its own kind.

TF-slim's where it has them, under TensorFlow 1 from `contrib` and later from the package `tf_slim`.
Python 3.7 has to read this file.
"""

from __future__ import annotations

import keras_networks

__all__ = ["build"]

# The network, its argument for a trunk alone, and the end point asked about.
SLIM = {
    "VGG-16": ("vgg", "vgg_16", {}, "vgg_16/pool5"),
    "ResNet-50": ("resnet_v1", "resnet_v1_50", {"global_pool": False}, "resnet_v1_50/block4"),
    "InceptionV3": ("inception", "inception_v3_base", {}, "Mixed_7c"),
}


def build(tf, nets, name, pixels):
    """The graph, its input and its output."""
    graph = tf.Graph()
    with graph.as_default():
        image = tf.placeholder(tf.float32, (1, pixels, pixels, 3), name="image")
        if name in SLIM:
            output = slim_output(nets, name, image)
        else:
            # Graphs of TensorFlow 1 hold references to variables, those of Keras do not.
            output = keras_networks.WRITTEN_OUT[name](Layers(tf), image)
        return graph, image, tf.identity(output, name="answer")


def slim_output(nets, name, image):
    module, function, options, end_point = SLIM[name]
    network = getattr(getattr(nets, module), function)
    if module == "inception":
        return network(image, **options)[1][end_point]
    # Its VGG-16 has to have classes; they come after the end point.
    classes = 10 if module == "vgg" else None
    return network(image, classes, is_training=False, **options)[1][end_point]


class Layers:
    """What `keras_networks` asks of `keras.layers`, by the functions of TensorFlow 1."""

    def __init__(self, tf):
        self._tf = tf
        self._kernels = 0

    def _kernel(self, taps, channels, width):
        self._kernels += 1
        taps = taps if isinstance(taps, tuple) else (taps, taps)
        name = f"kernel_{self._kernels}"
        return self._tf.get_variable(name, (*taps, channels, width), use_resource=False)

    def Conv2D(self, width, taps, strides=1, padding="valid", dilation_rate=1, activation=None):  # noqa: N802
        nn = self._tf.nn

        def layer(x):
            kernel = self._kernel(taps, int(x.shape[-1]), width)
            steps = {"strides": [strides] * 2, "dilations": [dilation_rate] * 2}
            x = nn.convolution(x, kernel, padding.upper(), **steps)
            return getattr(nn, activation)(x) if activation else x

        return layer

    def Conv2DTranspose(self, width, taps, strides, padding="valid"):  # noqa: N802
        def layer(x):
            _, height, length, channels = (int(n) for n in x.shape)
            kernel = self._kernel(taps, width, channels)
            shape = (1, height * strides, length * strides, width)
            steps = [1, strides, strides, 1]
            return self._tf.nn.conv2d_transpose(x, kernel, shape, steps, padding.upper())

        return layer

    def MaxPooling2D(self, taps):  # noqa: N802
        window = [1, taps, taps, 1]
        return lambda x: self._tf.nn.max_pool(x, window, window, "VALID")

    def Concatenate(self):  # noqa: N802
        return lambda parts: self._tf.concat(parts, -1)

    def GlobalAveragePooling2D(self):  # noqa: N802
        return lambda x: self._tf.reduce_mean(x, [1, 2])

    def Reshape(self, shape):  # noqa: N802
        return lambda x: self._tf.reshape(x, (1, *shape))

    def Multiply(self):  # noqa: N802
        return lambda pair: pair[0] * pair[1]
