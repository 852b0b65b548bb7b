"""Fixed: the format of a model. A list of layers and their weights, and how they are evaluated.

Every layer is an object such as

    {"op": "linear", "weight": "hidden", "bias": "hidden_bias", "name": "h", "input": "x"}

"op" is one of LAYERS below. A layer reads the one before it, unless "input" (or, for some,
"inputs") says which by name; "name" gives it one. Other keys say which arrays hold its weights. The
last layer gives 256 numbers, whose softmax is the prediction of the next byte.
"""

import math

import numpy as np

MAX_CONTEXT = 256
MAX_LAYERS = 64
MAX_WIDTH = 8192  # numbers that one layer gives for one position
MAX_COST = 2_000_000  # multiply-adds for one byte


class Malformed(Exception):
    """A model that cannot be evaluated; says why, in one sentence."""


def _gelu(x):
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "relu2": lambda x: np.maximum(x, 0) ** 2,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "gelu": _gelu,
    "silu": lambda x: x * _sigmoid(x),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
}


def ngram_rows(windows: np.ndarray, order: int, rows: int) -> np.ndarray:
    """The row of a table that the last `order` bytes select: hashed, if there are too few rows."""
    key = np.zeros(len(windows), dtype=np.uint64)
    for byte in windows[:, windows.shape[1] - order :].T:
        key = key * np.uint64(256 if 256**order <= rows else 0x9E3779B97F4A7C15) + byte
    if 256**order > rows:
        key ^= key >> np.uint64(29)
    return (key % np.uint64(rows)).astype(np.int64)


def _log_softmax(x):
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


class Layer:
    """One layer while it is checked: reads its keys, and says clearly what is wrong with them."""

    def __init__(self, number: int, keys: dict, weights: dict, context: int, before: dict) -> None:
        self.where = f"layer {number} ({keys.get('op')!r})"
        self._keys = keys
        self._weights = weights
        self._read = {"op", "name"}
        self.context = context
        self.before = before  # width of every layer so far; the last one is the previous layer
        self.weights_used = 0

    def get(self, key: str, default=None):
        self._read.add(key)
        return self._keys.get(key, default)

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        value = self.get(key, default)
        if type(value) is not int or not low <= value <= high:
            raise Malformed(
                f"{self.where}: {key!r} must be an integer from {low} to {high}, not {value!r}"
            )
        return value

    def choice(self, key: str, known) -> str:
        value = self.get(key)
        if not isinstance(value, str) or value not in known:
            raise Malformed(
                f"{self.where}: {key!r} must be one of {', '.join(known)}, not {value!r}"
            )
        return value

    def _earlier(self, name) -> str:
        if not isinstance(name, str) or name not in self.before:
            raise Malformed(f"{self.where}: no earlier layer is called {name!r}")
        return name

    def input(self) -> str:
        """The layer to read: the one before, unless "input" names another."""
        if self.get("input") is None and not self.before:
            raise Malformed(f"{self.where}: the first layer must be 'embed' or 'ngram'")
        return self._earlier(self.get("input", next(reversed(self.before), None)))

    def inputs(self, *, equal: bool) -> list[str]:
        names = self.get("inputs")
        if not isinstance(names, list) or not 1 <= len(names) <= MAX_LAYERS:
            raise Malformed(f"{self.where}: 'inputs' must be a list of names of earlier layers")
        names = [self._earlier(name) for name in names]
        if equal and len({self.before[name] for name in names}) > 1:
            raise Malformed(f"{self.where}: its inputs differ in width")
        return names

    def array(self, key: str, *shape: int | None) -> np.ndarray:
        """A weight of this shape; `None` stands for any size."""
        name = self.get(key)
        if not isinstance(name, str) or name not in self._weights:
            raise Malformed(f"{self.where}: {key!r} must name an array of the model, not {name!r}")
        found = self._weights[name]
        if found.ndim != len(shape) or any(w not in (None, f) for w, f in zip(shape, found.shape)):
            wanted = " x ".join("any" if size is None else str(size) for size in shape)
            raise Malformed(
                f"{self.where}: array {name!r} has shape {found.shape}, but must be {wanted}"
            )
        self.weights_used += found.size
        return found

    def optional_array(self, key: str, *shape: int) -> np.ndarray | None:
        return None if self.get(key) is None else self.array(key, *shape)

    def refuse_the_rest(self) -> None:
        for key in self._keys:
            if key not in self._read:
                known = ", ".join(sorted(self._read))
                raise Malformed(f"{self.where}: unknown key {key!r}; there are {known}")


# Each kind of layer takes a `Layer` and returns the width of what it gives, its multiply-adds for
# one position, and the function that computes it from the windows [n, context] and what the layers
# so far gave.


def embed(layer: Layer):
    """table [256, width]: one row for each of the last `last` bytes, oldest first, end to end."""
    last = layer.integer("last", layer.context, 1, layer.context)
    table = layer.array("table", 256, None)
    layer.weights_used = 0  # looked up, not multiplied
    return (
        last * table.shape[1],
        0,
        lambda windows, values: table[windows[:, -last:]].reshape(len(windows), -1),
    )


def ngram(layer: Layer):
    """table [rows, width]: the row that `ngram_rows` selects by the last `order` bytes."""
    order = layer.integer("order", 2, 1, layer.context)
    table = layer.array("table", None, None)
    layer.weights_used = 0
    return table.shape[1], 0, lambda windows, values: table[ngram_rows(windows, order, len(table))]


def linear(layer: Layer):
    """x @ weight [in, out] + bias [out]. `transpose` takes weight [out, in]; `groups` cuts x into
    so many equal pieces and applies the same weight to each."""
    source = layer.input()
    groups = layer.integer("groups", 1, 1, MAX_WIDTH)
    if layer.before[source] % groups:
        raise Malformed(
            f"{layer.where}: {groups} groups do not divide a width of {layer.before[source]}"
        )
    width = layer.before[source] // groups
    if layer.get("transpose", False) not in (True, False):
        raise Malformed(f"{layer.where}: 'transpose' must be true or false")
    weight = (
        layer.array("weight", None, width).T
        if layer.get("transpose")
        else layer.array("weight", width, None)
    )
    bias = layer.optional_array("bias", weight.shape[1])

    def run(windows, values):
        y = values[source].reshape(-1, width) @ weight
        return (y if bias is None else y + bias).reshape(len(windows), -1)

    return groups * weight.shape[1], groups * weight.size, run


def activation(layer: Layer):
    """A function of each number, by its `function` in ACTIVATIONS."""
    source, function = layer.input(), ACTIVATIONS[layer.choice("function", ACTIVATIONS)]
    return layer.before[source], 0, lambda windows, values: function(values[source])


def norm(layer: Layer):
    """`kind` "layer" or "rms": divide by the standard deviation or the root mean square (with 1e-5
    under the root), then times gain [width], plus bias [width], if given."""
    source = layer.input()
    width = layer.before[source]
    centred = layer.choice("kind", ("layer", "rms")) == "layer"
    gain, bias = layer.optional_array("gain", width), layer.optional_array("bias", width)

    def run(windows, values):
        x = values[source]
        x = x - x.mean(axis=1, keepdims=True) if centred else x
        x = x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)
        x = x if gain is None else x * gain
        return x if bias is None else x + bias

    return width, 0, run


def scale(layer: Layer):
    """x times `by` [width] or [1]."""
    source = layer.input()
    by = layer.array("by", None)
    if by.size not in (1, layer.before[source]):
        raise Malformed(
            f"{layer.where}: 'by' must have 1 or {layer.before[source]} numbers, not {by.size}"
        )
    return layer.before[source], 0, lambda windows, values: values[source] * by


def add(layer: Layer):
    """The sum of `inputs`: residual connections."""
    names = layer.inputs(equal=True)
    return layer.before[names[0]], 0, lambda windows, values: sum(values[name] for name in names)


def multiply(layer: Layer):
    """The product of `inputs`, number by number: gates."""
    names = layer.inputs(equal=True)
    return (
        layer.before[names[0]],
        0,
        lambda windows, values: math.prod(values[name] for name in names),
    )


def concat(layer: Layer):
    """`inputs` side by side."""
    names = layer.inputs(equal=False)
    width = sum(layer.before[name] for name in names)
    return (
        width,
        0,
        lambda windows, values: np.concatenate([values[name] for name in names], axis=1),
    )


def mix(layer: Layer):
    """A mixture of distributions: the logarithm of sum_k p_k softmax(inputs_k), where p is the
    softmax of the array `weights` [k] or of the earlier layer `by`, of width k."""
    names = layer.inputs(equal=True)
    by = layer.get("by")
    if by is None:
        weights = layer.array("weights", len(names))
    elif layer.before[layer._earlier(by)] != len(names):
        raise Malformed(
            f"{layer.where}: {by!r} must have a width of {len(names)}, one for each input"
        )

    def run(windows, values):
        shares = _log_softmax(values[by] if by is not None else np.tile(weights, (len(windows), 1)))
        terms = [_log_softmax(values[name]) + shares[:, [k]] for k, name in enumerate(names)]
        return np.logaddexp.reduce(terms, axis=0)

    return layer.before[names[0]], 0, run


LAYERS = {
    kind.__name__: kind
    for kind in (embed, ngram, linear, activation, norm, scale, add, multiply, concat, mix)
}


class Model:
    """A checked byte language model. Raises `Malformed`."""

    def __init__(self, layers: list, weights: dict, context: int) -> None:
        if type(context) is not int or not 1 <= context <= MAX_CONTEXT:
            raise Malformed(
                f"'context' must be an integer from 1 to {MAX_CONTEXT}, not {context!r}"
            )
        if not isinstance(layers, list) or not 1 <= len(layers) <= MAX_LAYERS:
            raise Malformed(f"'layers' must be a list of 1 to {MAX_LAYERS} layers")
        self.context = context
        self.cost = 0  # multiply-adds for one position
        self.elements = 0  # numbers that the layers give for one position
        self.trained = 0  # weights that every step changes
        self._steps = []
        widths = {}
        for number, keys in enumerate(layers):
            if not isinstance(keys, dict):
                raise Malformed(f"layer {number}: must be an object with an 'op'")
            layer = Layer(number, keys, weights, context, widths)
            width, cost, run = LAYERS[layer.choice("op", LAYERS)](layer)
            layer.refuse_the_rest()
            name = keys.get("name", f"#{number}")
            if not isinstance(name, str) or not name or name in widths:
                raise Malformed(f"{layer.where}: its 'name' must be one that no other layer has")
            self.cost += cost
            self.elements += width
            self.trained += layer.weights_used
            if width > MAX_WIDTH or self.cost > MAX_COST:
                raise Malformed(
                    f"{layer.where}: too large; a layer may give {MAX_WIDTH} numbers, "
                    f"and the model use {MAX_COST:,} multiply-adds for one byte"
                )
            widths[name] = width
            self._steps.append((name, run))
        if width != 256:
            raise Malformed(f"the last layer must give 256 numbers, one for each byte, not {width}")

    def bits(self, windows: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """How many bits each target costs, given the bytes before it."""
        found = []
        for i in range(0, len(targets), 256):
            values = {}
            with np.errstate(all="ignore"):
                for name, run in self._steps:
                    values[name] = run(windows[i : i + 256], values)
                logits = np.asarray(values[name], dtype=np.float64)
            if not np.isfinite(logits).all():
                raise Malformed("the model's output is not finite")
            chosen = targets[i : i + 256, None]
            found.append(
                -np.take_along_axis(_log_softmax(logits), chosen, axis=1)[:, 0] / math.log(2)
            )
        return np.concatenate(found)
