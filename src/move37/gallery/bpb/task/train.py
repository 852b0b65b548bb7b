"""Train a small language model over bytes: embed the last few, one hidden layer, softmax.

After Bengio et al., "A neural probabilistic language model" (2003).
"""

import numpy as np

import prepare

CONTEXT = 4  # bytes that the model sees
EMBEDDING = 8  # numbers that stand for one byte
HIDDEN = 64
ACTIVATION = "tanh"  # tanh, relu, leaky_relu, elu, gelu, silu
EMBEDDING_SCALE = 1.0  # standard deviation of the first embeddings
WEIGHT_SCALE = 1.0  # of the other first weights: 1 keeps the variance from layer to layer

BATCH_SIZE = 32
OPTIMIZER = "adam"  # sgd, momentum, rmsprop, adam, nadam
LEARNING_RATE = 0.001
BETA1 = 0.9  # how slowly the running mean of the gradients changes
BETA2 = 0.999  # and that of their squares
DECAY = False  # whether the learning rate falls linearly to 0
AVERAGE_STEPS = 1  # over about how many of the last steps the saved weights are averaged


# Each returns its value and its derivative. Their constants are no knobs: the judge has the same.
# move37: off
def tanh(x):
    y = np.tanh(x)
    return y, 1 - y * y


def relu(x):
    return np.maximum(x, 0), (x > 0).astype(x.dtype)


def leaky_relu(x):
    slope = np.where(x > 0, 1, 0.01).astype(x.dtype)
    return slope * x, slope


def elu(x):
    below = np.expm1(np.minimum(x, 0))
    return np.where(x > 0, x, below), 1 + below


def gelu(x):
    t = np.tanh(0.7978845608 * (x + 0.044715 * x * x * x))
    slope = 0.7978845608 * (1 + 0.134145 * x * x)
    return 0.5 * x * (1 + t), 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope


def silu(x):
    s = 0.5 * (1 + np.tanh(0.5 * x))
    return x * s, s * (1 + x * (1 - s))


ACTIVATIONS = {f.__name__: f for f in (tanh, relu, leaky_relu, elu, gelu, silu)}
# move37: on


def initial_weights(rng):
    def normal(rows, columns, sd):
        return rng.normal(0, sd, (rows, columns)).astype(np.float32)

    width = CONTEXT * EMBEDDING
    return {
        "embedding": normal(256, EMBEDDING, EMBEDDING_SCALE),
        "hidden": normal(width, HIDDEN, WEIGHT_SCALE / np.sqrt(width)),
        "hidden_bias": np.zeros(HIDDEN, np.float32),
        "output": normal(HIDDEN, 256, WEIGHT_SCALE / np.sqrt(HIDDEN)),
        "output_bias": np.zeros(256, np.float32),
    }


# The same model as the judge understands it; must say what `gradients` computes.
LAYERS = [
    {"op": "embed", "table": "embedding"},
    {"op": "linear", "weight": "hidden", "bias": "hidden_bias"},
    {"op": "activation", "function": ACTIVATION},
    {"op": "linear", "weight": "output", "bias": "output_bias"},
]


def gradients(weights, windows, targets):
    """Mean loss of a batch in bits per byte, and its gradient (in nats) for every weight."""
    size = len(targets)
    x = weights["embedding"][windows].reshape(size, -1)  # [B, context * embedding]
    before = x @ weights["hidden"] + weights["hidden_bias"]
    h, slope = ACTIVATIONS[ACTIVATION](before)  # [B, hidden]
    logits = h @ weights["output"] + weights["output_bias"]  # [B, 256]

    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log2(p[np.arange(size), targets] + 1e-30).mean()

    p[np.arange(size), targets] -= 1
    d_logits = p / size
    d_h = (d_logits @ weights["output"].T) * slope
    d_x = d_h @ weights["hidden"].T
    d_embedding = np.zeros_like(weights["embedding"])
    np.add.at(d_embedding, windows.ravel(), d_x.reshape(-1, EMBEDDING))
    return loss, {
        "embedding": d_embedding,
        "hidden": x.T @ d_h,
        "hidden_bias": d_h.sum(axis=0),
        "output": h.T @ d_logits,
        "output_bias": d_logits.sum(axis=0),
    }


class Optimizer:
    """Changes the weights in place, by gradient descent with or without memory."""

    def __init__(self, weights):
        self.mean = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self.square = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self.steps = 0

    def step(self, weights, gradients, rate):
        self.steps += 1
        for name, gradient in gradients.items():
            weights[name] -= rate * self.direction(name, gradient)

    def direction(self, name, gradient):
        mean, square = self.mean[name], self.square[name]
        if OPTIMIZER == "sgd":
            return gradient
        if OPTIMIZER == "momentum":
            mean *= BETA1
            mean += gradient
            return mean
        square += (1 - BETA2) * (gradient * gradient - square)
        rms = np.sqrt(square / (1 - BETA2**self.steps)) + 1e-8
        if OPTIMIZER == "rmsprop":
            return gradient / rms
        mean += (1 - BETA1) * (gradient - mean)
        if OPTIMIZER == "adam":
            return mean / (1 - BETA1**self.steps) / rms
        if OPTIMIZER == "nadam":
            ahead = BETA1 * mean + (1 - BETA1) * gradient
            return ahead / (1 - BETA1**self.steps) / rms
        raise ValueError(f"unknown optimizer: {OPTIMIZER!r}")


def train():
    weights = initial_weights(prepare.rng())
    average = {name: weight.copy() for name, weight in weights.items()}
    optimizer = Optimizer(weights)
    batches = prepare.Batches(LAYERS, weights, CONTEXT, BATCH_SIZE)

    smooth = None
    for step, (windows, targets) in enumerate(batches):
        loss, gradient = gradients(weights, windows, targets)
        rate = LEARNING_RATE * (1 - step / len(batches)) if DECAY else LEARNING_RATE
        optimizer.step(weights, gradient, rate)
        for name, weight in weights.items():
            average[name] += (weight - average[name]) / AVERAGE_STEPS
        smooth = loss if smooth is None else 0.99 * smooth + 0.01 * loss
        if step % (len(batches) // 10 + 1) == 0:
            print(f"step {step}/{len(batches)}: {smooth:.3f} bits per byte", flush=True)

    prepare.save(LAYERS, average, CONTEXT)
    print(f"step {len(batches)}/{len(batches)}: {smooth:.3f} bits per byte")


if __name__ == "__main__":
    train()
