"""Pairs of edits to one program, labelled by hand: is the second one the first one again?

The thresholds of `near.py` were chosen on these.
"""

from typing import NamedTuple

BASE = '''\
"""A small model."""
import numpy as np


def activation(x):
    return np.maximum(x, 0)


def loss(pred, target):
    return np.mean((pred - target) ** 2)


class Model:
    def __init__(self, width=64, depth=2):
        self.layers = [np.random.randn(width, width) for _ in range(depth)]

    def forward(self, x):
        for layer in self.layers:
            x = activation(x @ layer)
        return x


def train(model, data, lr=0.01, steps=100):
    for step in range(steps):
        x, y = data.batch(32)
        grad = gradient(model, x, y)
        for layer, g in zip(model.layers, grad):
            layer -= lr * g
    return model
'''

C_BASE = """\
#include <stdio.h>
#define BLOCK 32
double sum(const double *a, int n) {
    double total = 0;
    for (int i = 0; i < n; i++) {
        total += a[i];
    }
    return total;
}
"""


class Pair(NamedTuple):
    name: str
    one: tuple[tuple[str, str], ...]
    """Replacements in the base."""
    other: tuple[tuple[str, str], ...]
    near: bool
    path: str = "train.py"


_GRAD = "        grad = gradient(model, x, y)\n"
_UPDATE = "            layer -= lr * g\n"
_LOSS = "    return np.mean((pred - target) ** 2)\n"
_ACT = "    return np.maximum(x, 0)\n"
_STEP = "    for step in range(steps):\n"


def _momentum(name: str, factor: str) -> tuple[tuple[str, str], ...]:
    return (
        (_STEP, f"    {name} = [0 * layer for layer in model.layers]\n{_STEP}"),
        (
            "        for layer, g in zip(model.layers, grad):\n" + _UPDATE,
            f"        {name} = [{factor} * a + b for a, b in zip({name}, grad)]\n"
            f"        for layer, g in zip(model.layers, {name}):\n" + _UPDATE,
        ),
    )


def _added(after: str, text: str) -> tuple[tuple[str, str], ...]:
    return ((after, after + text),)


def _long(function: str, name: str = "part") -> str:
    lines = [
        f"    {name}{i} = np.roll(pred, {i}) - target * weight{i}({name}{i})\n" for i in range(30)
    ]
    return "".join(lines) + f"    return np.{function}({name}3).mean()\n"


PAIRS = (
    # the same again
    Pair("other names", _momentum("velocity", "0.9"), _momentum("momentum_buffer", "0.9"), True),
    Pair("number spelled otherwise", _momentum("v", "0.9"), _momentum("v", "0.90"), True),
    Pair(
        "a comment",
        _added(_GRAD, "        grad = [np.clip(g, -1, 1) for g in grad]\n"),
        _added(
            _GRAD, "        # keep it small\n        grad = [np.clip(g, -1, 1) for g in grad]\n"
        ),
        True,
    ),
    Pair(
        "a comment on the line before",
        _added(_GRAD, "        grad = [np.clip(g, -1, 1) for g in grad]\n"),
        ((_GRAD, _GRAD[:-1] + "  # raw\n        grad = [np.clip(g, -1, 1) for g in grad]\n"),),
        True,
    ),
    Pair(
        "wrapped lines",
        ((_LOSS, "    return np.mean(np.abs(pred - target) ** 1.5)\n"),),
        ((_LOSS, "    return np.mean(\n        np.abs(pred - target) ** 1.5\n    )\n"),),
        True,
    ),
    Pair(
        "a docstring",
        (
            (
                "def loss(pred, target):\n" + _LOSS,
                "def loss(pred, target):\n    return np.mean(np.log(np.cosh(pred - target)))\n",
            ),
        ),
        (
            (
                "def loss(pred, target):\n" + _LOSS,
                'def loss(pred, target):\n    """Log-cosh."""\n    return np.mean(np.log(np.cosh(pred - target)))\n',
            ),
        ),
        True,
    ),
    Pair(
        "something printed",
        _added(_GRAD, "        lr = lr * 0.99\n"),
        _added(_GRAD, "        lr = lr * 0.99\n        print('lr', lr)\n"),
        True,
    ),
    Pair(
        "a helper of another name",
        (
            (_ACT, "    return swish(x)\n"),
            (
                "def activation(x):\n",
                "def swish(value):\n    return value / (1 + np.exp(-value))\n\n\ndef activation(x):\n",
            ),
        ),
        (
            (_ACT, "    return silu(x)\n"),
            (
                "def activation(x):\n",
                "def silu(z):\n    return z / (1 + np.exp(-z))\n\n\ndef activation(x):\n",
            ),
        ),
        True,
    ),
    Pair(
        "blank lines",
        _added(_GRAD, "        x = x - x.mean()\n        x = x / x.std()\n"),
        _added(_GRAD, "\n        x = x - x.mean()\n\n        x = x / x.std()\n"),
        True,
    ),
    Pair(
        "a loop variable of another name",
        _added(_GRAD, "        for item in grad:\n            item *= 0.5\n"),
        _added(_GRAD, "        for g_i in grad:\n            g_i *= 0.5\n"),
        True,
    ),
    Pair(
        "a statement dropped twice",
        (("            x = activation(x @ layer)\n", "            x = x @ layer\n"),),
        (("            x = activation(x @ layer)\n", "            x = x @ layer  # linear\n"),),
        True,
    ),
    Pair(
        "C, other names",
        (
            ("    double total = 0;\n", "    double total = 0, rest = 0;\n"),
            (
                "        total += a[i];\n",
                "        double y = a[i] - rest;\n        double t = total + y;\n        rest = (t - total) - y;\n        total = t;\n",
            ),
        ),
        (
            ("    double total = 0;\n", "    double total = 0, rest = 0;\n"),
            (
                "        total += a[i];\n",
                "        double yy = a[i] - rest;\n        double tt = total + yy; // Kahan\n        rest = (tt - total) - yy;\n        total = tt;\n",
            ),
        ),
        True,
        "sum.c",
    ),
    # something else
    Pair("a number turned", _momentum("velocity", "0.9"), _momentum("velocity", "0.95"), False),
    Pair("a constant turned further", (("lr=0.01", "lr=0.02"),), (("lr=0.01", "lr=0.03"),), False),
    Pair("a constant turned back", (("lr=0.01", "lr=0.02"),), (("lr=0.01", "lr=0.005"),), False),
    Pair("whole numbers", (("width=64", "width=128"),), (("width=64", "width=129"),), False),
    Pair("another constant", (("lr=0.01", "lr=100"),), (("steps=100", "steps=1000"),), False),
    Pair(
        "another function",
        ((_ACT, "    return np.tanh(x)\n"),),
        ((_ACT, "    return np.sin(x)\n"),),
        False,
    ),
    Pair(
        "another place",
        _added(_GRAD, "        x = np.clip(x, -3, 3)\n"),
        (
            (
                "            x = activation(x @ layer)\n",
                "            x = activation(x @ layer)\n            x = np.clip(x, -3, 3)\n",
            ),
        ),
        False,
    ),
    Pair(
        "the sign",
        (("            layer -= lr * g\n", "            layer -= lr * g + 0.001 * layer\n"),),
        (("            layer -= lr * g\n", "            layer -= lr * g - 0.001 * layer\n"),),
        False,
    ),
    Pair(
        "another norm",
        _added(_GRAD, "        x = x / np.linalg.norm(x, axis=0)\n"),
        _added(_GRAD, "        x = x / np.abs(x).max(axis=0)\n"),
        False,
    ),
    Pair(
        "one more edit",
        _added(_GRAD, "        grad = [np.sign(g) for g in grad]\n"),
        (
            *_added(_GRAD, "        grad = [np.sign(g) for g in grad]\n"),
            (_ACT, "    return np.tanh(x)\n"),
        ),
        False,
    ),
    Pair(
        "a setting of another name",
        (
            ("lr=0.01, steps=100", "lr=0.01, steps=100, decay=0.1"),
            (_UPDATE, "            layer -= lr * (g + decay * layer)\n"),
        ),
        (
            ("lr=0.01, steps=100", "lr=0.01, steps=100, noise=0.1"),
            (_UPDATE, "            layer -= lr * (g + noise * np.random.randn(*layer.shape))\n"),
        ),
        False,
    ),
    Pair(
        "a call's argument of another name",
        ((_LOSS, "    return np.mean((pred - target) ** 2, axis=0)\n"),),
        ((_LOSS, "    return np.mean((pred - target) ** 2, keepdims=0)\n"),),
        False,
    ),
    Pair(
        "an attribute of another name",
        _added("    def __init__(self, width=64, depth=2):\n", "        self.dropout = 0.1\n"),
        _added("    def __init__(self, width=64, depth=2):\n", "        self.smoothing = 0.1\n"),
        False,
    ),
    Pair(
        "C, a macro",
        (("#define BLOCK 32", "#define BLOCK 64"),),
        (("#define BLOCK 32", "#define BLOCK 16"),),
        False,
        "sum.c",
    ),
    Pair(
        "a long rewrite with another function in it",
        ((_LOSS, _long("sin")),),
        ((_LOSS, _long("tanh")),),
        False,
    ),
    Pair("the same long rewrite", ((_LOSS, _long("sin")),), ((_LOSS, _long("sin", "e")),), True),
    Pair(
        "a long rewrite with another optimiser in it",
        _momentum("state", "0.9"),
        (
            *_momentum("state", "0.9")[:1],
            (
                _momentum("state", "0.9")[1][0],
                _momentum("state", "0.9")[1][1].replace("* a + b", "* a + b ** 2"),
            ),
        ),
        False,
    ),
)


def made(pair: Pair, replacements: tuple[tuple[str, str], ...]) -> bytes:
    text = C_BASE if pair.path.endswith(".c") else BASE
    for old, new in replacements:
        assert old in text, (pair.name, old)
        text = text.replace(old, new, 1)
    return text.encode()


def base(pair: Pair) -> bytes:
    return (C_BASE if pair.path.endswith(".c") else BASE).encode()
