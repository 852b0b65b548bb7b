"""Train a sparse autoencoder: the eight largest latents stay, all others are 0.

After Makhzani and Frey, "k-sparse autoencoders" (2013). Change this file.
"""

import numpy as np

import prepare

LATENTS = 128  # move37: 32..256 pow2
ACTIVE = prepare.ACTIVE  # move37: off

BATCH_SIZE = 256  # move37: 64..2048 pow2
LEARNING_RATE = 0.001
BETA1 = 0.9  # how slowly the running mean of the gradients changes
BETA2 = 0.999  # and that of their squares
COOL_DOWN = False  # whether the learning rate falls linearly to 0
EXTRA_ACTIVE = 0  # move37: int 0..24
UNIT_ATOMS = False  # whether the rows of the decoder are kept at length 1
START_SCALE = 1.0  # length of the encoder's first columns
ATOM_SCALE = 1.0  # and of the decoder's first rows
SAMPLE_START = False  # whether the first atoms are activations, and not random directions


def start(rng, sample):
    """Encoder, its bias, decoder, its bias."""
    centre = sample.mean(axis=0)
    atoms = rng.normal(size=(LATENTS, sample.shape[1]))
    if SAMPLE_START:
        atoms = (sample - centre)[rng.choice(len(sample), LATENTS, replace=False)]
    atoms = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
    encoder = START_SCALE * atoms.T
    parts = [encoder, -centre @ encoder, ATOM_SCALE * atoms, centre]
    return [part.astype(np.float32) for part in parts]


# move37: off
def keep_largest(code, active):
    """Set all but the `active` largest numbers of each row to 0, in place."""
    if active < code.shape[1]:
        small = np.argpartition(code, -active, axis=1)[:, :-active]
        np.put_along_axis(code, small, 0, axis=1)
    return code


def gradients(weights, a, active):
    """Mean squared error of a batch, and its gradient for every weight."""
    encoder, encoder_bias, decoder, decoder_bias = weights
    code = keep_largest(np.maximum(a @ encoder + encoder_bias, 0), active)
    error = code @ decoder + decoder_bias - a
    d_out = error * (2 / len(a))
    d_code = (d_out @ decoder.T) * (code > 0)
    loss = (error * error).sum(axis=1).mean()
    return loss, [a.T @ d_code, d_code.sum(axis=0), code.T @ d_out, d_out.sum(axis=0)]


# move37: on


def train():
    batches = prepare.Batches(BATCH_SIZE)
    weights = start(prepare.rng(), batches.sample)
    mean = [np.zeros_like(weight) for weight in weights]
    square = [np.zeros_like(weight) for weight in weights]
    for step, a in enumerate(batches):
        left = 1 - step / len(batches)
        # More latents than will be allowed may be active at first, so that all of them learn something.
        loss, gradient = gradients(weights, a, ACTIVE + round(EXTRA_ACTIVE * max(0, 2 * left - 1)))
        rate = LEARNING_RATE * left if COOL_DOWN else LEARNING_RATE
        for weight, g, m, s in zip(weights, gradient, mean, square):
            m += (1 - BETA1) * (g - m)
            s += (1 - BETA2) * (g * g - s)
            rms = np.sqrt(s / (1 - BETA2 ** (step + 1))) + 1e-8
            weight -= rate * (m / (1 - BETA1 ** (step + 1)) / rms)
        if UNIT_ATOMS:
            weights[2] /= np.linalg.norm(weights[2], axis=1, keepdims=True) + 1e-8
        if step % (len(batches) // 10 + 1) == 0:
            print(f"step {step}/{len(batches)}: squared error {loss:.3f}", flush=True)
    prepare.save(*weights)


if __name__ == "__main__":
    train()
