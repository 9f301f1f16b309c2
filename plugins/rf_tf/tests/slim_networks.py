"""Networks of TF-slim as plain graphs, as the receptive-field tools of TensorFlow 1 took them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import tensorflow as tf

__all__ = ["NETWORKS", "graph", "node"]


def _alexnet(image: Any) -> None:
    from tf_slim.nets import alexnet

    alexnet.alexnet_v2(image, is_training=False, spatial_squeeze=False)


def _vgg(image: Any) -> None:
    from tf_slim.nets import vgg

    vgg.vgg_16(image, is_training=False, spatial_squeeze=False)


def _inception(image: Any) -> None:
    from tf_slim.nets import inception

    inception.inception_v3_base(image)


def _resnet(image: Any) -> None:
    from tf_slim.nets import resnet_v1

    resnet_v1.resnet_v1_50(image, is_training=False)


NETWORKS: dict[str, Callable[[Any], None]] = {
    "alexnet_v2": _alexnet,
    "vgg_16": _vgg,
    "inception_v3": _inception,
    "resnet_v1_50": _resnet,
}


@cache
def graph(network: str) -> tf.Graph:
    """The network behind a placeholder whose sizes are open."""
    built = tf.Graph()
    with built.as_default(), warnings.catch_warnings():
        # TF-slim calls its layers in ways that TensorFlow has left behind.
        warnings.simplefilter("ignore")
        image = tf.compat.v1.placeholder(tf.float32, [1, None, None, 3], name="image")
        NETWORKS[network](image)
    return built


def node(network: str, feature_map: str) -> str:
    """The scope or op that a feature map of the published table is in the graph."""
    return f"InceptionV3/{feature_map}" if network == "inception_v3" else feature_map
