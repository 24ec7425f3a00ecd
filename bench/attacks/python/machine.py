"""What the peers are."""

import importlib.metadata
import sys

PACKAGES = [
    "torch",
    "numpy",
    "foolbox",
    "adversarial-robustness-toolbox",
    "torchattacks",
    "pyautoattack",
    "adv-lib",
]


def versions():
    """Imports every peer, so that one that is broken is known at once."""
    import art.attacks.evasion
    import foolbox
    import torch
    import torchattacks

    from distances import adversarial_library
    from verdict import auto_attack_class

    adversarial_library()
    auto_attack_class()
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": sys.version.split()[0], "threads": torch.get_num_threads(), **found}
