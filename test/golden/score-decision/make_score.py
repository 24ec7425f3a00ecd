"""Golden values for src/attacks/score, with numpy and scipy, from the papers (arXiv 1905.07121, 1804.08598, 1802.05666).

Run:  python -m venv env && env/bin/pip install numpy scipy && env/bin/python make_score.py
Writes score.json beside itself:
  waves      directions of the orthonormal cosine basis, as scipy's inverse transform has them
  estimates  gradients from losses at pairs of opposite points, with and without a range that cuts them
  plateau    momentum steps whose size falls when the loss does, in linf and l2
  adam       steps of Adam, upwards
"""

import json
import pathlib

import numpy as np
from scipy.fft import idctn

rng = np.random.default_rng(20240714)


def f32(a):
    return np.asarray(a, dtype=np.float32).astype(np.float64)


def wave(h, w, u, v):
    unit = np.zeros((h, w))
    unit[u, v] = 1
    return dict(image=[h, w], u=u, v=v, values=idctn(unit, norm="ortho").ravel().tolist())


def estimate(d, pairs, low, high):
    x = f32(rng.uniform(size=d))
    noise = rng.normal(size=(pairs, d))
    points = f32(np.clip(np.concatenate([x + 0.1 * noise, x - 0.1 * noise]), low, high))
    slope = rng.normal(size=d)
    base = 0.4
    losses = base + (points - x) @ slope + 0.05 * rng.normal(size=len(points))
    moves = points - x
    gradient = ((losses - base)[:, None] * moves).sum(axis=0) / ((moves ** 2).sum() / d)
    case = dict(centre=x.tolist(), base=base, points=points.tolist(), losses=losses.tolist(), gradient=gradient.tolist())
    if high > 1e6:
        # No cut: the same as the antithetic estimate, but for how the variance is known.
        pair = ((losses[:pairs] - losses[pairs:])[:, None] * noise).sum(axis=0)
        assert np.allclose(pair / np.linalg.norm(pair), gradient / np.linalg.norm(gradient), atol=1e-5)
    return case


def plateau(norm, gradients, losses, first=0.06, least=0.01, decay=0.9, length=5, drop=2.0):
    x, v, lr, seen, points = np.zeros(gradients.shape[1]), 0, first, [], []
    for g, loss in zip(gradients, losses):
        seen = (seen + [loss])[-length:]
        if len(seen) == length and seen[-1] < seen[0]:
            lr, seen = max(lr / drop, least), []
        v = decay * v + (1 - decay) * g
        x = x + lr * (np.sign(v) if norm == "linf" else v / np.linalg.norm(v))
        points.append(x.tolist())
    return dict(norm=norm, gradients=gradients.tolist(), losses=losses.tolist(), points=points)


def adam(norm, gradients, lr):
    d = gradients.shape[1]
    size = lr / np.sqrt(d) if norm == "l2" else lr
    x, m, s, points = np.zeros(d), np.zeros(d), np.zeros(d), []
    for t, g in enumerate(gradients, 1):
        m = 0.9 * m + 0.1 * g
        s = 0.999 * s + 0.001 * g ** 2
        x = x + size * (m / (1 - 0.9 ** t)) / (np.sqrt(s / (1 - 0.999 ** t)) + 1e-8)
        points.append(x.tolist())
    return dict(norm=norm, size=lr, gradients=gradients.tolist(), points=points)


losses = f32([1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 0, -1, -1, -1, -2, -3, -4, -5, -6, -7])
gradients = f32(rng.normal(size=(20, 4)))
golden = dict(
    waves=[wave(h, w, u, v) for h, w, u, v in ((8, 8, 0, 0), (8, 8, 3, 5), (5, 9, 4, 0), (1, 12, 0, 7), (6, 4, 1, 3))],
    estimates=[estimate(6, 8, -1e9, 1e9), estimate(6, 8, 0, 1)],
    plateau=[plateau(norm, gradients, losses) for norm in ("linf", "l2")],
    adam=[adam(norm, gradients[:6], 0.05) for norm in ("linf", "l2")],
)
pathlib.Path(__file__).with_name("score.json").write_text(json.dumps(golden) + "\n")
