"""Golden values for src/attacks/decision, with numpy, from the papers (arXiv 1904.02144, 1712.04248).

Run:  python -m venv env && env/bin/pip install numpy && env/bin/python make_decision.py
Writes decision.json beside itself:
  votes     estimate of the direction from fixed noise and decisions, after the range was cut
  plans     radius of the votes, their number and the size of the step, over the steps of HopSkipJump
  proposals the two moves of the Boundary attack from fixed noise
"""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(20240713)


def f32(a):
    return np.asarray(a, dtype=np.float32).astype(np.float64)


def votes_case(norm, d, count, threshold):
    x = f32(rng.uniform(size=d))
    delta = 0.3
    noise = rng.normal(size=(count, d)) if norm == "l2" else rng.uniform(-1, 1, size=(count, d))
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    points = f32(np.clip(x + delta * noise, 0, 1))
    fooled = points @ rng.normal(size=d) > threshold
    u = (points - x) / delta
    phi = np.where(fooled, 1.0, -1.0)
    if phi.mean() == 1:
        v = u.mean(axis=0)
    elif phi.mean() == -1:
        v = -u.mean(axis=0)
    else:
        v = ((phi - phi.mean())[:, None] * u).mean(axis=0)
    direction = v / np.linalg.norm(v) if norm == "l2" else np.sign(v)
    return dict(norm=norm, centre=x.tolist(), points=points.tolist(), fooled=fooled.tolist(),
                direction=direction.tolist())


def plan(norm, d, dist, t, first=100, most=10000, width=1.0):
    theta = 1 / (np.sqrt(d) * d) if norm == "l2" else 1 / d ** 2
    delta = 0.1 * width if t == 0 else (np.sqrt(d) * theta * dist if norm == "l2" else d * theta * dist)
    return dict(norm=norm, features=d, distance=dist, step=t, radius=delta, votes=int(min(first * np.sqrt(t + 1), most)),
                size=dist / np.sqrt(t + 1), tolerance=min(theta, 1e-3))


def proposal(d, spherical, source):
    x0 = f32(rng.uniform(size=d))
    x = f32(rng.uniform(size=d))
    noise = rng.normal(size=d)
    way = x0 - x
    dist = np.linalg.norm(way)
    unit = way / dist
    eta = noise - (noise @ unit) * unit
    eta *= spherical * dist / np.linalg.norm(eta)
    sphere = f32(np.clip(x0 + (eta - way) / np.sqrt(spherical ** 2 + 1), 0, 1))
    rest = x0 - sphere
    reach = np.linalg.norm(rest)
    length = max(source * dist + reach - dist, 0)
    candidate = np.clip(sphere + length / reach * rest, 0, 1)
    return dict(original=x0.tolist(), point=x.tolist(), noise=noise.tolist(), spherical=spherical, source=source,
                sphere=sphere.tolist(), candidate=candidate.tolist())


golden = dict(
    votes=[votes_case(norm, 12, 30, threshold) for norm in ("l2", "linf") for threshold in (0.0, -99.0, 99.0)],
    plans=[plan(norm, d, 1.7, t) for norm in ("l2", "linf") for d in (784, 3072) for t in (0, 1, 2, 9, 63, 20000)],
    proposals=[proposal(15, *steps) for steps in ((0.01, 0.01), (0.3, 0.05), (2.0, 0.5))],
)
pathlib.Path(__file__).with_name("decision.json").write_text(json.dumps(golden) + "\n")
