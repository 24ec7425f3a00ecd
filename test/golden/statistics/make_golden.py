"""Makes golden.json: values of other implementations against which src/statistics is tested.

Needs numpy and scipy, and the Python sources of `confseq` (github: gostevehoward/confseq, commit 70b1ef3, MIT):
    python -m venv env && env/bin/pip install numpy==2.4.6 scipy==1.17.1
    CONFSEQ=<folder that contains the package confseq> env/bin/python make_golden.py

Sources: scipy for the exact tests; confseq for betting capital and predictably-mixed empirical Bernstein (its plotting
and process-pool imports are stubbed, they are not used); formulas of the papers in plain numpy, products instead of
logs, for the rest. The stitched boundary is checked against the value in confseq's own unit test first.
"""

import json
import os
import sys
import types
from pathlib import Path

import numpy as np
from scipy import special, stats

for name in ("matplotlib", "matplotlib.pyplot", "multiprocess"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["matplotlib"].pyplot = sys.modules["matplotlib.pyplot"]
np.float_ = np.float64  # confseq was written for numpy 1
sys.path.insert(0, os.environ["CONFSEQ"])
from confseq.betting import betting_mart  # noqa: E402
from confseq.betting_strategies import lambda_predmix_eb  # noqa: E402
from confseq.predmix import predmix_lower_cs  # noqa: E402

rng = np.random.default_rng(20240607)
streams = {
    "loss": np.where(rng.random(200) < 0.6, 0.0, rng.beta(2, 2, 200)),
    "high": np.clip(rng.normal(0.8, 0.15, 120), 0, 1),
    "binary": (rng.random(150) < 0.3).astype(float),
    "shift": np.concatenate([rng.random(100) * 0.3, 0.5 + rng.random(100) * 0.5]),
    "zeros": np.zeros(40),
    "ones": np.ones(40),
}
streams = {name: np.round(values, 6) for name, values in streams.items()}


def clopper_pearson():
    cases = []
    for k, n, confidence in [(0, 1, 0.95), (1, 1, 0.95), (0, 50, 0.99), (987, 1000, 0.95), (13, 1000, 0.99),
                             (250, 2000, 0.99), (1, 3, 0.5), (60000, 100000, 0.999), (5, 30, 0.9)]:
        interval = stats.binomtest(k, n).proportion_ci(confidence, method="exact")
        cases.append({"successes": k, "n": n, "confidence": confidence, "lower": interval.low, "upper": interval.high})
    return cases


def mcnemar():
    return [{"worse": w, "better": b, "p": 1.0 if w == 0 else stats.binomtest(w, w + b, 0.5, alternative="greater").pvalue}
            for w, b in [(0, 0), (0, 7), (1, 0), (5, 5), (10, 2), (2, 10), (150, 0), (90, 30), (60, 55), (1000, 900)]]


def capital_bound(x, level, grid=1000):
    """Largest grid value, less one cell, below which every m is rejected; brute force over confseq's capital."""
    m = np.arange(grid + 1) / grid
    capital = np.array([betting_mart(x, mj, alpha=level, theta=1, trunc_scale=0.5)[-1] for mj in m])
    kept = np.flatnonzero(capital < 1 / level)
    first = kept[0] if len(kept) else grid + 1
    return max(0, first - 1) / grid, capital[[100, 300, 500, 700]]


def fixed_sample_bound(x, level, grid=20000):
    m = np.arange(grid + 1) / grid
    n = len(x)
    bets = lambda y, _m: lambda_predmix_eb(y, alpha=level, fixed_n=n)
    rejected = np.array([betting_mart(x, mj, lambdas_fn_positive=bets, theta=1, trunc_scale=0.5).max() >= 1 / level for mj in m])
    return m[rejected].max() if rejected.any() else 0.0


def bernstein(x, level):
    t = np.arange(1, len(x) + 1)
    mean_before = np.append(0.5, ((0.5 + np.cumsum(x)) / (t + 1))[:-1])
    return predmix_lower_cs(x, v=(x - mean_before) ** 2, alpha=level,
                            lambdas_fn=lambda y: lambda_predmix_eb(y, truncation=0.5, alpha=level),
                            psi_fn=lambda b: -np.log(1 - b) - b)


def stitching_bound(v, level, v_min, c):
    v = np.maximum(v, v_min)
    ell = 1.4 * np.log(np.log(2 * v / v_min)) + np.log(special.zeta(1.4) / np.log(2) ** 1.4) + np.log(1 / level)
    k1, k2 = (2 ** 0.25 + 2 ** -0.25) / np.sqrt(2), (np.sqrt(2) + 1) / 2
    return np.sqrt(k1 ** 2 * v * ell + (k2 * c * ell) ** 2) + k2 * c * ell


assert abs(stitching_bound(100, 0.05, 10, 3) - 64.48755) < 1e-5, "does not reproduce confseq's unit test"


def stitched(x, level):
    t = np.arange(1, len(x) + 1)
    mean = np.cumsum(x) / t
    variance = np.cumsum((x - np.append(0.5, mean[:-1])) ** 2)
    return np.maximum(0, mean - stitching_bound(variance, level, 10, 1) / t)


def agrapa(x, limit):
    t = np.arange(1, len(x) + 1)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    excess = np.append(0.5, mean[:-1]) - limit
    bets = np.clip(excess / (np.append(0.25, variance[:-1]) + excess ** 2), 0, 0.5 / limit)
    return np.cumprod(1 + bets * (x - limit))


def e_detector(x, limit, stakes, bets):
    held = np.zeros(len(bets))
    path = []
    for value, stake in zip(x, stakes):
        held = (held + stake) * (1 + bets * (value / limit - 1))
        path.append(held.mean())
    return np.array(path)


def sequences():
    bets = np.array([0.05, 0.103, 0.212, 0.437, 0.9])
    cases = []
    for name, x in streams.items():
        stakes = np.round(rng.exponential(0.01, len(x)) + 1e-6, 9)
        for level in (0.05, 0.005):
            lower, at = capital_bound(x, level)
            upper, _ = capital_bound(1 - x, level)
            process = agrapa(x, 0.3)
            cases.append({
                "stream": name, "level": level,
                "capitalLower": lower, "capitalUpper": 1 - upper, "logCapital": np.log(at).tolist(),
                "fixedLower": fixed_sample_bound(x, level), "fixedUpper": 1 - fixed_sample_bound(1 - x, level),
                "bernstein": bernstein(x, level)[[0, 19, len(x) - 1]].tolist(),
                "stitched": stitched(x, level)[[0, 19, len(x) - 1]].tolist(),
                "logEProcess": np.log(process[[0, 19, len(x) - 1]]).tolist(),
                "stakes": stakes.tolist(),
                "logDetector": np.log(e_detector(x, 0.3, stakes, bets)[[0, 19, len(x) - 1]]).tolist(),
            })
    return cases


golden = {
    "made_with": {"numpy": np.__version__, "scipy": __import__("scipy").__version__, "confseq": "70b1ef3"},
    "bets": [0.05, 0.103, 0.212, 0.437, 0.9],
    "streams": {name: values.tolist() for name, values in streams.items()},
    "clopperPearson": clopper_pearson(),
    "mcnemar": mcnemar(),
    "sequences": sequences(),
}
Path(__file__).with_name("golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
