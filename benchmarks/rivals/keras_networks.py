"""The networks in Keras, written so that TensorFlow 1.15, Keras 2 and Keras 3 all build them.

Keras is passed in: it is not the same module in each. Python 3.7 has to read this file.
"""

from __future__ import annotations

__all__ = ["axes_of", "build", "linearized"]

APPLICATIONS = {
    "VGG-16": "VGG16",
    "ResNet-50": "ResNet50",
    "MobileNet": "MobileNet",
    "InceptionV3": "InceptionV3",
    "DenseNet-121": "DenseNet121",
}


def build(keras, name: str, pixels: int):
    shape = (*[pixels] * axes_of(name), 3)
    if name in APPLICATIONS:
        network = getattr(keras.applications, APPLICATIONS[name])
        return network(weights=None, include_top=False, input_shape=shape)
    image = keras.layers.Input(shape, name="image")
    return keras.Model(image, WRITTEN_OUT[name](keras.layers, image))


def axes_of(name: str) -> int:
    return {"1-D": 1, "3-D": 3}.get(name, 2)


def double(layers, x, width: int):
    for _ in range(2):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    return x


def unet(layers, x):
    first = double(layers, x, 16)
    second = double(layers, layers.MaxPooling2D(2)(first), 32)
    third = double(layers, layers.MaxPooling2D(2)(second), 64)
    up = layers.Conv2DTranspose(32, 2, strides=2)(third)
    second = double(layers, layers.Concatenate()([second, up]), 32)
    up = layers.Conv2DTranspose(16, 2, strides=2)(second)
    return double(layers, layers.Concatenate()([first, up]), 16)


def dilated(layers, x):
    for rate in (1, 2, 4, 8):
        x = layers.Conv2D(16, 3, padding="same", dilation_rate=rate, activation="relu")(x)
    return x


def one_dimension(layers, x):
    x = layers.Conv1D(8, 5, strides=2, activation="relu")(x)
    return layers.Conv1D(8, 3)(x)


def unequal(layers, x):
    return layers.Conv2D(8, (3, 5), strides=2)(x)


def three_dimensions(layers, x):
    return layers.Conv3D(8, (1, 3, 3), padding="same")(x)


def branches(layers, x):
    paths = [layers.Conv2D(8, taps, padding="same")(x) for taps in (3, 7)]
    return layers.Concatenate()(paths)


def transposed(layers, x):
    return layers.Conv2DTranspose(8, 4, strides=2, padding="same")(x)


def squeeze_excite(layers, x):
    x = layers.Conv2D(8, 3, padding="same")(x)
    gate = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(x))
    return layers.Multiply()([x, layers.Conv2D(8, 1, activation="sigmoid")(gate)])


WRITTEN_OUT = {
    "U-Net": unet,
    "dilated stack": dilated,
    "1-D": one_dimension,
    "unequal axes": unequal,
    "3-D": three_dimensions,
    "two branches": branches,
    "transposed": transposed,
    "squeeze-excite": squeeze_excite,
}


def linearized(keras, model):
    """The network as gradient tools want it: linear, averaging, with constant positive weights."""
    layers = keras.layers

    def changed(layer):
        config = layer.get_config()
        if isinstance(layer, layers.MaxPooling2D):
            return layers.AveragePooling2D.from_config(config)
        if isinstance(layer, layers.ReLU):
            return layers.Activation("linear", name=layer.name)
        if config.get("activation") not in (None, "linear"):
            config["activation"] = "linear"
        return layer.__class__.from_config(config)

    linear = keras.models.clone_model(model, clone_function=changed)
    for layer in linear.layers:
        if hasattr(layer, "kernel") or hasattr(layer, "depthwise_kernel"):
            depthwise = hasattr(layer, "depthwise_kernel")
            layer.set_weights([constant(weights, depthwise) for weights in layer.get_weights()])
    return linear


def constant(weights, depthwise):
    """Taps whose sum for one output is near 1, so that depth neither over- nor underflows them."""
    if weights.ndim == 1:
        return weights * 0
    taps = weights.shape[0] * weights.shape[1] if depthwise else weights[..., 0].size
    return weights * 0 + 1 / taps
