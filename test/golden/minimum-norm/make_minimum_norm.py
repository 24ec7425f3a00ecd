"""Golden values for src/attacks/minimum-norm, computed with numpy and scipy independently of the TypeScript.

Run:  python -m venv env && env/bin/pip install numpy scipy && env/bin/python make_minimum_norm.py
Writes minimum-norm.json beside itself:
  projections  shortest moves onto a hyperplane inside a box: linear programmes (linf, l1), and for l2 a quadratic
               programme that must agree with bisection of the multiplier
  linear       a linear classifier whose nearest adversarials inside the box are known from the same programmes
  paths        the points that DeepFool, DDN, FMN, C&W and FAB ask for on a small tanh network, step by step, written
               from the papers with the projections above
"""

import json
import pathlib

import numpy as np
from scipy.optimize import linprog, minimize

rng = np.random.default_rng(20240711)
LOW, HIGH = 0.0, 1.0


def f32(a):
    return np.asarray(a, dtype=np.float32).astype(np.float64)


# ---------------------------------------------------------------- moves onto a hyperplane

def move_linf(x, w, rise):
    """min t  s.t.  w·d = rise, |d| <= t, x + d in the box."""
    n = len(x)
    a = np.block([[np.eye(n), -np.ones((n, 1))], [-np.eye(n), -np.ones((n, 1))]])
    found = linprog(np.r_[np.zeros(n), 1], A_ub=a, b_ub=np.zeros(2 * n), A_eq=np.r_[w, 0][None], b_eq=[rise],
                    bounds=[*zip(LOW - x, HIGH - x), (0, None)], method="highs")
    return found.x[:n] if found.success else None


def move_l1(x, w, rise):
    n = len(x)
    found = linprog(np.ones(2 * n), A_eq=np.r_[w, -w][None], b_eq=[rise],
                    bounds=[*[(0, HIGH - v) for v in x], *[(0, v - LOW) for v in x]], method="highs")
    return found.x[:n] - found.x[n:] if found.success else None


def move_l2(x, w, rise):
    """d = clip(lambda·w), lambda by bisection."""
    def gain(lam):
        return w @ (np.clip(x + lam * w, LOW, HIGH) - x)
    sign = np.sign(rise)
    high = 1.0
    while sign * gain(sign * high) < abs(rise) and high < 1e9:
        high *= 2
    if sign * gain(sign * high) < abs(rise):
        return None
    low = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if sign * gain(sign * middle) >= abs(rise) else (middle, high)
    return np.clip(x + sign * high * w, LOW, HIGH) - x


def move_l2_programme(x, w, rise):
    n = len(x)
    found = minimize(lambda d: d @ d, np.zeros(n), jac=lambda d: 2 * d, bounds=list(zip(LOW - x, HIGH - x)),
                     constraints=[{"type": "eq", "fun": lambda d: w @ d - rise, "jac": lambda d: w}],
                     method="SLSQP", options={"maxiter": 1000, "ftol": 1e-15})
    return found.x


def unreachable(x, w, rise):
    return np.where(w * rise > 0, HIGH - x, np.where(w * rise < 0, LOW - x, 0.0))


MOVES = {"linf": move_linf, "l2": move_l2, "l1": move_l1}
LENGTHS = {"linf": lambda d: np.abs(d).max(), "l2": lambda d: np.sqrt((d ** 2).sum()), "l1": lambda d: np.abs(d).sum(),
           "l0": lambda d: float((d != 0).sum())}
DUALS = {"linf": LENGTHS["l1"], "l2": LENGTHS["l2"], "l1": LENGTHS["linf"], "l0": LENGTHS["linf"]}


def move(norm, x, w, rise):
    if not np.any(w) or rise == 0:
        return np.zeros_like(x) if rise == 0 else unreachable(x, w, rise)
    found = MOVES[norm](x, w, rise)
    return unreachable(x, w, rise) if found is None else found


def projections():
    out = []
    for norm in MOVES:
        for n, share in [(1, 0.5), (3, 0.2), (6, 0.9), (12, 0.5), (30, 0.05), (30, 0.99), (8, -0.6), (8, 1.5), (6, 0.0)]:
            x = f32(rng.uniform(size=n))
            x[rng.random(n) < 0.3] = HIGH
            x[rng.random(n) < 0.3] = LOW
            w = f32(rng.normal(size=n))
            if n == 12:
                w[[1, 4]] = 0
                w[[2, 3]] = w[5]
            most = np.abs(unreachable(x, w, np.sign(share)) @ w)
            rise = float(share * most)
            d = move(norm, x, w, rise)
            if norm == "l2" and abs(share) <= 1 and n > 1:
                other = move_l2_programme(x, w, rise)
                assert np.abs(other - d).max() < 1e-5, (other, d)
            out.append({"norm": norm, "point": x.tolist(), "normal": w.tolist(), "rise": rise,
                        "length": float(LENGTHS[norm](d)),
                        # For linf and l1 the nearest point need not be one point only.
                        **({"move": d.tolist()} if norm == "l2" else {})})
    return out


# ---------------------------------------------------------------- a linear classifier

def linear(classes):
    n, count = 12, 12
    w = f32(rng.normal(size=(classes, n)))
    b = f32(0.1 * rng.normal(size=classes) - w @ np.full(n, 0.5))
    x = f32(np.where(rng.random((count, n)) < 0.3, rng.integers(0, 2, (count, n)), rng.uniform(size=(count, n))))
    labels = (x @ w.T + b).argmax(1)
    distances = {norm: [] for norm in MOVES}
    for norm in MOVES:
        for i in range(count):
            y = labels[i]
            options = []
            for t in range(classes):
                if t == y:
                    continue
                d = MOVES[norm](x[i], w[t] - w[y], -((w[t] - w[y]) @ x[i] + b[t] - b[y]))
                if d is not None:
                    options.append(LENGTHS[norm](d))
            distances[norm].append(float(min(options)))
    return {"weights": w.tolist(), "biases": b.tolist(), "inputs": x.tolist(), "labels": labels.tolist(),
            "distances": distances}


# ---------------------------------------------------------------- a small network

FEATURES, HIDDEN, CLASSES, COUNT = 10, 8, 4, 5
NET = {
    "w1": f32(0.9 * rng.normal(size=(HIDDEN, FEATURES))), "b1": f32(0.3 * rng.normal(size=HIDDEN)),
    "w2": f32(1.2 * rng.normal(size=(CLASSES, HIDDEN))), "b2": f32(0.1 * rng.normal(size=CLASSES)),
}
INPUTS = f32(rng.uniform(size=(COUNT, FEATURES)))
INPUTS[rng.random(INPUTS.shape) < 0.2] = 0
INPUTS[rng.random(INPUTS.shape) < 0.2] = 1


def scores(x):
    return NET["w2"] @ np.tanh(NET["w1"] @ x + NET["b1"]) + NET["b2"]


def pull(x, upstream):
    """Gradient of upstream·scores."""
    h = np.tanh(NET["w1"] @ x + NET["b1"])
    return NET["w1"].T @ ((NET["w2"].T @ upstream) * (1 - h ** 2))


LABELS = [int(scores(x).argmax()) for x in INPUTS]


def unit(k):
    return np.eye(CLASSES)[k]


def others(x0, y):
    """Other classes, likeliest at the original first."""
    return [int(k) for k in np.argsort(-scores(x0), kind="stable") if k != y]


def cosine(step, steps, first, last):
    return last + (first - last) * (1 + np.cos(np.pi * step / steps)) / 2


def clip(x):
    return np.clip(x, LOW, HIGH)


def ddn(x0, y, steps=12, gamma=0.05, init=1.0):
    x, eps = f32(x0), init
    worst = np.sqrt((np.maximum(x0 - LOW, HIGH - x0) ** 2).sum())
    asked = []
    for i in range(steps):
        asked.append(x)
        z = scores(x)
        p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        g = pull(x, p - unit(y))
        delta = x - x0 + cosine(i, steps, 1.0, 0.01) * g / np.linalg.norm(g)
        eps = min(eps * (1 - gamma if z.argmax() != y else 1 + gamma), worst)
        x = f32(clip(x0 + eps * delta / np.linalg.norm(delta)))
    return asked + [x]


def project_ball(norm, x0, x, radius):
    delta = x - x0
    if norm == "linf":
        return clip(x0 + np.clip(delta, -radius, radius))
    if norm == "l2":
        length = np.linalg.norm(delta)
        return clip(x0 + delta * min(1, radius / length)) if length > 0 else clip(x)
    if norm == "l1":
        room = np.where(delta > 0, HIGH - x0, x0 - LOW)

        def moved(tax):
            return np.minimum(np.maximum(np.abs(delta) - tax, 0), room)
        if moved(0).sum() <= radius:
            return x0 + np.sign(delta) * moved(0)
        low, high = 0.0, np.abs(delta).max()
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if moved(middle).sum() > radius else (low, middle)
        return x0 + np.sign(delta) * moved(high)
    saved = delta ** 2 - (x - clip(x)) ** 2
    keep = np.argsort(-saved, kind="stable")[:int(radius)]
    out = x0.copy()
    out[keep] = clip(x)[keep]
    return out


def fmn(norm, x0, y, steps=14, alpha=1.0, gamma=(0.05, 0.001)):
    x = f32(x0)
    eps = 1.0 if norm == "l0" else np.inf
    worst = LENGTHS[norm](np.maximum(x0 - LOW, HIGH - x0))
    best, found = np.inf, False
    asked = []
    for i in range(steps):
        asked.append(x)
        z = scores(x)
        t = max((k for k in range(CLASSES) if k != y), key=lambda k: z[k])
        g = pull(x, unit(t) - unit(y))
        is_adv = z.argmax() != y
        if is_adv:
            found, best = True, min(best, LENGTHS[norm](x - x0))
        share = cosine(i, steps, *gamma)
        if norm == "l0":
            eps = (max(1, min(eps - 1, np.floor(eps * (1 - share)), best)) if is_adv
                   else max(eps + 1, np.floor(eps * (1 + share))))
        elif is_adv:
            eps = min(eps * (1 - share), best)
        elif found:
            eps = eps * (1 + share)
        else:
            boundary = LENGTHS[norm](x - x0) + abs(z[t] - z[y]) / DUALS[norm](g)
            # Not in the paper: grows by gamma at least, since an exact linearisation ends on the boundary itself.
            eps = boundary if eps == np.inf else max(boundary, eps * (1 + share))
        eps = min(eps, worst)
        moved = x + cosine(i, steps, alpha, alpha / 100) * g / np.linalg.norm(g)
        if norm == "l2":
            # Not in the paper: onto the sphere, outwards too.
            moved = x0 + eps * (moved - x0) / np.linalg.norm(moved - x0)
        x = f32(project_ball(norm, x0, moved, eps))
    return asked + [x]


def deepfool(norm, x0, y, steps=20, overshoot=0.02, nudge=1e-4):
    """Points at which it asks, without the repetitions for each class."""
    x, total = f32(x0), np.zeros(FEATURES)
    asked = []
    for _ in range(steps):
        asked.append(x)
        z = scores(x)
        if z.argmax() != y:
            return asked
        planes = []
        for t in others(x0, y):
            w = pull(x, unit(t) - unit(y))
            planes.append((abs(z[t] - z[y]) / DUALS[norm](w), w))
        d, w = min(planes, key=lambda plane: plane[0])
        total = total + (d + nudge) * (w / np.linalg.norm(w) if norm == "l2" else np.sign(w))
        total = clip(x0 + total) - x0
        x = f32(clip(x0 + (1 + overshoot) * total))
    return asked + [x]


def fab(norm, x0, y, classes, steps=8, eta=1.05, beta=0.9, most=0.1):
    """Iterates at which gradients are taken, and the points scored after each step."""
    x, gradients_at, scored_at = f32(x0), [], []
    for _ in range(steps):
        gradients_at.append(x)
        z = scores(x)
        planes = []
        for t in classes:
            w = pull(x, unit(t) - unit(y))
            planes.append((abs(z[t] - z[y]) / DUALS[norm](w), w, z[t] - z[y]))
        _, w, f = min(planes, key=lambda plane: plane[0])
        d1 = move(norm, x, w, -f)
        d2 = move(norm, x0, w, -f + w @ (x - x0))
        a1, a2 = max(LENGTHS[norm](d1), 1e-8), max(LENGTHS[norm](d2), 1e-8)
        a = min(a1 / (a1 + a2), most)
        x = f32(clip((x + eta * d1) * (1 - a) + (x0 + eta * d2) * a))
        scored_at.append(x)
        if scores(x).argmax() != y:
            x = f32(x0 + beta * (x - x0))
    return gradients_at, scored_at


def carlini_wagner(x0, y, steps=6, rounds=4, lr=0.1, first=0.3, kappa=0.05):
    """The points of all rounds in order, without early ends, and the constants that were tried."""
    low, high, c = 0.0, np.inf, first
    asked, constants = [], []
    for _ in range(rounds):
        p = np.arctanh(0.999999 * (2 * x0 - 1))
        m, v = np.zeros(FEATURES), np.zeros(FEATURES)
        success = False
        constants.append(c)
        for i in range(steps + 1):
            x = f32(clip(0.5 + 0.5 * np.tanh(p)))
            asked.append(x)
            z = scores(x)
            t = max((k for k in range(CLASSES) if k != y), key=lambda k: z[k])
            hinge = max(z[y] - z[t] + kappa, 0)
            success |= hinge == 0
            if i == steps:
                break
            slope = pull(x, unit(y) - unit(t)) if hinge > 0 else np.zeros(FEATURES)
            g = (2 * (x - x0) + c * slope) * 0.5 * (1 - np.tanh(p) ** 2)
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * g ** 2
            p = p - lr * (m / (1 - 0.9 ** (i + 1))) / (np.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8)
        if success:
            high = c
        else:
            low = c
        c = c * 10 if high == np.inf else (low + high) / 2
    return asked, constants


def ead(x0, y, steps=6, rounds=3, lr=0.1, first=0.5, beta=0.02, kappa=0.0):
    """Gradient points and scored points in turn, of all rounds, without early ends."""
    low, high, c = 0.0, np.inf, first
    asked = []
    for _ in range(rounds):
        x = look = f32(x0)
        success = False
        for k in range(steps):
            asked.append(look)
            z = scores(look)
            t = max((j for j in range(CLASSES) if j != y), key=lambda j: z[j])
            slope = pull(look, unit(y) - unit(t)) if z[y] - z[t] + kappa > 0 else np.zeros(FEATURES)
            wish = look - lr * np.sqrt(1 - k / steps) * (2 * (look - x0) + c * slope)
            shrunk = np.where(wish - x0 > beta, np.minimum(wish - beta, HIGH),
                              np.where(wish - x0 < -beta, np.maximum(wish + beta, LOW), x0))
            new = f32(shrunk)
            asked.append(new)
            z = scores(new)
            success |= z.argmax() != y and max(z[j] for j in range(CLASSES) if j != y) - z[y] >= kappa
            look = f32(clip(new + k / (k + 3) * (new - x)))
            x = new
        if success:
            high = c
        else:
            low = c
        c = c * 10 if high == np.inf else (low + high) / 2
    return asked


def lists(points):
    return [p.tolist() for p in points]


def paths():
    out = {"network": {k: v.tolist() for k, v in NET.items()}, "inputs": INPUTS.tolist(), "labels": LABELS,
           "ddn": [], "fmn": {}, "deepfool": {}, "fab": {}, "fabTargeted": {}, "carliniWagner": []}
    rows = list(zip(INPUTS, LABELS))
    out["ddn"] = [lists(ddn(x, y)) for x, y in rows]
    for norm in ["linf", "l2", "l1", "l0"]:
        out["fmn"][norm] = [lists(fmn(norm, x, y)) for x, y in rows]
    for norm in ["linf", "l2"]:
        out["deepfool"][norm] = [lists(deepfool(norm, x, y)) for x, y in rows]
    # In linf and l1 the nearest point need not be unique; l2 fixes the path, the others are checked by their projections.
    out["fab"]["l2"] = [lists(fab("l2", x, y, others(x, y))[1]) for x, y in rows]
    out["fabTargeted"]["l2"] = [lists(fab("l2", x, y, others(x, y)[1:2])[1]) for x, y in rows]
    out["ead"] = [lists(ead(x, y)) for x, y in rows]
    for x, y in rows:
        asked, constants = carlini_wagner(x, y)
        out["carliniWagner"].append({"asked": lists(asked), "constants": constants})
    return out


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return value


golden = {"projections": projections(), "linear": [linear(2), linear(4)], "paths": paths()}
(pathlib.Path(__file__).parent / "minimum-norm.json").write_text(json.dumps(rounded(golden)) + "\n")
