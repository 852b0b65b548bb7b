"""The model: an average of a ridge regression and of nearest neighbours, both bagged. Change this file."""

import numpy as np

# What the regression sees.
STANDARDISE = False  # bring all columns to one scale
SQUARES = True  # add the square of each column
PRODUCTS = True  # add the product of each two columns

# The regression.
RIDGE = 0.001  # how strongly weights are held back

# The neighbours.
NEIGHBOURS = 2
NEAR_POWER = 2.0  # how much more the near ones count

# Both together.
SHARE = 0.3  # of the regression; the neighbours have the rest
BAGS = 3  # models to average
BAG_FRACTION = 0.5  # of the rows, for each
SHRINK = 1.0  # how far predictions may be from the mean of the training rows


def predict(train_x, train_y, test_x, rng):
    """Predict the rows of `test_x` [n, 10] after learning from `train_x` [m, 10] and `train_y` [m]."""
    mean, scale = train_x.mean(axis=0), np.ones(train_x.shape[1])
    if STANDARDISE:
        scale = train_x.std(axis=0)
    train_x, test_x = (train_x - mean) / scale, (test_x - mean) / scale
    total = np.zeros(len(test_x))
    for _ in range(BAGS):
        rows = rng.permutation(len(train_x))[: max(20, int(BAG_FRACTION * len(train_x)))]
        x, y = train_x[rows], train_y[rows]
        total += SHARE * regression(x, y, test_x) + (1 - SHARE) * neighbours(x, y, test_x)
    centre = train_y.mean()
    return centre + SHRINK * (total / BAGS - centre)


def regression(x, y, test_x):
    """Ridge regression on the columns, and on what `SQUARES` and `PRODUCTS` add."""
    inputs, outputs = features(x), features(test_x)
    middle = inputs.mean(axis=0)
    inputs, outputs = inputs - middle, outputs - middle
    strength = RIDGE * len(x) * np.eye(inputs.shape[1])
    weights = np.linalg.solve(inputs.T @ inputs + strength, inputs.T @ (y - y.mean()))
    return y.mean() + outputs @ weights


def features(x):
    """The columns with their squares and products, as wanted."""
    columns = [x]
    if SQUARES:
        columns.append(x**2)
    if PRODUCTS:
        first, second = np.triu_indices(x.shape[1], 1)
        columns.append(x[:, first] * x[:, second])
    return np.concatenate(columns, axis=1)


def neighbours(x, y, test_x):
    """The mean of the nearest training rows, the nearer the heavier."""
    squared = (test_x**2).sum(1)[:, None] - 2 * test_x @ x.T + (x**2).sum(1)[None, :]
    distance = np.sqrt(np.maximum(squared, 1e-12))
    nearest = np.argsort(distance, axis=1)[:, :NEIGHBOURS]
    weight = np.take_along_axis(distance, nearest, axis=1) ** -NEAR_POWER
    return (weight * y[nearest]).sum(axis=1) / weight.sum(axis=1)
