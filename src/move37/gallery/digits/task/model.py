"""The model: a network with one hidden layer, trained by gradient descent. Change this file."""

import numpy as np

PIXELS, DIGITS = 64, 10  # move37: off

# The network.
HIDDEN = 32  # move37: 8..256 pow2
ACTIVATION = "tanh"  # tanh, relu, silu
WEIGHT_SCALE = 1.0  # of the first weights: 1 keeps the variance from layer to layer
MODELS = 1  # move37: int 1..5

# How it is trained.
EPOCHS = 20  # move37: 5..100 log
BATCH_SIZE = 32  # move37: 8..256 pow2
LEARNING_RATE = 0.1
MOMENTUM = 0.0
WEIGHT_DECAY = 0.0
COOL_DOWN = False  # whether the learning rate falls linearly to 0

# What it is shown.
SHIFT = 0.0  # move37: 0..2
NOISE = 0.0  # standard deviation of what is added to a pixel, which is from 0 to 1
SMOOTHING = 0.0  # share of the label that is spread over all digits

# What it says.
TEMPERATURE = 1.0  # above 1: less sure of itself


def predict(x, y, unlabelled, rng):
    """Learn from `x` [n, 64] and `y` [n]; return ten probabilities for each of `unlabelled` [m, 64]."""
    centre = x.mean(axis=0)
    p = np.zeros((len(unlabelled), DIGITS))
    for _ in range(MODELS):
        weights = train(x, y, centre, rng)
        p += softmax(forward(weights, unlabelled - centre)[-1] / TEMPERATURE)
    return p / p.sum(axis=1, keepdims=True)


def train(x, y, centre, rng):
    weights = initial_weights(rng)
    speed = [np.zeros_like(weight) for weight in weights]
    wanted = (1 - SMOOTHING) * np.eye(DIGITS)[y] + SMOOTHING / DIGITS
    steps, done = EPOCHS * -(-len(x) // BATCH_SIZE), 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            shown = disturbed(x[rows], rng) - centre
            rate = LEARNING_RATE * (1 - done / steps) if COOL_DOWN else LEARNING_RATE
            for weight, v, gradient in zip(weights, speed, gradients(weights, shown, wanted[rows])):
                v *= MOMENTUM
                v -= rate * (gradient + WEIGHT_DECAY * weight)
                weight += v
            done += 1
    return weights


def initial_weights(rng):
    return [
        rng.normal(0, WEIGHT_SCALE / np.sqrt(PIXELS), (PIXELS, HIDDEN)),
        np.zeros(HIDDEN),
        rng.normal(0, WEIGHT_SCALE / np.sqrt(HIDDEN), (HIDDEN, DIGITS)),
        np.zeros(DIGITS),
    ]


def forward(weights, x):
    """The hidden layer before and after its activation, and the logits."""
    before = x @ weights[0] + weights[1]
    after = activation(before)
    return before, after, after @ weights[2] + weights[3]


def gradients(weights, x, wanted):
    """Of the mean log loss."""
    before, after, logits = forward(weights, x)
    d_logits = (softmax(logits) - wanted) / len(x)
    d_before = (d_logits @ weights[2].T) * slope(before, after)
    return x.T @ d_before, d_before.sum(axis=0), after.T @ d_logits, d_logits.sum(axis=0)


def activation(x):
    if ACTIVATION == "relu":
        return np.maximum(x, 0)
    if ACTIVATION == "silu":
        return x * sigmoid(x)
    return np.tanh(x)


def slope(before, after):
    if ACTIVATION == "relu":
        return before > 0
    if ACTIVATION == "silu":
        s = sigmoid(before)
        return s + after * (1 - s)
    return 1 - after**2


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def softmax(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def disturbed(x, rng):
    """The images, each moved by up to `SHIFT` pixels to any side and made noisy."""
    if SHIFT:
        images = x.reshape(-1, 8, 8)
        down, right = (mover(rng.uniform(-SHIFT, SHIFT, len(x))) for _ in range(2))
        x = (down @ images @ right.transpose(0, 2, 1)).reshape(-1, PIXELS)
    if NOISE:
        x = x + rng.normal(0, NOISE, x.shape)
    return x


def mover(distance):
    """For each distance a matrix [8, 8] that moves a row of pixels by it, with linear interpolation."""
    place = np.arange(8)
    apart = place[None, :, None] - place[None, None, :] - distance[:, None, None]
    return np.maximum(1 - np.abs(apart), 0)
