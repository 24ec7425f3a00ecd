"""The reference's verdict, and whether the twin agrees with what we found."""

import time

import numpy
import torch

from twin import load_images, load_twin

NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}


def scores(model, images, first, last):
    """Scores of the twin, for the check that it is one."""
    inputs, _ = load_images(images, first, last)
    return load_twin(model)(inputs).double().tolist()


def auto_attack_class():
    from pyautoattack import AutoAttack

    return AutoAttack


def create_reference(network, norm, epsilon, seed, version="standard"):
    return auto_attack_class()(
        network, norm=NORMS[norm], eps=epsilon, version=version, device="cpu", seed=seed
    )


def reference(model, images, first, last, norm, epsilon, seed, batch=500):
    """AutoAttack-standard on some images. `broken` has a 1 for what it broke or what was misread unchanged."""
    inputs, labels = load_images(images, first, last)
    network = load_twin(model)
    adversary = create_reference(network, norm, epsilon, seed)
    started = time.perf_counter()
    found = adversary.run_standard_evaluation(inputs, labels, batch_size=batch)
    found = found[0] if isinstance(found, tuple) else found
    seconds = time.perf_counter() - started
    clean = network(inputs).argmax(1) == labels
    broken = broken_within(network, inputs, found, labels, norm, epsilon) | ~clean
    return {"clean": bits(clean), "broken": bits(broken), "seconds": seconds}


def confirm(model, images, first, adversarials, norm, epsilon):
    """Which adversarials of ours, an .npz of `index` (from `first`) and `inputs`, the twin misreads within epsilon."""
    arrays = numpy.load(adversarials)
    index = torch.from_numpy(arrays["index"].astype(numpy.int64))
    if len(index) == 0:
        return {"index": [], "confirmed": ""}
    inputs, labels = load_images(images)
    found = torch.from_numpy(arrays["inputs"].copy()).permute(0, 3, 1, 2).contiguous()
    index = index + first
    confirmed = broken_within(load_twin(model), inputs[index], found, labels[index], norm, epsilon)
    return {"index": index.tolist(), "confirmed": bits(confirmed)}


def distances(inputs, found, norm):
    moves = (found.double() - inputs.double()).flatten(1)
    order = {"linf": float("inf"), "l2": 2, "l1": 1}[norm]
    return torch.linalg.vector_norm(moves, order, dim=1)


def broken_within(network, inputs, found, labels, norm, epsilon):
    """Misread, inside the range, and inside the ball up to the rounding that the reference allows itself."""
    misread = network(found).argmax(1) != labels
    inside = (found >= 0).flatten(1).all(1) & (found <= 1).flatten(1).all(1)
    return misread & inside & (distances(inputs, found, norm) <= epsilon * (1 + 1e-5))


def bits(flags):
    return "".join("1" if flag else "0" for flag in flags.tolist())
