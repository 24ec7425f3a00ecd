"""The PyTorch twin of a Temper model: the same weights, read from the model's own folder (tfjs layers format)."""

import json
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def load_twin(folder):
    """A network that takes images [n, channels, height, width] and gives logits [n, classes]."""
    file = json.loads((pathlib.Path(folder) / "model.json").read_text())
    group = file["weightsManifest"][0]
    values = np.fromfile(pathlib.Path(folder) / group["paths"][0], dtype="<f4")
    weights, at = {}, 0
    for spec in group["weights"]:
        size = int(np.prod(spec["shape"]))
        weights[spec["name"]] = values[at : at + size].reshape(spec["shape"])
        at += size
    layers = file["modelTopology"]["config"]["layers"]
    shape = layers[0]["config"]["batch_input_shape"][1:]
    parts = []
    for layer in layers:
        built, shape = build(layer["class_name"], layer["config"], weights, shape)
        parts += built
    return nn.Sequential(*parts).eval().requires_grad_(False)


def build(kind, config, weights, shape):
    if kind == "Conv2D":
        return convolution(config, weights, shape)
    if kind == "MaxPooling2D":
        side = config["pool_size"][0]
        height, width, channels = shape
        if height % side or width % side:
            raise ValueError("pools of whole blocks only")
        return [nn.MaxPool2d(side)], [height // side, width // side, channels]
    if kind == "Flatten":
        return [nn.Flatten()], shape
    if kind == "Dense":
        return dense(config, weights, shape)
    raise ValueError(f"layer {kind} has no twin")


def convolution(config, weights, shape):
    kernel = weights[f"{config['name']}/kernel"]
    side, _, channels, filters = kernel.shape
    stride = config["strides"][0]
    sides = [-(-length // stride) for length in shape[:2]]
    padding = []
    # 'same' puts the odd line of padding behind; PyTorch counts from the last axis.
    for length, out in zip(shape[1::-1], sides[::-1]):
        total = max((out - 1) * stride + side - length, 0)
        padding += [total // 2, total - total // 2]
    even = padding[0::2] == padding[1::2]
    module = nn.Conv2d(channels, filters, side, stride, padding=padding[2::-2] if even else 0)
    module.weight.data = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
    module.bias.data = torch.from_numpy(weights[f"{config['name']}/bias"].copy())
    parts = [module] if even else [Pad(padding), module]
    return parts + activation(config), [*sides, filters]


def dense(config, weights, shape):
    kernel = weights[f"{config['name']}/kernel"]
    if len(shape) == 3:
        # Ours flattens with channels last.
        kernel = kernel.reshape(*shape, -1).transpose(2, 0, 1, 3).reshape(-1, kernel.shape[1])
    module = nn.Linear(*kernel.shape)
    module.weight.data = torch.from_numpy(kernel.T.copy())
    module.bias.data = torch.from_numpy(weights[f"{config['name']}/bias"].copy())
    return [module] + activation(config), [kernel.shape[1]]


def activation(config):
    return {"relu": [nn.ReLU()], "linear": []}[config["activation"]]


class Pad(nn.Module):
    def __init__(self, padding):
        super().__init__()
        self.padding = padding

    def forward(self, x):
        return functional.pad(x, self.padding)


def load_images(path, first=None, last=None):
    """Images [n, channels, height, width] and labels [n] as Temper wrote them, with channels last."""
    arrays = np.load(path)
    inputs = torch.from_numpy(arrays["inputs"][first:last].copy()).permute(0, 3, 1, 2).contiguous()
    return inputs, torch.from_numpy(arrays["labels"][first:last].astype(np.int64))
