"""The PatchGAN discriminator, whose output judges overlapping patches."""

from torch import Tensor, nn


class PatchGAN(nn.Module):
    """4x4 convolutions with padding 1, `n_layers` of them strided: 16, 34, 70, 142, 286 pixels.

    Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks",
    CVPR 2017, section 6.2: the default is the 70x70 PatchGAN.

    Args:
        n_layers: number of convolutions of stride 2.
        width: channels of the first one (64 in the paper).
    """

    def __init__(self, n_layers: int = 3, *, width: int = 4) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)
        )
        channels = width
        for layer in range(1, n_layers + 1):
            in_channels, channels = channels, width * min(2**layer, 8)
            stride = 2 if layer < n_layers else 1
            self.model.append(
                nn.Conv2d(in_channels, channels, 4, stride=stride, padding=1, bias=False)
            )
            self.model.append(nn.BatchNorm2d(channels))
            self.model.append(nn.LeakyReLU(0.2, inplace=True))
        self.model.append(nn.Conv2d(channels, 1, 4, stride=1, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)
