"""Golden values for src/attacks/norms (L1, L0), computed with numpy and scipy independently of the TypeScript.

Run:  python -m venv env && env/bin/pip install numpy scipy && env/bin/python make_norms.py
Writes norms.json beside itself. L1: the projection onto the ball cut with the box, as a quadratic programme over
(positive part, negative part) solved by SLSQP for few features, and by bisection of the multiplier for many; both must
agree where both are run. L0: all supports of the allowed size are tried.
"""

import itertools
import json
import pathlib

import numpy as np
from scipy.optimize import minimize

rng = np.random.default_rng(20240607)
LOW, HIGH = 0.0, 1.0


def f32(a):
    return np.asarray(a, dtype=np.float32).astype(np.float64)


def by_bisection(x0, p, eps):
    d = p - x0
    room = np.where(d > 0, HIGH - x0, x0 - LOW)

    def moved(tax):
        return np.minimum(np.maximum(np.abs(d) - tax, 0), room)

    if moved(0.0).sum() <= eps:
        return x0 + np.sign(d) * moved(0.0)
    low, high = 0.0, np.abs(d).max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if moved(middle).sum() > eps else (low, middle)
    return x0 + np.sign(d) * moved(high)


def by_programme(x0, p, eps):
    n = len(x0)

    def value(uv):
        return ((x0 + uv[:n] - uv[n:] - p) ** 2).sum()

    def slope(uv):
        g = 2 * (x0 + uv[:n] - uv[n:] - p)
        return np.concatenate([g, -g])

    bounds = [(0, HIGH - x) for x in x0] + [(0, x - LOW) for x in x0]
    spent = {"type": "ineq", "fun": lambda uv: eps - uv.sum(), "jac": lambda uv: -np.ones(2 * n)}
    found = minimize(value, np.zeros(2 * n), jac=slope, bounds=bounds, constraints=[spent], method="SLSQP",
                     options={"maxiter": 1000, "ftol": 1e-13})
    return x0 + found.x[:n] - found.x[n:]


def by_supports(x0, p, k):
    clipped = np.clip(p, LOW, HIGH)
    best, least = x0, np.inf
    for support in itertools.combinations(range(len(x0)), min(k, len(x0))):
        q = x0.copy()
        q[list(support)] = clipped[list(support)]
        cost = ((q - p) ** 2).sum()
        if cost < least - 1e-12:
            best, least = q, cost
    return best


def cases():
    out = {"l1": [], "l0": []}
    for n, eps, spread in [(1, 0.3, 1), (4, 0.5, 1), (6, 1.0, 0.3), (8, 2.0, 3), (8, 0.05, 10), (10, 4.0, 1)]:
        x0 = f32(rng.uniform(size=n))
        x0[rng.integers(n)] = 1.0
        p = f32(x0 + spread * rng.normal(size=n))
        exact = by_bisection(x0, p, eps)
        assert np.abs(exact - by_programme(x0, p, eps)).max() < 1e-5, (exact, by_programme(x0, p, eps))
        out["l1"].append({"epsilon": eps, "original": x0.tolist(), "point": p.tolist(), "projected": exact.tolist()})
    for eps, spread in [(12.0, 0.1), (12.0, 1.0), (40.0, 5.0)]:
        x0 = f32(np.where(rng.uniform(size=196) < 0.6, 0, rng.uniform(size=196)))
        p = f32(x0 + spread * rng.normal(size=196))
        out["l1"].append({"epsilon": eps, "original": x0.tolist(), "point": p.tolist(),
                          "projected": by_bisection(x0, p, eps).tolist()})
    for n, k, spread in [(5, 2, 1), (8, 3, 0.4), (8, 1, 5), (9, 4, 1), (4, 4, 2)]:
        x0 = f32(rng.uniform(size=n))
        p = f32(x0 + spread * rng.normal(size=n))
        out["l0"].append({"epsilon": k, "original": x0.tolist(), "point": p.tolist(),
                          "projected": by_supports(x0, p, k).tolist()})
    return out


(pathlib.Path(__file__).parent / "norms.json").write_text(json.dumps(cases()) + "\n")
