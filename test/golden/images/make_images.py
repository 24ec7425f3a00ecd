"""Golden values for src/attacks/images, computed with numpy, scipy and colorsys independently of the TypeScript.

Run:  python -m venv env && env/bin/pip install numpy scipy && env/bin/python make_images.py
Writes images.json beside itself. Warps: scipy.ndimage.affine_transform of order 1 with what is outside taken as the fill
(grid-constant), given the inverse of shear, scale and rotation multiplied out as matrices. Blurs: gaussian_filter, and
map_coordinates along the line and over the disk, with the edge going on (nearest). Colours: colorsys, pixel by pixel.
"""

import colorsys
import json
import pathlib

import numpy as np
from scipy import ndimage

rng = np.random.default_rng(20240711)


def f32(a):
    return np.asarray(a, dtype=np.float32).astype(np.float64)


GREY = f32(rng.uniform(size=(9, 7, 1)))
COLOUR = f32(rng.uniform(size=(6, 8, 3)))
COLOUR[2, 3] = COLOUR[4, 5] = 0.5
COLOUR[0, 0] = 0.0
IMAGES = {"grey": GREY, "colour": COLOUR}


def each_channel(image, change):
    return np.stack([change(image[..., c]) for c in range(image.shape[2])], axis=2)


def warp(image, degrees=0.0, right=0.0, down=0.0, scale=1.0, shear=0.0, fill=0.0):
    a = np.deg2rad(degrees)
    # In (y, x) with y downwards, a turn counter-clockwise.
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    slant = np.array([[1.0, 0.0], [shear, 1.0]])
    forward = turn @ (scale * np.eye(2)) @ slant
    back = np.linalg.inv(forward)
    centre = (np.array(image.shape[:2]) - 1) / 2
    offset = centre - back @ (centre + np.array([down, right]))
    return each_channel(
        image,
        lambda plane: ndimage.affine_transform(plane, back, offset=offset, order=1, mode="grid-constant", cval=fill),
    )


def average(image, points):
    """Mean of the image read at pixel + point, for weighted points (y, x, weight)."""
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(float)
    total = sum(w for _, _, w in points)

    def change(plane):
        return sum(
            w * ndimage.map_coordinates(plane, [rows + y, columns + x], order=1, mode="nearest") for y, x, w in points
        ) / total

    return each_channel(image, change)


def disk(image, radius):
    reach = int(np.ceil(radius)) + 1
    side = range(-reach, reach + 1)
    return average(image, [(y, x, np.clip(radius + 0.5 - np.hypot(y, x), 0, 1)) for y in side for x in side])


def line(image, length, degrees):
    ts = np.linspace(-length / 2, length / 2, 2 * int(np.ceil(length)) + 1)
    a = np.deg2rad(degrees)
    return average(image, [(t * np.sin(a), t * np.cos(a), 1.0) for t in ts])


def gaussian(image, sigma):
    return each_channel(image, lambda plane: ndimage.gaussian_filter(plane, sigma, mode="nearest", truncate=4.0))


def contrast(image, factor):
    mean = image.mean(axis=(0, 1), keepdims=True)
    return (image - mean) * factor + mean


def in_hsv(image, change):
    out = np.empty_like(image)
    for i in np.ndindex(image.shape[:2]):
        out[i] = colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*image[i])))
    return out


def brighten(image, amount):
    if image.shape[2] == 1:
        return image + amount
    return in_hsv(image, lambda h, s, v: (h, s, min(v + amount, 1.0)))


def saturate(image, factor, added):
    return in_hsv(image, lambda h, s, v: (h, s if s == 0 else min(max(s * factor + added, 0), 1), v))


def pixelate(image, share):
    h, w = image.shape[:2]
    rows, columns = max(1, round(share * h)), max(1, round(share * w))
    of_row = np.arange(h) * rows // h
    of_column = np.arange(w) * columns // w
    out = np.empty_like(image)
    for r in range(rows):
        for c in range(columns):
            block = np.ix_(of_row == r, of_column == c)
            out[block] = image[block].mean(axis=(0, 1))
    return out


MOTIONS = [
    {"degrees": 30},
    {"degrees": -75, "fill": 0.25},
    {"right": 1.5, "down": -2.25},
    {"scale": 0.6},
    {"scale": 1.7, "degrees": 10},
    {"shear": 0.4},
    {"degrees": 20, "right": -1, "down": 0.5, "scale": 0.8, "shear": -0.3, "fill": 1.0},
]
CALLS = [
    *[("warp", motion, warp) for motion in MOTIONS],
    *[("gaussianBlur", {"sigma": s}, gaussian) for s in (0.4, 1.0, 2.5)],
    *[("disk", {"radius": r}, disk) for r in (0.7, 1.5, 2.6)],
    *[("line", {"length": l, "degrees": d}, line) for l, d in ((2, 0), (4.5, 30), (6, 115))],
    *[("changeContrast", {"factor": f}, contrast) for f in (0.05, 0.4)],
    *[("brighten", {"amount": a}, brighten) for a in (0.1, 0.5)],
    *[("saturate", {"factor": f, "added": a}, saturate) for f, a in ((0.3, 0), (2, 0), (20, 0.2))],
    *[("pixelate", {"share": s}, pixelate) for s in (0.6, 0.25, 0.1)],
]

cases = [
    {"call": name, "image": which, "arguments": arguments, "expected": change(image, **arguments).ravel().tolist()}
    for name, arguments, change in CALLS
    for which, image in IMAGES.items()
    if not (name == "saturate" and which == "grey")
]
content = {
    "images": {which: {"shape": list(image.shape), "values": image.ravel().tolist()} for which, image in IMAGES.items()},
    "cases": cases,
}
pathlib.Path(__file__).with_name("images.json").write_text(json.dumps(content, indent=None) + "\n")
