"""One repetition of the same work by each peer; the caller interleaves them with ours and takes medians."""

import functools
import time

import torch

from twin import load_images, load_twin
from verdict import bits, broken_within, create_reference


@functools.cache
def prepared(model, images, count, channels_last):
    """Network and images; labels are the network's own answers, so that nothing is broken before it is attacked."""
    network = load_twin(model)
    inputs, _ = load_images(images, 0, count)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    return network, inputs, network(inputs).argmax(1)


class ChannelsLast(torch.nn.Module):
    """Reference attacks make points of their own; the network wants them in its layout."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x.contiguous(memory_format=torch.channels_last))


def speed(peer, attack, model, images, count, epsilon, steps):
    """Seconds of wall clock and of CPU for `count` images and `steps` steps (queries for Square)."""
    channels_last = peer.endswith("channels-last")
    network, inputs, labels = prepared(model, images, count, channels_last)
    work = WORKS[attack, peer.removesuffix("-channels-last")](network, inputs, labels, epsilon, steps)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def raw_pgd(network, inputs, labels, epsilon, steps):
    def work():
        low, high = (inputs - epsilon).clamp(min=0), (inputs + epsilon).clamp(max=1)
        x = (inputs + torch.empty_like(inputs).uniform_(-epsilon, epsilon)).clamp(0, 1)
        for _ in range(steps):
            x.requires_grad_(True)
            loss = torch.nn.functional.cross_entropy(network(x), labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, x)
            x = (x.detach() + epsilon / 30 * gradient.sign()).clamp(low, high)

    return work


def foolbox_pgd(network, inputs, labels, epsilon, steps):
    import foolbox

    model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.LinfPGD(steps=steps, rel_stepsize=1 / 30)
    return lambda: attack(model, inputs, labels, epsilons=epsilon)


def art_pgd(network, inputs, labels, epsilon, steps):
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    classifier = PyTorchClassifier(
        network,
        loss=torch.nn.CrossEntropyLoss(reduction="sum"),
        input_shape=tuple(inputs.shape[1:]),
        nb_classes=10,
        clip_values=(0, 1),
        device_type="cpu",
    )
    attack = ProjectedGradientDescentPyTorch(
        classifier,
        eps=epsilon,
        eps_step=epsilon / 30,
        max_iter=steps,
        num_random_init=1,
        batch_size=len(inputs),
        verbose=False,
    )
    return lambda: attack.generate(inputs.numpy(), labels.numpy())


def torchattacks_pgd(network, inputs, labels, epsilon, steps):
    import torchattacks

    attack = torchattacks.PGD(network, eps=epsilon, alpha=epsilon / 30, steps=steps, random_start=True)
    return lambda: attack(inputs, labels)


def reference_square(network, inputs, labels, epsilon, steps):
    adversary = create_reference(network, "linf", epsilon, seed=0)
    adversary.square.n_queries = steps
    return lambda: adversary.square.perturb(inputs, labels)


def torchattacks_square(network, inputs, labels, epsilon, steps):
    import torchattacks

    attack = torchattacks.Square(network, norm="Linf", eps=epsilon, n_queries=steps, n_restarts=1)
    return lambda: attack(inputs, labels)


WORKS = {
    ("pgd", "raw"): raw_pgd,
    ("pgd", "foolbox"): foolbox_pgd,
    ("pgd", "art"): art_pgd,
    ("pgd", "torchattacks"): torchattacks_pgd,
    ("square", "reference"): reference_square,
    ("square", "torchattacks"): torchattacks_square,
}


def autoattack_seconds(model, images, count, norm, epsilon, seed, channels_last):
    """The reference's AutoAttack-standard on the first `count` images, with what it breaks."""
    network = load_twin(model)
    inputs, labels = load_images(images, 0, count)
    asked = ChannelsLast(network.to(memory_format=torch.channels_last)) if channels_last else network
    adversary = create_reference(asked, norm, epsilon, seed)
    wall, cpu = time.perf_counter(), time.process_time()
    found = adversary.run_standard_evaluation(inputs, labels, batch_size=count)
    found = found[0] if isinstance(found, tuple) else found
    seconds, cpu = time.perf_counter() - wall, time.process_time() - cpu
    clean = network(inputs).argmax(1) == labels
    broken = broken_within(network, inputs, found, labels, norm, epsilon) | ~clean
    return {"seconds": seconds, "cpu_seconds": cpu, "broken": bits(broken)}
