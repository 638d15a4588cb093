"""Image-to-image translation: games of translators and critics, with pairs and without, and the nets that play them."""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "augmented": ["AugmentedCycleGAN"],
    "bricks": ["ConditionalBlock", "Images", "ReflectedConv", "instance_norm"],
    "codes": ["code_critic", "code_reader"],
    "cycle": ["CycleGAN"],
    "fine": ["FineGenerator"],
    "paired": ["Pix2Pix"],
    "points": ["PointNets", "point_critic", "point_generator"],
    "pool": ["ImagePool"],
    "published": ["patch_critic", "receptive_field", "resnet_generator", "unet_generator"],
    "small": ["SmallGenerator", "narrow_generator", "small_critic", "small_generator"],
    "translator": ["Translator"],
})  # fmt: skip
