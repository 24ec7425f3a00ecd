"""Attacks that look for the nearest adversarial, of Foolbox and adversarial-library: distance of the best point seen."""

import math
import time

import torch

from twin import load_images, load_twin
from verdict import distances


class Remembering(torch.nn.Module):
    """A model that remembers the nearest adversarial of each image among all points that it is asked about.

    Attacks here ask about whole batches in the order of the images; `counts` are the rows asked about per image.
    """

    def __init__(self, network, inputs, labels, norm):
        super().__init__()
        self.network, self.inputs, self.labels, self.norm = network, inputs, labels, norm
        self.best = torch.full((len(labels),), math.inf, dtype=torch.float64)
        self.counts = 0
        self.snapshots, self.budgets = {}, []

    def forward(self, x):
        scores = self.network(x)
        with torch.no_grad():
            if len(x) == len(self.labels):
                self.counts += 1
                points = x.detach()
                inside = (points >= 0).flatten(1).all(1) & (points <= 1).flatten(1).all(1)
                hit = (scores.argmax(1) != self.labels) & inside
                found = distances(self.inputs, points, self.norm)
                self.best = torch.where(hit & (found < self.best), found, self.best)
            while self.budgets and self.counts >= self.budgets[0]:
                self.snapshots[self.budgets.pop(0)] = self.best.tolist()
                if not self.budgets:
                    raise Exhausted
        return scores


class Exhausted(Exception):
    """All budgets are spent."""


def correct_only(model, images, first, last):
    network = load_twin(model)
    inputs, labels = load_images(images, first, last)
    keep = network(inputs).argmax(1) == labels
    return network, inputs[keep], labels[keep], keep.nonzero().flatten().tolist()


def minimum_norm(model, images, first, last, library, attack, options, norm="l2"):
    """The distance of the point that the attack returns for every image that is read right."""
    network, inputs, labels, rows = correct_only(model, images, first, last)
    torch.manual_seed(0)
    started = time.perf_counter()
    found = RUNNERS[library](network, inputs, labels, attack, options, norm)
    seconds = time.perf_counter() - started
    found = found.clamp(0, 1)
    misread = network(found).argmax(1) != labels
    lengths = torch.where(misread, distances(inputs, found, norm), math.inf)
    return {"rows": rows, "distances": lengths.tolist(), "seconds": seconds}


def foolbox_minimum(network, inputs, labels, attack, options, norm):
    import foolbox

    attacks = {
        ("cw", "l2"): foolbox.attacks.L2CarliniWagnerAttack,
        ("ddn", "l2"): foolbox.attacks.DDNAttack,
        ("fmn", "l2"): foolbox.attacks.L2FMNAttack,
        ("fmn", "linf"): foolbox.attacks.LInfFMNAttack,
        ("fmn", "l1"): foolbox.attacks.L1FMNAttack,
        ("deepfool", "l2"): foolbox.attacks.L2DeepFoolAttack,
        ("deepfool", "linf"): foolbox.attacks.LinfDeepFoolAttack,
    }
    wrapped = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    found, _, _ = attacks[attack, norm](**options)(wrapped, inputs, labels, epsilons=None)
    return found


def adversarial_library():
    """Its attacks; it imports a plotting server that nothing here plots with."""
    import sys
    import types

    sys.modules.setdefault("visdom", types.ModuleType("visdom"))
    from adv_lib import attacks

    return attacks


def library_minimum(network, inputs, labels, attack, options, norm):
    attacks = adversarial_library()

    order = {"l2": 2, "linf": float("inf"), "l1": 1}[norm]
    if attack == "cw":
        return attacks.carlini_wagner_l2(network, inputs, labels, **options)
    if attack == "ddn":
        return attacks.ddn(network, inputs, labels, **options)
    if attack == "fmn":
        return attacks.fmn(network, inputs, labels, norm=order, **options)
    if attack == "fab":
        return attacks.fab(network, inputs, labels, norm=order, **options)
    if attack == "deepfool":
        return attacks.df(network, inputs, labels, norm=order, **options)
    if attack == "alma":
        return attacks.alma(network, inputs, labels, distance=norm, **options)
    raise ValueError(attack)


RUNNERS = {"foolbox": foolbox_minimum, "adversarial-library": library_minimum}


def decisions(model, images, first, last, attack, budgets, norm="l2", options=None):
    """Foolbox's attacks by decisions: the nearest adversarial seen after so many queries for each image."""
    import foolbox

    network, inputs, labels, rows = correct_only(model, images, first, last)
    torch.manual_seed(0)
    memory = Remembering(network, inputs, labels, norm).eval()
    memory.budgets = sorted(budgets)
    start = foolbox.attacks.LinearSearchBlendedUniformNoiseAttack(steps=50)
    attacks = {
        "hop-skip-jump": lambda: foolbox.attacks.HopSkipJumpAttack(
            init_attack=start, steps=64, constraint=norm, **(options or {})
        ),
        "boundary": lambda: foolbox.attacks.BoundaryAttack(init_attack=start, steps=25000, **(options or {})),
    }
    wrapped = foolbox.PyTorchModel(memory, bounds=(0, 1), device="cpu")
    started = time.perf_counter()
    try:
        attacks[attack]().run(wrapped, inputs, foolbox.criteria.Misclassification(labels))
    except Exhausted:
        pass
    seconds = time.perf_counter() - started
    return {"rows": rows, "snapshots": memory.snapshots, "asked": memory.counts, "seconds": seconds}
