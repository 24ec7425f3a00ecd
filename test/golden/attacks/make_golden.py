"""Golden values for src/attacks, computed with numpy in double precision, independently of the TypeScript.

Run:  python -m venv env && env/bin/pip install numpy && env/bin/python make_golden.py
Writes golden.json beside itself. Formulas: Croce & Hein 2020 (APGD, DLR), Andriushchenko et al. 2020 (Square),
Carlini & Wagner 2017 (margin), and the behaviour of AutoAttack's reference code where the papers leave it open.
"""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(20240521)


def listed(a):
    return np.asarray(a, dtype=np.float64).tolist()


# ---------------------------------------------------------------- losses
def ce(z, y):
    m = z.max()
    return np.log(np.exp(z - m).sum()) + m - z[y]


def margin(z, y):
    return np.delete(z, y).max() - z[y]


def dlr(z, y):
    s = np.sort(z)
    other = s[-2] if np.argsort(z, kind="stable")[-1] == y else s[-1]
    return -(z[y] - other) / (s[-1] - s[-3] + 1e-12)


def ce_targeted(z, _y, t):
    return -ce(z, t)


def margin_targeted(z, y, t):
    return z[t] - z[y]


def dlr_targeted(z, y, t):
    s = np.sort(z)
    return -(z[y] - z[t]) / (s[-1] - 0.5 * (s[-3] + s[-4]) + 1e-12)


def derivative(f, z):
    out = np.zeros_like(z)
    for k in range(len(z)):
        h = 1e-6
        up, down = z.copy(), z.copy()
        up[k] += h
        down[k] -= h
        out[k] = (f(up) - f(down)) / (2 * h)
    return out


def losses():
    cases = []
    for scale in (1.0, 4.0, 15.0):
        for _ in range(6):
            z = np.float64(np.float32(rng.normal(size=6) * scale))
            y, t = rng.permutation(6)[:2]
            case = {"scores": listed(z), "label": int(y), "target": int(t)}
            for name, f in {"ce": ce, "margin": margin, "dlr": dlr}.items():
                case[name] = {"value": float(f(z, y)), "derivative": listed(derivative(lambda v: f(v, y), z))}
            targeted = {"ceTargeted": ce_targeted, "marginTargeted": margin_targeted, "dlrTargeted": dlr_targeted}
            for name, f in targeted.items():
                case[name] = {"value": float(f(z, y, t)), "derivative": listed(derivative(lambda v: f(v, y, t), z))}
            cases.append(case)
    return cases


# ---------------------------------------------------------------- schedules
def checkpoint_iterations(n):
    k = max(int(0.22 * n), 1)
    least, less = max(int(0.06 * n), 1), max(int(0.03 * n), 1)
    counter, found = 0, []
    for i in range(n):
        counter += 1
        if counter == k:
            found.append(i + 1)
            k = max(k - less, least)
            counter = 0
    return found


class Halving:
    """The step-size rule on whole loss series, kept as a table as the reference does (its index -1 quirk included)."""

    def __init__(self, n, first_losses, step, rho=0.75):
        self.n, self.rho = n, rho
        self.series = np.zeros((n, len(first_losses)))
        self.best = first_losses.copy()
        self.best_at_check = first_losses.copy()
        self.reduced = np.ones(len(first_losses), bool)
        self.step = np.full(len(first_losses), step)
        self.k = max(int(0.22 * n), 1)
        self.counter = 0

    def see(self, i, losses):
        self.series[i] = losses
        self.best = np.maximum(self.best, losses)
        self.counter += 1
        if self.counter != self.k:
            return np.zeros(len(losses), bool)
        rises = sum((self.series[i - c] > self.series[i - c - 1]).astype(int) for c in range(self.k))
        stuck = (rises <= self.k * self.rho) | (~self.reduced & (self.best_at_check >= self.best))
        self.reduced = stuck
        self.best_at_check = self.best.copy()
        self.step = np.where(stuck, self.step / 2, self.step)
        self.k = max(self.k - max(int(0.03 * self.n), 1), max(int(0.06 * self.n), 1))
        self.counter = 0
        return stuck


def halving_traces():
    traces = []
    for n in (20, 50, 100):
        rows = 8
        # Series that rise, wobble and stall, so that every branch is taken; some begin below 0 for the quirk.
        drift = np.linspace(-0.02, 0.2, rows)
        series = np.cumsum(rng.normal(size=(n + 1, rows)) * 0.2 + drift, axis=0) + np.linspace(-3, 3, rows)
        series[:, 3] = np.where(np.arange(n + 1) > n // 3, series[n // 3, 3], series[:, 3])
        series[:, 4] = np.arange(n + 1) * 0.01 - 1
        series = np.float64(np.float32(series))
        rule = Halving(n, series[0], 1.0)
        steps = []
        for i in range(n):
            rule.see(i, series[i + 1])
            steps.append(rule.step.copy())
        traces.append({"steps": n, "losses": listed(series), "sizes": listed(steps)})
    return traces


def window_sides():
    def share(it, first=0.8):
        bounds = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]
        return first / 2 ** sum(it > b for b in bounds)

    sides = []
    for h, w in ((28, 28), (32, 32), (7, 5), (224, 224)):
        for it in (0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2000, 2001, 4000, 4001, 6000, 6001, 8000, 8001):
            side = max(int(round(np.sqrt(share(it) * h * w))), 1)
            stretched = share(int(it / 20_000 * 10_000))
            sides.append({"height": h, "width": w, "index": it, "side": side, "stretchedShare": stretched})
    return sides


# ---------------------------------------------------------------- norms
def project(x, x0, eps, norm):
    if norm == "linf":
        return np.clip(np.clip(x, x0 - eps, x0 + eps), 0, 1)
    d = x - x0
    length = np.sqrt((d**2).sum(-1, keepdims=True))
    return np.clip(x0 + d * np.minimum(1, eps / np.maximum(length, 1e-300)), 0, 1)


def normalise(g, norm):
    if norm == "linf":
        return np.sign(g)
    return g / np.sqrt((g**2).sum(-1, keepdims=True))


def projections():
    cases = []
    for norm, eps in (("linf", 0.3), ("linf", 8 / 255), ("l2", 0.5), ("l2", 2.0)):
        x0 = np.float64(np.float32(rng.uniform(size=(5, 12))))
        x0[0, :4] = [0, 1, 0, 1]
        x = np.float64(np.float32(x0 + rng.normal(size=x0.shape) * np.array([[0.01], [0.1], [0.4], [1], [5]])))
        g = np.float64(np.float32(rng.normal(size=x0.shape)))
        cases.append(
            {
                "norm": norm,
                "epsilon": eps,
                "originals": listed(x0),
                "points": listed(x),
                "projected": listed(project(x, x0, eps, norm)),
                "gradients": listed(g),
                "normalised": listed(normalise(g, norm)),
            }
        )
    return cases


# ---------------------------------------------------------------- whole attacks on a small smooth network
class Network:
    """Logits W2·tanh(W1·x + b1) + b2."""

    def __init__(self, features, hidden, classes):
        f32 = lambda a: np.float64(np.float32(a))
        self.w1 = f32(rng.normal(size=(hidden, features)))
        self.b1 = f32(rng.normal(size=hidden) * 0.3)
        self.w2 = f32(rng.normal(size=(classes, hidden)))
        self.b2 = f32(rng.normal(size=classes) * 0.3)

    def logits(self, x):
        return np.tanh(x @ self.w1.T + self.b1) @ self.w2.T + self.b2

    def loss_gradient(self, x, y):
        h = np.tanh(x @ self.w1.T + self.b1)
        z = h @ self.w2.T + self.b2
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        loss = -np.log(p[np.arange(len(y)), y])
        p[np.arange(len(y)), y] -= 1
        return loss, ((p @ self.w2) * (1 - h**2)) @ self.w1


def pgd(net, x0, y, start, eps, norm, steps, relative):
    x = project(start, x0, eps, norm)
    for _ in range(steps):
        _, g = net.loss_gradient(x, y)
        x = project(x + relative * eps * normalise(g, norm), x0, eps, norm)
    return x


def apgd(net, x0, y, start, eps, norm, steps):
    x = project(start, x0, eps, norm)
    old = x.copy()
    loss, g = net.loss_gradient(x, y)
    best_x, best_g, best = x.copy(), g.copy(), loss.copy()
    rule = Halving(steps, loss, 2 * eps)
    for i in range(steps):
        a = 0.75 if i > 0 else 1.0
        inertia = x - old
        old = x.copy()
        z = project(x + rule.step[:, None] * normalise(g, norm), x0, eps, norm)
        x = project(x + a * (z - x) + (1 - a) * inertia, x0, eps, norm)
        loss, g = net.loss_gradient(x, y)
        better = loss > best
        best_x[better], best_g[better], best[better] = x[better], g[better], loss[better]
        stuck = rule.see(i, loss)
        # The last iterate is what the last step made; going back after it would lead nowhere.
        if i < steps - 1:
            x[stuck], g[stuck] = best_x[stuck], best_g[stuck]
    return x, best, rule.step


def attacks():
    net = Network(8, 7, 4)
    x0 = np.float64(np.float32(rng.uniform(size=(6, 8))))
    y = net.logits(x0).argmax(1)
    found = {
        "network": {k: listed(getattr(net, k)) for k in ("w1", "b1", "w2", "b2")},
        "originals": listed(x0),
        "labels": y.tolist(),
        "logits": listed(net.logits(x0)),
        "runs": [],
    }
    for norm, eps in (("linf", 0.1), ("l2", 0.25)):
        start = np.float64(np.float32(x0 + rng.uniform(-eps, eps, size=x0.shape)))
        x, best, sizes = apgd(net, x0, y, start, eps, norm, 40)
        found["runs"].append(
            {
                "norm": norm,
                "epsilon": eps,
                "start": listed(start),
                "pgd": listed(pgd(net, x0, y, start, eps, norm, 10, 0.25)),
                "apgd": listed(x),
                "apgdBest": listed(best),
                "apgdSizes": listed(sizes),
            }
        )
    return found


if __name__ == "__main__":
    golden = {
        "losses": losses(),
        "checkpoints": {str(n): checkpoint_iterations(n) for n in (1, 2, 3, 5, 7, 10, 20, 40, 50, 100, 200, 1000)},
        "halving": halving_traces(),
        "windows": window_sides(),
        "projections": projections(),
        "attacks": attacks(),
    }
    path = pathlib.Path(__file__).with_name("golden.json")
    path.write_text(json.dumps(golden) + "\n")
