"""Networks as other people wrote them: built from transformers' configs, random, no download.

Real depth, few channels; `width` restores the published ones. transformers is imported on use,
since it takes seconds.
"""

from torch import nn


def transformers_resnet50(*, width: int = 8) -> nn.Module:
    """Returns ResNet-50 v1.5, 427 / 32 / 213.

    Args:
        width: channels of the stem (64 as published).
    """
    from transformers import ResNetConfig, ResNetModel

    sizes = [width * factor for factor in (4, 8, 16, 32)]
    # Last feature map: `last_hidden_state`, the output of encoder.stages.3.
    return ResNetModel(ResNetConfig(embedding_size=width, hidden_sizes=sizes)).eval()


def transformers_convnext_tiny(*, width: int = 8) -> nn.Module:
    """Returns ConvNeXt-Tiny with layer scales of 1e-6, 1688 / 32 / 828.

    Args:
        width: channels of the stem (96 as published).
    """
    from transformers import ConvNextConfig, ConvNextModel

    sizes = [width * factor for factor in (1, 2, 4, 8)]
    # Last feature map: `last_hidden_state`, the output of encoder.stages.3.
    return ConvNextModel(ConvNextConfig(hidden_sizes=sizes)).eval()


def transformers_mobilenet_v2(*, depth_multiplier: float = 0.35) -> nn.Module:
    """Returns MobileNetV2 with PyTorch's padding, 491 / 32 / 245.

    Args:
        depth_multiplier: factor of all channels (1.0 as published), never below 8 channels.
    """
    from transformers import MobileNetV2Config, MobileNetV2Model

    config = MobileNetV2Config(
        tf_padding=False, depth_multiplier=depth_multiplier, finegrained_output=False
    )
    # Last feature map: `last_hidden_state`, the output of conv_1x1.
    return MobileNetV2Model(config).eval()


def transformers_wav2vec2_encoder(*, width: int = 8) -> nn.Module:
    """Returns wav2vec2's feature encoder with layer-norms, 400 / 320 / 0.

    Args:
        width: channels throughout (512 as published).
    """
    from transformers import Wav2Vec2Config
    from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2FeatureEncoder

    config = Wav2Vec2Config(feat_extract_norm="layer", conv_dim=[width] * 7)
    # Input (batch, samples), without channels; last feature map: the output, conv_layers.6.
    return Wav2Vec2FeatureEncoder(config).eval()


def transformers_swin_tiny(*, width: int = 24, image_size: int = 224) -> nn.Module:
    """Returns Swin-Tiny; its windows of 7 tokens lie still, so a stage has phases.

    encoder.layers.0 at 28x28 repeats every 7 outputs, 56 pixels: two shifted windows of tokens
    see 14 tokens, 56 pixels, and the one output in 7 that merges tokens of two sees 84.

    Args:
        width: channels of the stem, a multiple of 3 (96 as published).
        image_size: pixels per side; at 224 the last stage is one window, hence global.
    """
    from transformers import SwinConfig, SwinModel

    # Last feature map: `last_hidden_state` as tokens (batch, height * width, channels);
    # encoder.layers.3 gives (tokens, map (batch, channels, height, width), attention).
    return SwinModel(SwinConfig(embed_dim=width, image_size=image_size)).eval()


def transformers_vit(*, width: int = 48, image_size: int = 224) -> nn.Module:
    """Returns ViT-Base/16 in depth and heads: global from its first attention on.

    Args:
        width: channels, a multiple of 12 (768 as published).
        image_size: pixels per side, the only size that it accepts.
    """
    from transformers import ViTConfig, ViTModel

    config = ViTConfig(hidden_size=width, intermediate_size=4 * width, image_size=image_size)
    # Last feature map: `last_hidden_state` as tokens, a class token before 14 * 14 of 16 pixels.
    return ViTModel(config).eval()


def transformers_segformer() -> nn.Module:
    """Returns SegFormer's MiT-B0 encoder: global through attention to reduced keys."""
    from transformers import SegformerConfig, SegformerModel

    # Last feature map: `last_hidden_state` (batch, channels, height / 32, width / 32), stages.3.
    return SegformerModel(SegformerConfig()).eval()


def transformers_efficientnet_b0() -> nn.Module:
    """Returns EfficientNet-B0 with Keras' right-and-bottom padding on strided convolutions.

    Its local field is 851 / 32; the squeeze-and-excite gates make it global.
    """
    from transformers import EfficientNetConfig, EfficientNetModel

    config = EfficientNetConfig(
        width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280, image_size=224
    )
    # Last feature map: `last_hidden_state`, the output of encoder.top_activation.
    return EfficientNetModel(config).eval()
