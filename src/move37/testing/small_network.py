"""A small llama-like language model in numpy: weights, one step forward, choosing the next token.

For tests: one sequence at a time, on whatever BLAS numpy has. Weights are kept as float32, about
0.5 GB for 135 million of them: half the memory would halve the speed, as numpy has no fast product
of anything smaller.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_BLOCK = 128
"""Tokens of a prompt that go through the layers together: more would only need more memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One block. Matrices are [outputs, inputs]; D is the width, G groups of heads share a key."""

    attention_norm: Floats  # [D]
    queries_keys_values: Floats  # [(heads + 2 G) * size, D]
    attention_output: Floats  # [D, heads * size]
    feed_norm: Floats  # [D]
    gate_and_up: Floats  # [2 F, D]
    down: Floats  # [D, F]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The numbers that weights alone do not tell."""

    heads: int
    groups: int
    """Heads of keys and values, each shared by `heads / groups` heads of queries."""
    head_size: int
    norm_epsilon: float
    rotation_base: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    shape: Shape
    embedding: Floats  # [V, D]; also what the last layer is compared with
    layers: tuple[Layer, ...]
    output_norm: Floats  # [D]


class Memory:
    """Keys and values of the tokens read so far, and which tokens those are."""

    def __init__(self, network: Network, window: int) -> None:
        shape = network.shape
        size = (len(network.layers), shape.groups, window, shape.head_size)
        self.window = window
        self.tokens: list[int] = []
        self.blocks = 0
        """Tokens at the beginning that were read in whole blocks."""
        self.keys = np.zeros(size, np.float32)
        self.values = np.zeros(size, np.float32)
        self.cosines, self.sines = _rotations(shape, window)

    def keep(self, tokens: Sequence[int]) -> int:
        """Forget all but what these tokens begin with; return how many those are.

        Kept are whole blocks only: products of other sizes round otherwise, and what is said must
        not hang on what was said before. At least the last token is left to be read.
        """
        same = 0
        for old, new in zip(self.tokens[: self.blocks], tokens[:-1], strict=False):
            if old != new:
                break
            same += 1
        self.blocks = same // _BLOCK * _BLOCK
        del self.tokens[self.blocks :]
        return self.blocks


def _rotations(shape: Shape, window: int) -> tuple[Floats, Floats]:
    """Cosines and sines of every position: [window, head size / 2]."""
    powers = np.arange(0, shape.head_size, 2) / shape.head_size
    angles = np.arange(window)[:, None] / shape.rotation_base**powers
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def read(network: Network, memory: Memory, tokens: Sequence[int]) -> Floats:
    """Read these tokens after those in memory; return the logits of the next one, [V]."""
    assert tokens, "there must be something to read"
    assert len(memory.tokens) + len(tokens) <= memory.window, "the window is full"
    last = np.empty(0, np.float32)
    for start in range(0, len(tokens), _BLOCK):
        block = tokens[start : start + _BLOCK]
        last = _layers(network, memory, block)
        if len(block) == _BLOCK and len(memory.tokens) == memory.blocks + _BLOCK:
            memory.blocks += _BLOCK
    return network.embedding @ _normed(last, network.output_norm, network.shape.norm_epsilon)


def _layers(network: Network, memory: Memory, tokens: Sequence[int]) -> Floats:
    """Through all layers; return what the last token became, [D]."""
    epsilon = network.shape.norm_epsilon
    x: Floats = network.embedding[list(tokens)]  # [N, D]
    for number, layer in enumerate(network.layers):
        mixed = _attend(
            network.shape, layer, memory, number, _normed(x, layer.attention_norm, epsilon)
        )
        x += mixed @ layer.attention_output.T
        gate, up = np.split(_normed(x, layer.feed_norm, epsilon) @ layer.gate_and_up.T, 2, axis=1)
        x += (gate / (1 + np.exp(-gate)) * up) @ layer.down.T
    memory.tokens.extend(tokens)
    return x[-1]


def _normed(x: Floats, weight: Floats, epsilon: float) -> Floats:
    scale = np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(epsilon))
    return x / scale * weight


def _attend(shape: Shape, layer: Layer, memory: Memory, number: int, x: Floats) -> Floats:
    """Each token looks at itself and at those before it: [N, D] to [N, heads * size]."""
    count, size, groups = len(x), shape.head_size, shape.groups
    begin = len(memory.tokens)
    end = begin + count
    parts = (x @ layer.queries_keys_values.T).reshape(count, -1, size)
    rotated = _rotate(
        parts[:, : shape.heads + groups], memory.cosines[begin:end], memory.sines[begin:end]
    )
    memory.keys[number, :, begin:end] = rotated[:, shape.heads :].swapaxes(0, 1)
    memory.values[number, :, begin:end] = parts[:, shape.heads + groups :].swapaxes(0, 1)
    keys, values = memory.keys[number, :, :end], memory.values[number, :, :end]  # [G, T, size]
    shared = shape.heads // groups
    queries = rotated[:, : shape.heads].reshape(count, groups, shared, size)
    queries = queries.transpose(1, 2, 0, 3).reshape(groups, shared * count, size)
    scores = queries @ keys.swapaxes(1, 2) * np.float32(size**-0.5)  # [G, shared * N, T]
    if count > 1:
        is_later = np.arange(end)[None, :] > np.arange(begin, end)[:, None]  # [N, T]
        scores = np.where(np.tile(is_later, (shared, 1)), np.float32(-np.inf), scores)
    weights: Floats = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    mixed = (weights @ values).reshape(groups, shared, count, size)
    return mixed.transpose(2, 0, 1, 3).reshape(count, -1)


def _rotate(x: Floats, cosines: Floats, sines: Floats) -> Floats:
    """Turn neighbouring pairs of each head, [N, heads, size], by the angle of their position."""
    cosines, sines = cosines[:, None, :], sines[:, None, :]
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = np.empty_like(x)
    turned[..., 0::2] = even * cosines - odd * sines
    turned[..., 1::2] = even * sines + odd * cosines
    return turned


def generate(
    network: Network,
    memory: Memory,
    prompt: Sequence[int],
    *,
    temperature: float,
    top_p: float,
    seed: int,
) -> Generator[int]:
    """Yield tokens until the window is full. What memory has of the prompt is not read again.

    The same prompt, settings and seed give the same tokens; at temperature 0 the seed is nothing.
    """
    random = np.random.default_rng(seed)
    known = memory.keep(prompt)
    logits = read(network, memory, prompt[known:])
    while True:
        token = _choose(logits, temperature, top_p, random)
        yield token
        if len(memory.tokens) == memory.window:
            return
        logits = read(network, memory, [token])


def _choose(logits: Floats, temperature: float, top_p: float, random: np.random.Generator) -> int:
    if temperature <= 0:
        return int(np.argmax(logits))
    scaled = (logits - logits.max()).astype(np.float64) / temperature
    chances = np.exp(scaled)
    chances /= chances.sum()
    if top_p < 1:
        order = np.argsort(-chances, kind="stable")
        before = np.cumsum(chances[order]) - chances[order]
        chances[order[before >= top_p]] = 0.0
        chances /= chances.sum()
    return int(random.choice(len(chances), p=chances))


def build_network(read_tensor: Callable[[str], Floats], fields: Mapping[str, Any]) -> Network:
    """From the tensors and the metadata of a GGUF file of architecture `llama`.

    read_tensor: a tensor's values as float32, by its name.
    """
    heads = int(fields["llama.attention.head_count"])
    width = int(fields["llama.embedding_length"])
    shape = Shape(
        heads=heads,
        groups=int(fields["llama.attention.head_count_kv"]),
        head_size=width // heads,
        norm_epsilon=float(fields["llama.attention.layer_norm_rms_epsilon"]),
        rotation_base=float(fields["llama.rope.freq_base"]),
    )

    def layer(number: int) -> Layer:
        def tensor(*names: str) -> Floats:
            return np.concatenate([read_tensor(f"blk.{number}.{name}.weight") for name in names])

        return Layer(
            attention_norm=tensor("attn_norm"),
            queries_keys_values=tensor("attn_q", "attn_k", "attn_v"),
            attention_output=tensor("attn_output"),
            feed_norm=tensor("ffn_norm"),
            gate_and_up=tensor("ffn_gate", "ffn_up"),
            down=tensor("ffn_down"),
        )

    return Network(
        shape=shape,
        embedding=read_tensor("token_embd.weight"),
        layers=tuple(map(layer, range(int(fields["llama.block_count"])))),
        output_norm=read_tensor("output_norm.weight"),
    )
