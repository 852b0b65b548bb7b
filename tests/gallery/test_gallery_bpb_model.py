"""The judge of `bpb`: it computes what a model says, believes nothing else, and explains a refusal."""

import io
import json
import math
import os
import pickle
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Layers = list[dict[str, Any]]
Weights = dict[str, Any]

PLAIN: Layers = [{"op": "embed", "table": "e"}, {"op": "linear", "weight": "w"}]


def plain_weights(context: int = 3) -> Weights:
    rng = np.random.default_rng(0)
    return {"e": rng.normal(size=(256, 2)), "w": rng.normal(size=(2 * context, 256))}


def write(path: Path, layers: object, weights: Weights, context: object = 3) -> Path:
    spec = json.dumps({"context": context, "layers": layers}).encode()
    np.savez(path, spec=np.frombuffer(spec, dtype=np.uint8), **weights)
    return path


def windows_and_targets(context: int, count: int = 40) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    windows = rng.integers(0, 256, (count, context)).astype(np.uint8)
    return windows, rng.integers(0, 256, count).astype(np.uint8)


# --- what the judge computes -----------------------------------------------------------------------


def by_hand(windows: Any, targets: Any, weights: Weights) -> list[float]:
    """The model of `test_the_judge_computes_what_a_slow_reference_does`, number by number."""
    w: dict[str, list[Any]] = {name: array.tolist() for name, array in weights.items()}
    bits: list[float] = []
    examples: list[tuple[list[int], int]] = list(
        zip(windows.tolist(), targets.tolist(), strict=True)
    )
    for window, target in examples:
        x: list[float] = [v for byte in window for v in w["e"][byte]]
        h: list[float] = [
            math.fsum(x[i] * w["w1"][i][j] for i in range(12)) + w["b1"][j] for j in range(5)
        ]
        gated = [v * v / (1 + math.exp(-v)) + v for v in h]
        mean = sum(gated) / 5
        sd = math.sqrt(sum((v - mean) ** 2 for v in gated) / 5 + 1e-5)
        n = [(v - mean) / sd * g for v, g in zip(gated, w["g"], strict=True)]
        net = [math.fsum(n[i] * w["w2"][k][i] for i in range(5)) for k in range(256)]
        both: list[list[float]] = [net, w["t"][window[-1]]]
        probability = 0.0
        for share, logits in zip(w["m"], both, strict=True):
            part = math.exp(logits[target]) / sum(math.exp(v) for v in logits)
            probability += math.exp(share) / sum(math.exp(v) for v in w["m"]) * part
        bits.append(-math.log2(probability))
    return bits


def test_the_judge_computes_what_a_slow_reference_does(prepare: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    weights: Weights = {
        "e": rng.normal(size=(256, 3)),
        "w1": rng.normal(size=(12, 5)),
        "b1": rng.normal(size=5),
        "g": rng.normal(size=5),
        "w2": rng.normal(size=(256, 5)),
        "t": rng.normal(size=(256, 256)),
        "m": rng.normal(size=2),
    }
    layers: Layers = [
        {"op": "embed", "table": "e"},
        {"op": "linear", "weight": "w1", "bias": "b1", "name": "h"},
        {"op": "activation", "function": "silu", "name": "a"},
        {"op": "multiply", "inputs": ["h", "a"], "name": "gated"},
        {"op": "add", "inputs": ["gated", "h"]},
        {"op": "norm", "kind": "layer", "gain": "g"},
        {"op": "linear", "weight": "w2", "transpose": True, "name": "net"},
        {"op": "ngram", "table": "t", "order": 1, "name": "counts"},
        {"op": "mix", "inputs": ["net", "counts"], "weights": "m"},
    ]
    windows, targets = windows_and_targets(4)
    model = prepare.load(write(tmp_path / "model.npz", layers, weights, 4))
    assert model.bits(windows, targets) == pytest.approx(by_hand(windows, targets, weights), 1e-4)


def test_a_prediction_rests_on_the_bytes_before_it_in_the_same_file(
    prepare: ModuleType, tmp_path: Path
) -> None:
    texts = {"a.py": b"abcdef", "b.py": b"uvwxyz"}
    (tmp_path / "x.bin").write_bytes(b"".join(texts.values()))
    (tmp_path / "x.json").write_text(json.dumps([[path, len(t)] for path, t in texts.items()]))
    corpus = prepare.Corpus(tmp_path, "x")
    windows = corpus.windows(np.arange(12), 3)
    for position in range(12):
        text = b"\0\0\0" + (texts["a.py"] if position < 6 else texts["b.py"])
        assert windows[position].tobytes() == text[position % 6 : position % 6 + 3]


def test_training_sees_training_text_only(installed: Path, prepare: ModuleType) -> None:
    batches = prepare.Batches(
        PLAIN, {k: v.astype("f4") for k, v in plain_weights(8).items()}, 8, 50
    )
    text = (installed / "data" / "train.bin").read_bytes()
    windows, targets = next(iter(batches))
    assert windows.shape == (50, 8)
    inside = [
        w for w in (bytes([*a, b]) for a, b in zip(windows, targets, strict=True)) if 0 not in w
    ]
    assert len(inside) >= 45
    assert all(window in text for window in inside)


def test_a_wider_model_gets_fewer_batches(prepare: ModuleType) -> None:
    def steps(width: int, batch: int) -> int:
        weights = {"e": np.zeros((256, width), "f4"), "w": np.zeros((3 * width, 256), "f4")}
        return len(prepare.Batches(PLAIN, weights, 3, batch))

    assert steps(8, 64) > steps(64, 64) > steps(64, 128) > 100
    assert steps(64, 32) * 32 < steps(64, 128) * 128


def test_training_descends_the_very_loss_that_the_judge_computes(
    prepare: ModuleType, train: ModuleType
) -> None:
    """By finite differences at the largest element of every gradient."""
    weights = train.initial_weights(np.random.default_rng(0))
    weights = {name: weight.astype(np.float64) for name, weight in weights.items()}
    windows, targets = windows_and_targets(train.CONTEXT)

    def loss() -> float:
        model = prepare.Model(train.LAYERS, weights, train.CONTEXT)
        return model.bits(windows, targets).mean()

    bits, gradients = train.gradients(weights, windows, targets)
    assert bits == pytest.approx(loss(), rel=1e-9)
    for name, gradient in gradients.items():
        weight, steepest = weights[name].reshape(-1), int(np.abs(gradient).argmax())
        weight[steepest] += 1e-5
        higher = loss()
        weight[steepest] -= 2e-5
        lower = loss()
        weight[steepest] += 1e-5
        slope = (higher - lower) / 2e-5 * math.log(2)
        assert slope == pytest.approx(gradient.reshape(-1)[steepest], rel=1e-5), name


@settings(max_examples=60)
@given(x=st.lists(st.floats(-4, 4).filter(lambda v: abs(v) > 1e-3), min_size=1, max_size=5))
@pytest.mark.parametrize("name", ["tanh", "relu", "leaky_relu", "elu", "gelu", "silu"])
def test_every_activation_is_the_judges_and_has_its_derivative(
    train: ModuleType, layers: ModuleType, name: str, x: list[float]
) -> None:
    at = np.array(x)
    value, slope = train.ACTIVATIONS[name](at)
    judged = layers.ACTIVATIONS[name]
    assert value == pytest.approx(judged(at), rel=1e-6, abs=1e-9)
    assert slope == pytest.approx((judged(at + 1e-6) - judged(at - 1e-6)) / 2e-6, abs=1e-4)


# --- what it refuses -------------------------------------------------------------------------------


def refusal(prepare: ModuleType, path: Path) -> str:
    with pytest.raises(prepare.Malformed) as caught:
        prepare.bits_per_byte(
            prepare.load(path), prepare.Corpus(prepare.HERE / "data", "validation")
        )
    message = str(caught.value)
    assert "\n" not in message
    return message


WRONG: list[tuple[Any, str]] = [
    ("embed", "'layers' must be a list"),
    ([], "'layers' must be a list of 1 to 64"),
    (["embed"], "layer 0: must be an object"),
    ([{"op": "exec"}], "'op' must be one of embed, ngram, linear"),
    ([{"op": ["embed"]}], "'op' must be one of"),
    ([{"op": "linear", "weight": "w"}], "the first layer must be"),
    ([{"op": "embed", "table": "x"}], "'table' must name an array"),
    ([{"op": "embed", "table": "w"}], "must be 256 x any"),
    ([{"op": "embed", "table": "e"}], "must give 256 numbers, one for each byte, not 6"),
    ([{"op": "embed", "table": "e", "last": 4}, PLAIN[1]], "'last' must be an integer from 1 to 3"),
    ([{"op": "embed", "table": "e", "last": True}, PLAIN[1]], "'last' must be an integer"),
    ([{"op": "embed", "table": "e", "future": 1}, PLAIN[1]], "unknown key 'future'"),
    ([{"op": "embed", "table": "e", "last": 2}, PLAIN[1]], "shape (6, 256), but must be 4 x any"),
    ([*PLAIN, {"op": "activation", "function": "eval"}], "'function' must be one of relu"),
    ([*PLAIN, {"op": "add", "inputs": ["later"]}], "no earlier layer is called 'later'"),
    ([*PLAIN, {"op": "add", "inputs": ["#0", "#1"]}], "its inputs differ in width"),
    ([*PLAIN, {"op": "add", "inputs": []}], "'inputs' must be a list"),
    ([*PLAIN, {"op": "linear", "weight": "w", "groups": 3}], "3 groups do not divide"),
    ([*PLAIN, {"op": "scale", "by": "six"}], "must have 1 or 256 numbers, not 6"),
    ([*PLAIN, {"op": "mix", "inputs": ["#1"], "by": "#0"}], "must have a width of 1"),
    ([*PLAIN, {"op": "mix", "inputs": ["#1"], "by": "no"}], "no earlier layer is called 'no'"),
    ([{**PLAIN[0], "name": "x"}, {**PLAIN[1], "name": "x"}], "one that no other layer has"),
    ([{**PLAIN[0], "name": ""}, PLAIN[1]], "'name' must be one"),
    ([*PLAIN, {"op": "concat", "inputs": ["#1"] * 33}], "too large"),
    ([PLAIN[0], {"op": "linear", "weight": "wide"}] + [{"op": "linear", "weight": "square"}] * 8,
     "too large"),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "says"), WRONG)
def test_a_wrong_list_of_layers_is_refused_in_a_sentence(
    prepare: ModuleType, tmp_path: Path, layers: object, says: str
) -> None:
    weights = plain_weights() | {
        "six": np.ones(6),
        "wide": np.ones((6, 600), "f4"),
        "square": np.ones((600, 600), "f4"),
    }
    assert says in refusal(prepare, write(tmp_path / "model.npz", layers, weights))


@pytest.mark.parametrize("context", [0, -1, 257, 2.0, "3", None, True, [3], 10**400])
def test_a_wrong_context_is_refused(prepare: ModuleType, tmp_path: Path, context: object) -> None:
    path = write(tmp_path / "model.npz", PLAIN, plain_weights(), context)
    assert "'context' must be an integer from 1 to 256" in refusal(prepare, path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_weights_that_are_not_finite_are_refused(
    prepare: ModuleType, tmp_path: Path, bad: float
) -> None:
    weights = plain_weights()
    weights["w"][5, 5] = bad
    path = write(tmp_path / "model.npz", PLAIN, weights)
    assert "'w' holds numbers that are not finite" in refusal(prepare, path)


def test_a_model_that_overflows_while_it_predicts_is_refused(
    prepare: ModuleType, tmp_path: Path
) -> None:
    weights = {name: weight * 1e30 for name, weight in plain_weights().items()}
    assert "output is not finite" in refusal(prepare, write(tmp_path / "model.npz", PLAIN, weights))


def test_a_pickle_is_never_opened(prepare: ModuleType, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "boom"),)

    arrays = plain_weights() | {"w": np.array([Bomb()], dtype=object)}
    assert "must be of float16, float32" in refusal(
        prepare, write(tmp_path / "objects.npz", PLAIN, arrays)
    )
    (tmp_path / "model.npz").write_bytes(pickle.dumps(Bomb()))
    assert "not a file as prepare.save writes it" in refusal(prepare, tmp_path / "model.npz")
    assert not (tmp_path / "boom").exists()


def npy(shape: object, descr: str = "<f4", data: bytes = b"") -> bytes:
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (118 - len(header) - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (npy("(10**12,)"), "is not a numpy array"),
        (npy("(1000000000000,)"), "but holds 0 bytes"),
        (npy("(-1, -1)", data=bytes(4)), "but holds 4 bytes"),
        (npy("(0, 256)"), "but holds 0 bytes"),
        (npy("(2,)", data=bytes(12)), "but holds 12 bytes"),
        (npy("(2,)", "<c8", bytes(16)), "must be of float16, float32 or float64"),
        (npy("(2,)", "<i8", bytes(16)), "must be of float16, float32 or float64"),
        (npy("(2,)", "|O", bytes(16)), "must be of float16, float32 or float64"),
        (npy("__import__('os').abort()"), "is not a numpy array"),
        (b"", "is not a numpy array"),
        (b"\x93NUMPY\x03\x00" + bytes(100), "is not a numpy array"),
        (b"val_bpb: 0.1", "is not a numpy array"),
    ],
)
def test_an_array_that_lies_about_itself_is_refused(
    prepare: ModuleType, tmp_path: Path, content: bytes, says: str
) -> None:
    path = write(tmp_path / "model.npz", PLAIN, {"e": plain_weights()["e"]})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("w.npy", content)
    assert says in refusal(prepare, path)


def test_a_small_file_that_unpacks_to_a_giant_is_refused(
    prepare: ModuleType, tmp_path: Path
) -> None:
    path = write(tmp_path / "model.npz", PLAIN, plain_weights())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.npy", npy("(20000000,)", data=bytes(80_000_000)))
    assert path.stat().st_size < 1_000_000
    assert "too large; all arrays together" in refusal(prepare, path)


def test_a_link_a_directory_and_a_pipe_are_no_models(prepare: ModuleType, tmp_path: Path) -> None:
    real = write(tmp_path / "real.npz", PLAIN, plain_weights())
    (tmp_path / "link.npz").symlink_to(real)
    (tmp_path / "directory.npz").mkdir()
    os.mkfifo(tmp_path / "pipe.npz")
    for name in ("link", "directory", "pipe"):
        assert "not a regular file" in refusal(prepare, tmp_path / f"{name}.npz")
    assert "left no such file" in refusal(prepare, tmp_path / "missing.npz")


@pytest.mark.parametrize(
    "spec", [b"", b"{", b"[]", b'"layers"', b"[" * 60000, b"\xff", b'{"layers": []}', b"1" * 5000]
)
def test_a_spec_that_cannot_be_read_is_refused(
    prepare: ModuleType, tmp_path: Path, spec: bytes
) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, spec=np.frombuffer(spec or b" ", dtype=np.uint8), **plain_weights())
    assert "its spec must be JSON" in refusal(prepare, path)


def test_a_spec_that_is_too_long_or_missing_is_refused(prepare: ModuleType, tmp_path: Path) -> None:
    long = write(tmp_path / "long.npz", [{"op": "embed", "table": "e" * 70000}], plain_weights())
    assert "longer than 65,536 bytes" in refusal(prepare, long)
    np.savez(tmp_path / "none.npz", **plain_weights())
    assert "its spec must be JSON" in refusal(prepare, tmp_path / "none.npz")


@settings(max_examples=200)
@given(cut=st.integers(0, 6000), junk=st.binary(max_size=40))
def test_a_damaged_file_is_judged_or_refused_but_never_a_surprise(
    prepare: ModuleType, damaged: Path, cut: int, junk: bytes
) -> None:
    stream = io.BytesIO()
    spec = json.dumps({"context": 3, "layers": PLAIN}).encode()
    small = {name: weight.astype(np.float16) for name, weight in plain_weights().items()}
    np.savez_compressed(stream, spec=np.frombuffer(spec, dtype=np.uint8), **small)
    whole = stream.getvalue()
    cut %= len(whole)
    damaged.write_bytes(whole[:cut] + junk + whole[cut + len(junk) :])
    try:
        model = prepare.load(damaged)
    except prepare.Malformed as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert np.isfinite(model.bits(*windows_and_targets(3))).all()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "model.npz"


# --- the corpus ------------------------------------------------------------------------------------


def test_near_duplicates_stay_together_and_strangers_do_not(prepare: ModuleType) -> None:
    def program(*words: str) -> bytes:
        return "".join(f"def {word}_of_something(argument):\n" for word in words).encode()

    family = prepare.families(
        {
            "a.py": program("walk", "jump", "swim", "fly"),
            "b.py": program("sing", "hum"),
            "c.py": program("fly", "dig", "climb", "dive"),
            "d.py": program("dig", "crawl", "glide"),
        }
    )
    assert family == {"a.py": "a.py", "b.py": "b.py", "c.py": "a.py", "d.py": "a.py"}


def test_no_two_splits_share_near_duplicates(prepare: ModuleType) -> None:
    files = prepare.library()
    lines: dict[str, set[bytes]] = {
        path: {line.strip() for line in text.splitlines() if len(line.strip()) >= 20}
        for path, text in files.items()
    }
    split = {path: prepare.split_of(name) for path, name in prepare.families(files).items()}
    common: dict[bytes, int] = {}
    for distinct in lines.values():
        for line in distinct:
            common[line] = common.get(line, 0) + 1
    hidden = [path for path in files if split[path] == "holdout"]
    for path in hidden:
        mine = {line for line in lines[path] if common[line] <= 10}
        for other in (other for other in files if split[other] != "holdout"):
            shared = len(mine & lines[other])
            assert shared < 0.2 * min(len(lines[path]), len(lines[other])) or not shared


OPS = [
    "embed",
    "ngram",
    "linear",
    "activation",
    "norm",
    "scale",
    "add",
    "multiply",
    "concat",
    "mix",
]
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        ["e", "w", "square", "one", "six", "t", "a", "b", "#0", "#1", "silu", "rms", ""]
    ),
    st.sampled_from([None, True, False, 0, 1, 2, 3, 256, -1, 1.5, math.nan, 10**30]),
    st.lists(st.sampled_from(["a", "b", "#0", "#1", "#2", 3, None]), max_size=3),
    st.dictionaries(st.just("op"), st.sampled_from(OPS), max_size=1),
)
KEYS = (
    "table weight bias input inputs name last order groups transpose function kind gain by weights"
)


@st.composite
def layer(draw: st.DrawFn) -> dict[str, Any]:
    """A layer whose keys and values exist, but may make no sense together."""
    keys = draw(st.dictionaries(st.sampled_from(KEYS.split()), VALUES, max_size=3))
    return {"op": draw(st.sampled_from(OPS)), **keys}


@settings(max_examples=150)
@given(
    layers=st.lists(
        st.one_of(st.sampled_from([*PLAIN, {"op": "linear", "weight": "square"}]), layer()),
        max_size=6,
    ),
    context=st.integers(1, 4),
)
def test_any_list_of_layers_gives_a_distribution_or_a_refusal(
    prepare: ModuleType, layers: Layers, context: int
) -> None:
    rng = np.random.default_rng(0)
    shapes = {"e": (256, 2), "w": (6, 256), "square": (256, 256), "one": (1,), "six": (6,)}
    shapes["t"] = (300, 256)
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    windows, _ = windows_and_targets(context, 1)
    everything = np.arange(256, dtype=np.uint8)
    try:
        model = prepare.Model([*PLAIN[:1], *layers], weights, context)
        bits = model.bits(np.tile(windows, (256, 1)), everything)
    except prepare.Malformed as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert (2.0**-bits).sum() == pytest.approx(1)
