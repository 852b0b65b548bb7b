"""Calls the evaluator of ShinkaEvolve and prints its score and its public metrics, and nothing else.

    python shinka.py EVALUATOR PROGRAM

The evaluator is run as ShinkaEvolve runs it, with `--program_path` and `--results_dir`, and leaves
`metrics.json` and `correct.json`. What it and the program print, and its private metrics, are thrown
away with the directory: they never leave the sandbox. Imports nothing but the standard library. Where
ShinkaEvolve is not installed, a stand-in for its `run_shinka_eval` does the same.
"""

import argparse
import importlib.util
import json
import os
import random
import runpy
import subprocess
import sys
import tempfile
import time
import traceback
import types

_LONGEST_TEXT = 2000
_INSIDE = "--inside"


def main():
    if sys.argv[1:2] == [_INSIDE]:
        return _inside(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evaluator")
    parser.add_argument("program")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        results = os.path.join(place, "results")
        os.mkdir(results)
        command = [sys.executable, os.path.abspath(__file__), _INSIDE, asked.evaluator]
        command += [os.path.abspath(asked.program), results]
        with open(os.path.join(place, "log"), "w+b") as log:
            code = subprocess.call(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _report(asked.evaluator, results, code)


# --- what the evaluator left ---------------------------------------------------------------------


def _report(evaluator, results, code):
    if os.path.exists(os.path.join(results, "crashed")):
        with open(os.path.join(results, "crashed"), encoding="utf-8") as file:
            _fail(file.read())
    metrics = _load(results, "metrics.json")
    correct = _load(results, "correct.json")
    if not isinstance(metrics, dict) or not isinstance(correct, dict):
        _fail(f"{evaluator} left no metrics.json and correct.json that can be read (it ended with {code})")
    public = metrics.get("public")
    public = public if isinstance(public, dict) else {}
    feedback = metrics.get("text_feedback", "")
    if correct.get("correct") is not True:
        for line in _lines(feedback):
            sys.stderr.write(f"{line}\n")
        said = str(correct.get("error") or "it says no more").strip().splitlines()[-1]
        _fail(f"{evaluator} says that the program is not correct: {said}")
    if not _is_number(metrics.get("combined_score")):
        _fail(f"{evaluator} left no number as combined_score in metrics.json")
    for line in _lines(feedback):
        print(f"| feedback: {line}")
    for name, value in public.items():
        if not _is_number(value):
            for line in _lines(value):
                print(f"| {name}: {line}")
    numbers = {name: value for name, value in public.items() if _is_number(value)}
    print(json.dumps(dict(numbers, combined_score=metrics["combined_score"])))


def _load(results, name):
    try:
        with open(os.path.join(results, name), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError):
        return None


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _lines(value):
    if isinstance(value, list):
        value = "\n".join(map(str, value))
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:_LONGEST_TEXT].splitlines()


def _fail(reason):
    sys.stderr.write(reason.strip() + "\n")
    sys.stderr.flush()
    sys.exit(1)


# --- in a process of its own, whose output nobody sees ---------------------------------------------


def _inside(evaluator, program, results):
    sys.path[0] = os.path.dirname(os.path.abspath(evaluator))
    seed = os.environ.get("MOVE37_SEED")
    if seed is not None:
        random.seed(seed)
    if importlib.util.find_spec("shinka") is None:
        _provide_stand_in()
    sys.argv = [evaluator, "--program_path", program, "--results_dir", results]
    try:
        runpy.run_path(evaluator, run_name="__main__")
    except Exception as error:  # whatever a stranger's evaluator raises: its last line is told
        traceback.print_exc()
        with open(os.path.join(results, "crashed"), "w", encoding="utf-8") as file:
            file.write(_why(evaluator, error))
        sys.exit(1)


def _why(evaluator, error):
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or str(error)).split(".")[0]
        return (
            f"{evaluator} needs the Python package {package}, which {sys.executable} does not have; "
            "install it there, or in .venv/ beside the program"
        )
    return f"{evaluator} broke: {type(error).__name__}: {error}"


def _provide_stand_in():
    for path in ("shinka", "shinka.core", "shinka.core.wrap_eval"):
        made = sys.modules.setdefault(path, types.ModuleType(path))
        made.__path__ = []
        made.run_shinka_eval = run_shinka_eval
        made.save_json_results = save_json_results
    sys.modules["shinka"].core = sys.modules["shinka.core"]
    sys.modules["shinka.core"].wrap_eval = sys.modules["shinka.core.wrap_eval"]


def run_shinka_eval(
    program_path,
    results_dir,
    experiment_fn_name,
    num_runs,
    get_experiment_kwargs=None,
    aggregate_metrics_fn=None,
    validate_fn=None,
    default_metrics_on_error=None,
    **others,
):
    """Stands in for ShinkaEvolve's own: runs in turn, no plots, no early stop."""
    del others
    outputs, seconds, errors = [], [], []
    try:
        function = getattr(_program(program_path), experiment_fn_name)
        for index in range(num_runs):
            given = get_experiment_kwargs(index) if get_experiment_kwargs else {"seed": index + 1}
            began = time.perf_counter()
            outputs.append(function(**given))
            seconds.append(time.perf_counter() - began)
            if validate_fn is not None:
                is_valid, why = validate_fn(outputs[-1])
                if not is_valid:
                    errors.append(f"Validation failed: {why}")
        count = {"num_successful_runs": len(outputs)}
        metrics = aggregate_metrics_fn(outputs) if aggregate_metrics_fn else count
        metrics["execution_time_mean"] = sum(seconds) / max(1, len(seconds))
    except Exception as error:
        traceback.print_exc()
        errors.insert(0, f"{type(error).__name__}: {error}")
        metrics = dict(default_metrics_on_error or {"combined_score": 0.0})
    metrics.pop("extra_data", None)
    why = errors[0] if errors else None
    save_json_results(results_dir, metrics, not errors, why)
    return metrics, not errors, why


def save_json_results(results_dir, metrics, correct, error=None):
    os.makedirs(results_dir, exist_ok=True)
    for name, content in (
        ("correct.json", {"correct": bool(correct), "error": error}),
        ("metrics.json", metrics),
    ):
        with open(os.path.join(results_dir, name), "w", encoding="utf-8") as file:
            json.dump(content, file, default=_plain)


def _plain(value):
    """What JSON does not know: a number or an array of numpy's, or anything else as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _program(path):
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["program"] = module
    spec.loader.exec_module(module)
    numpy = sys.modules.get("numpy")
    if numpy is not None and "MOVE37_SEED" in os.environ:
        numpy.random.seed(int(os.environ["MOVE37_SEED"]) % 2**32)
    return module


if __name__ == "__main__":
    main()
