"""Golden values for the Square attack in L2 (src/attacks/square), with numpy, from the paper (arXiv 1912.00049, §3).

Run:  python -m venv env && env/bin/pip install numpy && env/bin/python make_square.py
Writes square.json beside itself:
  pyramids  the twin pyramids of several sizes
  sides     sides of the windows over the schedule
  moves     one change each, over the whole image: windows, room in the ball, scaling to epsilon, cut to the range
"""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(20240712)


def f32(a):
    return np.asarray(a, dtype=np.float32).astype(np.float64)


def pyramid(h, w):
    out = np.zeros((h, w))
    cy, cx = h // 2, w // 2
    for k in range(max(cy, cx) + 1):
        out[max(cy - k, 0): cy + k + 1, max(cx - k, 0): cx + k + 1] += 1 / (k + 1) ** 2
    return out / np.linalg.norm(out)


def twins(h, w, across):
    if across:
        return twins(w, h, False).T
    out = np.concatenate([pyramid(h // 2, w), -pyramid(h - h // 2, w)])
    return out / np.linalg.norm(out)


def share(index, p0, total=None):
    if total is not None:
        index = int(index / total * 10000)
    return p0 / 2 ** sum(index > limit for limit in (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000))


def side(p, h, w):
    s = max(int(round(np.sqrt(p * h * w))), 3)
    return s + 1 if s % 2 == 0 else s


def change(x, best, to, frm, shape, signs, eps):
    """Images are [h, w, c]; windows are (top, left, height, width)."""
    delta = best - x
    c = x.shape[2]
    first = np.s_[to[0]: to[0] + to[2], to[1]: to[1] + to[3]]
    second = np.s_[frm[0]: frm[0] + frm[2], frm[1]: frm[1] + frm[3]]
    union = np.zeros(x.shape)
    union[first] = 1
    union[second] = 1
    mass = (delta ** 2 * union).sum(axis=(0, 1))
    old = delta[first]
    new = shape[:, :, None] * signs + old / (1e-12 + np.sqrt((old ** 2).sum(axis=(0, 1))))
    room = max(eps ** 2 - (delta ** 2).sum(), 0) / c
    new = new / (1e-12 + np.sqrt((new ** 2).sum(axis=(0, 1)))) * np.sqrt(room + mass)
    delta = delta.copy()
    delta[second] = 0
    delta[first] = new
    return np.clip(x + delta / np.linalg.norm(delta) * eps, 0, 1)


def random_case(h, w, c, eps, fill):
    x = f32(rng.uniform(size=(h, w, c)) * (rng.uniform(size=(h, w, c)) > 0.4))
    delta = rng.normal(size=x.shape)
    best = f32(np.clip(x + fill * eps * delta / np.linalg.norm(delta), 0, 1))
    s = int(rng.choice([3, 5]))
    windows = [(int(rng.integers(h - s + 1)), int(rng.integers(w - s + 1)), s, s) for _ in range(2)]
    across = bool(rng.integers(2))
    signs = rng.choice([-1, 1], size=c)
    after = change(x, best, windows[0], windows[1], twins(s, s, across), signs, eps)
    return dict(image=[h, w, c], epsilon=eps, original=x.ravel().tolist(), best=best.ravel().tolist(),
                to=windows[0], frm=windows[1], across=across, signs=signs.tolist(), after=after.ravel().tolist())


golden = dict(
    pyramids=[dict(height=h, width=w, across=a, values=twins(h, w, a).ravel().tolist())
              for h, w in ((3, 3), (5, 5), (7, 7), (8, 8), (5, 3), (4, 9)) for a in (False, True)],
    sides=[dict(image=[h, w], index=i, total=total, side=side(share(i, 0.8, total), h, w))
           for h, w in ((28, 28), (32, 24)) for total in (None, 500)
           for i in (0, 10, 11, 50, 51, 201, 400, 499)]
    + [dict(image=[28, 28], index=i, total=None, side=side(share(i, 0.8), 28, 28)) for i in (1001, 4001, 8001)],
    moves=[random_case(*case) for case in ((8, 8, 1, 1.5, 0.9), (8, 8, 1, 1.5, 0.9), (7, 9, 3, 2.0, 0.7),
                                           (7, 9, 3, 2.0, 0.7), (6, 6, 1, 0.5, 1.0), (6, 8, 2, 3.0, 0.2))],
)
pathlib.Path(__file__).with_name("square.json").write_text(json.dumps(golden) + "\n")
