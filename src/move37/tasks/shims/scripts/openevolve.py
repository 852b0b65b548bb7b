"""Calls the evaluator of OpenEvolve or SkyDiscover, `evaluate(program_path)`, and prints its metrics.

    python openevolve.py EVALUATOR PROGRAM [--stage N] [--features A,B]

`combined_score` is the evaluator's own, or else the mean of its other numbers, as OpenEvolve has it.
Runs inside the sandbox with the Python of the task: imports nothing but the standard library. The
evaluator and the program that it imports run in this process, so that either could print in our name.
"""

import argparse
import importlib.util
import inspect
import json
import math
import os
import random
import sys
import traceback
import types

# A stand-in has to be a class that can be unpickled and compared, whatever tool it stands in for.
_STAND_INS = ("openevolve.evaluation_result", "skydiscover.evaluation.evaluation_result")
_FAILURES = ("error", "error_message", "error_type", "traceback", "failure_stage")
_LONGEST_ARTIFACT = 2000


class EvaluationResult:
    """Stands in for the class of this name where the tool itself is not installed."""

    def __init__(self, metrics, artifacts=None):
        self.metrics = metrics
        self.artifacts = {} if artifacts is None else artifacts

    @classmethod
    def from_dict(cls, metrics):
        return cls(metrics)

    def to_dict(self):
        return self.metrics

    def has_artifacts(self):
        return bool(self.artifacts)


def main():
    asked = _parser().parse_args()
    printed = _keep_stdout()
    # Not our directory, which has files named like the tools, but that of the evaluator.
    sys.path[0] = os.path.dirname(os.path.abspath(asked.evaluator))
    random.seed(os.environ.get("MOVE37_SEED"))
    _provide_stand_ins()
    module = _load(asked.evaluator)
    _seed_numpy()
    name = "evaluate_stage%d" % asked.stage if asked.stage else "evaluate"
    function = getattr(module, name, None)
    if function is None:
        _fail("%s has no function %s(program_path)" % (asked.evaluator, name))
    metrics, artifacts = _read(_call(function, os.path.abspath(asked.program)), name)
    features = [each for each in asked.features.split(",") if each]
    score = _combined(metrics, features)
    _refuse_failed(metrics, artifacts, score, name)
    _tell(printed, artifacts)
    numbers = {key: value for key, value in metrics.items() if _is_number(value)}
    printed.write(json.dumps(dict(numbers, combined_score=score)) + "\n")
    printed.flush()


def _parser():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evaluator")
    parser.add_argument("program")
    parser.add_argument("--stage", type=int, help="call evaluate_stageN instead of evaluate")
    parser.add_argument("--features", default="", help="metrics that are no part of a mean")
    return parser


def _keep_stdout():
    """Standard output for us alone: what the evaluator and the program print goes to standard error."""
    sys.stdout.flush()
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return kept


def _provide_stand_ins():
    """Modules with an `EvaluationResult`, for evaluators that import it of a tool that is not there."""
    for name in _STAND_INS:
        tool = name.split(".")[0]
        if tool not in sys.modules and importlib.util.find_spec(tool) is not None:
            continue
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            path = ".".join(parts[:end])
            made = sys.modules.setdefault(path, types.ModuleType(path))
            made.EvaluationResult = EvaluationResult
            made.__path__ = []
            if end > 1:
                setattr(sys.modules[".".join(parts[: end - 1])], parts[end - 1], made)


def _load(path):
    spec = importlib.util.spec_from_file_location("evaluation_module", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["evaluation_module"] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        traceback.print_exc()
        _fail(_missing(path, error))
    return module


def _missing(path, error):
    return (
        "%s needs the Python package %s, which %s does not have; install it there, or in .venv/ "
        "beside the program" % (path, (error.name or str(error)).split(".")[0], sys.executable)
    )


def _seed_numpy():
    numpy = sys.modules.get("numpy")
    if numpy is not None and "MOVE37_SEED" in os.environ:
        numpy.random.seed(int(os.environ["MOVE37_SEED"]) % 2**32)


def _call(function, program):
    result = function(program)
    if inspect.iscoroutine(result):
        import asyncio

        result = asyncio.run(result)
    return result


def _read(result, name):
    """Metrics and artefacts of whatever came back: a dict, or something that looks like a result."""
    metrics = result if isinstance(result, dict) else getattr(result, "metrics", None)
    artifacts = result.get("artifacts") if isinstance(result, dict) else getattr(result, "artifacts", None)
    if not isinstance(metrics, dict):
        _fail("%s() returned %s and no dict of metrics" % (name, type(result).__name__))
    plain = {str(key): _plain(value) for key, value in metrics.items()}
    return plain, artifacts if isinstance(artifacts, dict) else {}


def _plain(value):
    """A number of numpy's or of the like as one of Python's."""
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    try:
        return float(value) if getattr(value, "shape", ()) == () else value
    except (TypeError, ValueError):
        return value


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _combined(metrics, features):
    """As OpenEvolve has it: `combined_score`, or the mean of the numbers that are no feature."""
    if "combined_score" in metrics:
        try:
            return float(metrics["combined_score"])
        except (TypeError, ValueError):
            pass
    numbers = {key: value for key, value in metrics.items() if _is_number(value) and value == value}
    chosen = [value for key, value in numbers.items() if key not in features]
    chosen = chosen or list(numbers.values())
    if not chosen:
        _fail("the evaluator returned no number: " + json.dumps(metrics, default=str)[:300])
    return math.fsum(chosen) / len(chosen)


def _refuse_failed(metrics, artifacts, score, name):
    """End as failed where the evaluator says that it could not measure: its 0 is no score then."""
    if score != 0:
        return
    for said in (metrics, artifacts):
        for key in _FAILURES:
            what = said.get(key)
            if isinstance(what, str) and what.strip():
                for other, text in artifacts.items():
                    sys.stderr.write("%s: %s\n" % (other, _text(text)))
                _fail("%s() says %s: %s" % (name, key, what.strip().splitlines()[-1]))
    if metrics.get("timeout") is True:
        _fail("%s() says that it timed out" % name)


def _tell(printed, artifacts):
    """Artefacts in lines that nobody takes for metrics, for whoever proposes next."""
    for key, value in artifacts.items():
        for line in _text(value).splitlines():
            printed.write("| %s: %s\n" % (key, line))


def _text(value):
    if isinstance(value, bytes):
        return "%d bytes" % len(value)
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_ARTIFACT else text[:_LONGEST_ARTIFACT] + "..."


def _fail(reason):
    sys.stderr.write(reason + "\n")
    sys.stderr.flush()
    sys.exit(1)


if __name__ == "__main__":
    main()
