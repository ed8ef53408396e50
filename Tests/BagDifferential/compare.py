"""Compares results of cases, ours and Dask's, and shrinks the cases that differ.

What counts as equal:
- values: the same types (1, 1.0 and True differ; tuples and lists do not), floats within 1e-9 relative;
- ordered results: also the cut into partitions; others: the same elements in any order, whatever the partitions;
- errors: the same exception type. Mean, variance and standard deviation of nothing are ZeroDivisionError or ValueError in
  Dask depending on the number of partitions; here the two are one.
"""

import json
import math
import subprocess
import threading


def is_equal(ours, dasks):
    """Two JSON values."""
    if isinstance(ours, bool) or isinstance(dasks, bool):
        return ours is dasks
    if isinstance(ours, float) and isinstance(dasks, float):
        if math.isnan(ours) or math.isnan(dasks):
            return math.isnan(ours) and math.isnan(dasks)
        return math.isclose(ours, dasks, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(ours, list) and isinstance(dasks, (list, tuple)):
        return len(ours) == len(dasks) and all(map(is_equal, ours, dasks))
    if isinstance(ours, dict) and isinstance(dasks, dict):
        return ours.keys() == dasks.keys() and all(is_equal(ours[key], dasks[key]) for key in ours)
    return type(ours) is type(dasks) and ours == dasks


def same_elements(ours, dasks):
    """Two lists, in any order."""
    if len(ours) != len(dasks):
        return False
    # Sorted by their text most match at once; floats that differ a little are looked for among what is left.
    left = sorted(ours, key=repr)
    right = sorted(dasks, key=repr)
    rest = [pair for pair in zip(left, right) if not is_equal(*pair)]
    missing = [dask for _, dask in rest]
    for one, _ in rest:
        place = next((i for i, other in enumerate(missing) if is_equal(one, other)), None)
        if place is None:
            return False
        del missing[place]
    return True


def flat(parts):
    return [element for part in parts for element in part]


ARITHMETIC = {"mean", "var", "std"}


def difference(case, ours, dasks):
    """Why the results differ, in a few words; None if they do not."""
    if "undefined" in dasks:
        return None
    if "malformed" in ours:
        return "ours calls the case malformed: " + ours["malformed"]
    kinds = [next((k for k in ("error", "partitions", "bags", "value") if k in result), "?") for result in (ours, dasks)]
    if kinds[0] != kinds[1]:
        return f"ours gives {describe(ours)}, Dask {describe(dasks)}"
    if kinds[0] == "error":
        types = [ours["error"]["type"], dasks["error"]["type"]]
        if case["ops"] and case["ops"][-1]["op"] in ARITHMETIC:
            types = ["ValueError" if name == "ZeroDivisionError" else name for name in types]
        return None if types[0] == types[1] else f"ours raises {types[0]}, Dask {types[1]}"
    if ours["ordered"] != dasks["ordered"]:
        return "\"ordered\" differs"
    left, right = ours[kinds[0]], dasks[kinds[0]]
    if ours["ordered"]:
        return None if is_equal(left, right) else "values or partitions differ"
    if kinds[0] == "bags":
        equal = len(left) == len(right) and all(same_elements(flat(a), flat(b)) for a, b in zip(left, right))
    elif kinds[0] == "partitions":
        equal = same_elements(flat(left), flat(right))
    elif isinstance(left, list) and isinstance(right, list):
        equal = same_elements(left, right)
    else:
        equal = is_equal(left, right)
    return None if equal else "elements differ (compared without order)"


def describe(result):
    if "error" in result:
        return f"{result['error']['type']} ({result['error']['message'][:120]})"
    return "a value" if "value" in result else "a bag"


class Ours:
    """A runner of ours that takes one case after the other; one that crashes or takes too long is started anew."""

    def __init__(self, command, seconds=60):
        self.command = command
        self.seconds = seconds
        self.process = None

    def result(self, case):
        if self.process is None:
            self.process = subprocess.Popen(
                self.command + ["--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        watchdog = threading.Timer(self.seconds, self.process.kill)
        watchdog.start()
        try:
            self.process.stdin.write(json.dumps(case, ensure_ascii=False).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            watchdog.cancel()
        if not line:
            status = self.process.wait()
            self.process = None
            return {"error": {"type": "Crash", "message": f"graphrun-bag-runner ended with status {status}"}}
        return json.loads(line)

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


def shrink(case, differs, budget=300):
    """A smaller case for which `differs` still holds.

    Leaves out operations, partitions and elements, of nested cases too, as long as something can go.
    """
    smaller = True
    while smaller and budget > 0:
        smaller = False
        for candidate in candidates(case):
            budget -= 1
            if budget <= 0:
                break
            if differs(candidate):
                case = candidate
                smaller = True
                break
    return case


def candidates(case):
    """Cases with one thing less, the largest steps first."""
    ops = case["ops"]
    for i in reversed(range(len(ops))):
        yield {**case, "ops": ops[:i] + ops[i + 1:]}
    parts = case.get("partitions")
    if parts is not None:
        if len(parts) > 3:
            half = len(parts) // 2
            yield {**case, "partitions": parts[:half]}
            yield {**case, "partitions": parts[half:]}
        for i in range(len(parts)):
            if len(parts) > 1:
                yield {**case, "partitions": parts[:i] + parts[i + 1:]}
        for i, part in enumerate(parts):
            if len(part) > 3:
                yield {**case, "partitions": parts[:i] + [part[: len(part) // 2]] + parts[i + 1:]}
            for j in range(len(part)):
                yield {**case, "partitions": parts[:i] + [part[:j] + part[j + 1:]] + parts[i + 1:]}
    for i, op in enumerate(ops):
        for name, value in op.items():
            for nested in nested_candidates(name, value):
                yield {**case, "ops": ops[:i] + [{**op, name: nested}] + ops[i + 1:]}


def nested_candidates(name, value):
    if name == "other" and isinstance(value, dict):
        yield from candidates(value)
    elif name in ("other", "data") and isinstance(value, list):
        for i in range(len(value)):
            yield value[:i] + value[i + 1:]
    elif name == "others":
        for i, other in enumerate(value):
            for smaller in candidates(other):
                yield value[:i] + [smaller] + value[i + 1:]
