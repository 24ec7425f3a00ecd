"""Golden values for the parts of the gradient family, computed with numpy in double precision, independently of the
TypeScript: APGD in L1 with and without shrinking balls, translation kernels, resizing with its transpose, and whole
NI, SI, VMI and TI sequences on a small network with softmax.

Run:  python -m venv env && env/bin/pip install numpy && env/bin/python make_gradients.py
Writes gradients.json beside itself. Formulas: Croce & Hein 2021 (APGD in L1) and the behaviour of AutoAttack's reference
code where the paper leaves it open; Lin et al. 2020 (NI, SI); Wang & He 2021 (VMI); Dong et al. 2019 (TI).
"""

import json
import math
import pathlib

import numpy as np

rng = np.random.default_rng(20240611)


def f32(a):
    return np.asarray(a, dtype=np.float32).astype(np.float64)


def listed(a):
    return np.asarray(a, dtype=np.float64).tolist()


# ---------------------------------------------------------------- the network: logits = V tanh(W x + b)
class Network:
    def __init__(self, features, hidden, classes):
        self.w = f32(rng.normal(size=(hidden, features)))
        self.b = f32(rng.normal(size=hidden) * 0.3)
        self.v = f32(rng.normal(size=(classes, hidden)))

    def loss_gradient(self, x, y):
        h = np.tanh(x @ self.w.T + self.b)
        z = h @ self.v.T
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        loss = -np.log(p[np.arange(len(y)), y])
        p[np.arange(len(y)), y] -= 1
        return loss, ((p @ self.v) * (1 - h**2)) @ self.w


# ---------------------------------------------------------------- APGD in L1
def project_l1(x, x0, eps):
    out = np.empty_like(x)
    for i in range(len(x)):
        d = x[i] - x0[i]
        room = np.where(d > 0, 1 - x0[i], x0[i])

        def moved(tax):
            return np.minimum(np.maximum(np.abs(d) - tax, 0), room)

        low, high = 0.0, np.abs(d).max()
        if moved(0.0).sum() <= eps:
            high = 0.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if moved(middle).sum() > eps else (low, middle)
        out[i] = x0[i] + np.sign(d) * moved(high)
    return out


def changed(x, x0):
    return (np.abs(x - x0) > 1e-9).sum(1).astype(float)


def apgd_l1(net, x0, y, start, eps, n, continues):
    """One run; also the step sizes and the numbers of moved features after every check."""
    features = x0.shape[1]
    x = project_l1(start, x0, eps)
    loss, g = net.loss_gradient(x, y)
    best_x, best_g, best = x.copy(), g.copy(), loss.copy()
    size = np.full(len(x), float(eps))
    if continues:
        topk, before = changed(x, x0) / features / 1.5, changed(x, x0)
    else:
        topk, before = np.full(len(x), 0.2), np.full(len(x), float(features))
    interval, counter, trace = max(int(0.04 * n), 1), 0, []
    for i in range(n):
        order = np.sort(np.abs(g), axis=1)
        # A hair is added so that whole numbers are not cut to the one below by rounding.
        index = np.clip(np.floor((1 - topk) * features + 1e-9), 0, features - 1).astype(int)
        sparse = g * (np.abs(g) >= order[np.arange(len(x)), index][:, None])
        step = np.sign(sparse) / (np.abs(np.sign(sparse)).sum(1, keepdims=True) + 1e-10)
        x = project_l1(x + size[:, None] * step, x0, eps)
        loss, g = net.loss_gradient(x, y)
        better = loss > best
        best_x[better], best_g[better], best[better] = x[better], g[better], loss[better]
        counter += 1
        if counter == interval:
            now = changed(best_x, x0)
            sparser = now / before < 0.95
            topk = now / features / 1.5
            size = np.clip(np.where(sparser, eps, size / 1.5), eps / 10, eps)
            before = now.copy()
            if i < n - 1:
                x[sparser], g[sparser] = best_x[sparser], best_g[sparser]
            counter = 0
            trace.append({"sizes": listed(size), "moved": listed(np.maximum(1, np.ceil(topk * features - 1e-9)))})
    return x, best_x, best, trace


def apgd_cases():
    net = Network(24, 12, 4)
    x0 = f32(rng.uniform(size=(5, 24)))
    x0[:, ::5] = np.round(x0[:, ::5])
    y = (np.tanh(x0 @ net.w.T + net.b) @ net.v.T).argmax(1)
    start = f32(x0 + rng.normal(size=x0.shape))
    eps, n = 1.5, 50
    last, _, best, trace = apgd_l1(net, x0, y, start, eps, n, False)
    found = {
        "network": {"w": listed(net.w), "b": listed(net.b), "v": listed(net.v)},
        "originals": listed(x0), "labels": y.tolist(), "start": listed(start), "epsilon": eps, "steps": n,
        "plain": {"last": listed(last), "best": listed(best), "trace": trace},
    }
    steps = [math.ceil(0.3 * n), math.ceil(0.3 * n)]
    steps.append(n - sum(steps))
    point = start
    for radius, k in zip((3, 2, 1), steps):
        last, point, best, _ = apgd_l1(net, x0, y, point, radius * eps, k, True)
    found["shrinking"] = {"last": listed(last), "best": listed(best)}
    return found


# ---------------------------------------------------------------- translation kernels
def kernel(name, size):
    if name == "gaussian":
        t = np.linspace(-3, 3, size)
        side = np.exp(-(t**2) / 2)
    elif name == "linear":
        side = 1 - np.abs(np.linspace((-size + 1) / 2, (size - 1) / 2, size) / (size + 1) * 2)
    else:
        side = np.ones(size)
    whole = np.outer(side, side)
    return whole / whole.sum()


def convolve(image, k):
    height, width, channels = image.shape
    reach = (len(k) - 1) // 2
    padded = np.zeros((height + 2 * reach, width + 2 * reach, channels))
    padded[reach : reach + height, reach : reach + width] = image
    out = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            out[y, x] = np.tensordot(k, padded[y : y + len(k), x : x + len(k)], axes=((0, 1), (0, 1)))
    return out


def kernel_cases():
    cases = []
    for name, size, shape in [("gaussian", 15, (9, 7, 1)), ("gaussian", 3, (4, 5, 3)), ("linear", 5, (6, 6, 2)),
                              ("uniform", 3, (5, 4, 1)), ("uniform", 1, (3, 3, 1))]:
        image = f32(rng.normal(size=shape))
        cases.append({"kernel": name, "size": size, "shape": list(shape), "image": listed(image.ravel()),
                      "smoothed": listed(convolve(image, kernel(name, size)).ravel())})
    return cases


# ---------------------------------------------------------------- resizing as a matrix
def taps(size, whole):
    m = np.zeros((size, whole))
    for i in range(size):
        s = max((i + 0.5) * whole / size - 0.5, 0.0)
        a = int(np.floor(s))
        m[i, a] += 1 - (s - a)
        m[i, min(a + 1, whole - 1)] += s - a
    return m


def resize_cases():
    cases = []
    for (h, w, c), (height, width, top, left) in [((7, 6, 2), (5, 4, 1, 2)), ((4, 4, 1), (4, 4, 0, 0)),
                                                  ((28, 28, 1), (26, 25, 2, 0)), ((5, 3, 1), (1, 1, 4, 2))]:
        image, gradient, ground = f32(rng.uniform(size=(h, w, c))), f32(rng.normal(size=(h, w, c))), 0.25
        rows, columns = taps(height, h), taps(width, w)
        placed = np.full((h, w, c), ground)
        placed[top : top + height, left : left + width] = np.einsum("ay,yxc,bx->abc", rows, image, columns)
        inner = gradient[top : top + height, left : left + width]
        pulled = np.einsum("ay,abc,bx->yxc", rows, inner, columns)
        cases.append({"shape": [h, w, c], "placed": {"height": height, "width": width, "top": top, "left": left},
                      "ground": ground, "image": listed(image.ravel()), "gradient": listed(gradient.ravel()),
                      "applied": listed(placed.ravel()), "pulledBack": listed(pulled.ravel())})
    return cases


# ---------------------------------------------------------------- sequences on the network
def iterate(x0, eps, steps, gradient_at, decay, look_ahead, process=lambda g: g):
    alpha = 0.25 * eps
    x, m = x0.copy(), np.zeros_like(x0)
    for step in range(steps):
        g = process(gradient_at(x + decay * alpha * m if look_ahead else x, step))
        m = decay * m + g / np.abs(g).mean(1, keepdims=True)
        x = np.clip(np.clip(x + alpha * np.sign(m), x0 - eps, x0 + eps), 0, 1)
    return x


def sequence_cases():
    shape = (4, 4, 1)
    net = Network(16, 8, 4)
    x0 = f32(rng.uniform(0.2, 0.8, size=(5, 16)))
    y = (np.tanh(x0 @ net.w.T + net.b) @ net.v.T).argmax(1)
    eps, steps, neighbours = 0.1, 8, 3
    noise = f32(rng.uniform(-1.5 * eps, 1.5 * eps, size=(steps - 1, neighbours, *x0.shape)))
    plain = lambda x, _: net.loss_gradient(x, y)[1]
    scaled = lambda x, _: np.mean([net.loss_gradient(x / 2**i, y)[1] / 2**i for i in range(5)], axis=0)
    variance = np.zeros_like(x0)

    def varied(x, step):
        nonlocal variance
        g = plain(x, step)
        tuned = g + variance
        if step < steps - 1:
            variance = np.mean([plain(x + noise[step, i], step) for i in range(neighbours)], axis=0) - g
        return tuned

    smooth = lambda g: np.stack([convolve(row.reshape(shape), kernel("gaussian", 3)).ravel() for row in g])
    return {
        "network": {"w": listed(net.w), "b": listed(net.b), "v": listed(net.v)}, "shape": list(shape),
        "originals": listed(x0), "labels": y.tolist(), "epsilon": eps, "steps": steps,
        "neighbours": neighbours, "noise": listed(noise),
        "runs": {
            "ni": listed(iterate(x0, eps, steps, plain, 1.0, True)),
            "si": listed(iterate(x0, eps, steps, scaled, 1.0, True)),
            "siWithoutLookAhead": listed(iterate(x0, eps, steps, scaled, 1.0, False)),
            "ti": listed(iterate(x0, eps, steps, plain, 0.0, False, smooth)),
            "vmi": listed(iterate(x0, eps, steps, varied, 1.0, False)),
        },
    }


golden = {"apgdL1": apgd_cases(), "kernels": kernel_cases(), "resizes": resize_cases(), "sequences": sequence_cases()}
(pathlib.Path(__file__).parent / "gradients.json").write_text(json.dumps(golden) + "\n")
