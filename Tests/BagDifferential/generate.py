"""Random well-typed chains of operations.

    generate.py listing.json --count 1000 --seed 1 > cases.jsonl

First come cases that try every named function and every method of strings.

The state of a chain is known as it grows: the type of its elements, a bound on integers (ours have 64 bits), how many
elements and partitions there are at most, and whether order and partitions are still exactly determined. After an operation
whose order Dask does not promise only such follow whose result does not depend on it. A few chains end in an operation that
is bound to fail.
"""

import argparse
import json
import random
import sys
from dataclasses import replace

import operations_reduce  # noqa: F401, registers its operations
import operations_text  # noqa: F401
from operations import KEEPS_SIZES, OPERATIONS, State
from types_of import Function

TEXTS = [
    "", " ", "a", "b", "ab", "Abc", "banana", "  padded ", "tab\there", "two words", "x\ny", "ÄÖÜ", "straße", "naïve",
    "e\u0301", "é", "日本語", "😀 smile", "ﬁne", "\u2028line", "\u00a0nbsp\u00a0", "sep\u001carated", " \u0301accent",
    "\r\n", "A", "aa", "Zz", "0", "42", "-7",
]


def element(kind, rng, small):
    """A value of the type, as JSON has it."""
    if kind == "int":
        return rng.randint(0, 3) if small else rng.randint(-60, 60)
    if kind == "float":
        return rng.randint(-8, 8) / 4 if small else rng.randint(-4000, 4000) / 8
    if kind == "bool":
        return rng.random() < 0.5
    if kind == "str":
        return rng.choice(TEXTS[:6] if small else TEXTS)
    if kind == "none":
        return None
    if kind == "mixed":
        return rng.choice([0, 1, 2, 0.0, 1.0, 2.0, True, False])
    if kind == "junk":
        return rng.choice([1, 2.5, "a", None, [1], True])
    if kind == "record":
        value = element("int", rng, small)
        return {"id": value % 5, "value": value, "name": "n" + str(value % 3)}
    if kind[0] == "list":
        return [element(kind[1], rng, small) for _ in range(rng.choice([0, 1, 1, 2, 3, 4]))]
    if kind[0] == "option":
        return None if rng.random() < 0.3 else element(kind[1], rng, small)
    raise ValueError(kind)


KINDS = ["int"] * 8 + ["float"] * 2 + ["str"] * 4 + [
    "bool", "mixed", "record", "record", ("list", "int"), ("list", "str"), ("option", "int")]


def data(kind, rng, count=None):
    """Partitions, with the corner cases of their shapes."""
    small = rng.random() < 0.4
    if count is None:
        count = rng.choice([1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9, 10, 17, 25])
    shape = rng.random()
    if shape < 0.04:
        sizes = [0] * count
    elif shape < 0.10:
        sizes = [0] * count
        sizes[rng.randrange(count)] = 1
    elif shape < 0.35:
        sizes = [rng.choice([0, 0, 1, 2]) for _ in range(count)]
    else:
        sizes = [rng.choice([1, 2, 3, 4, 5, 6, 9]) for _ in range(count)]
    return [[element(kind, rng, small) for _ in range(size)] for size in sizes]


# Kinds of elements for trying each function, and what makes them of JSON's.
SAMPLES = [
    ("int", "int", []), ("float", "float", []), ("str", "str", []), ("bool", "bool", []), ("mixed", "mixed", []),
    ("record", "record", []), (("list", "int"), ("list", "int"), []), (("list", "str"), ("list", "str"), []),
    (("option", "int"), ("option", "int"), []), (("list", "float"), ("list", "float"), []),
    (("list", ("list", "int")), ("list", ("list", "int")), []),
    (("pair", "int", "int"), "int", [{"op": "map", "fn": "divmod3"}]),
    (("pair", "int", "str"), "str", [{"op": "map", "fn": "keyed_len"}]),
    (("pair", "str", "int"), "str", [{"op": "map", "fn": "pair_one"}]),
]


class Generator:
    def __init__(self, listing, seed):
        self.rng = random.Random(seed)
        self.functions = [Function(entry) for entry in listing["functions"]]

    def bag(self, kind, count=None):
        """A case that gives elements of the type, now and then by an operation of its own."""
        ops = []
        if kind == "int" and self.rng.random() < 0.2:
            ops = [self.rng.choice([{"op": "map", "fn": "neg"}, {"op": "filter", "fn": "isodd"}])]
        return {"partitions": data(kind, self.rng, count), "ops": ops}

    def element(self, kind):
        return element(kind, self.rng, small=False)

    def systematic(self):
        """Every function on every kind of element that it takes, and every method of strings on every text."""
        for kind, base, ops in SAMPLES:
            parts = [[element(base, self.rng, small=False) for _ in range(size)] for size in (9, 0, 20)]
            if base == "str":
                parts = [TEXTS[:7], [], TEXTS[7:]]
            for function in self.functions:
                if function.arity == 1 and function.result(kind):
                    yield {"partitions": parts, "ops": [*ops, {"op": "map", "fn": function.name}]}
                elif function.arity == 1 and function.result(("part", kind)):
                    op = {"op": "reduction", "perpartition": function.name, "aggregate": "gathered"}
                    if function.gives[0] == "part":
                        op = {"op": "map_partitions", "fn": function.name}
                    yield {"partitions": parts, "ops": [*ops, op]}
                for second, other_base, other_ops in SAMPLES if function.arity == 2 else ():
                    if function.result(kind, second):
                        other = [[element(other_base, self.rng, small=True) for _ in part] for part in parts]
                        op = {"op": "map", "fn": function.name, "other": {"partitions": other, "ops": other_ops}}
                        yield {"partitions": parts, "ops": [*ops, op]}
        for name, (_, make) in OPERATIONS.items():
            if name.startswith("str."):
                for _ in range(6):
                    op, _ = make(self, State("str", bound=100, size=len(TEXTS), partitions=1))
                    yield {"partitions": [TEXTS], "ops": [{"op": name, **op}]}

    def case(self):
        rng = self.rng
        kind = rng.choice(KINDS) if rng.random() > 0.02 else "junk"
        parts = data(kind, rng)
        state = State(kind, bound=100, size=sum(map(len, parts)), partitions=len(parts), sizes=tuple(map(len, parts)))
        ops = []
        for _ in range(rng.randint(1, 6)):
            step = self.step(state)
            if step is None:
                break
            op, state = step
            ops.append(op)
            if state is None:
                break
        return {"partitions": parts, "ops": ops}

    def step(self, state):
        """One operation that can follow, and the state behind it; no state: nothing can follow."""
        names = list(OPERATIONS)
        weights = [OPERATIONS[name][0] for name in names]
        for _ in range(60):
            name = self.rng.choices(names, weights)[0]
            step = OPERATIONS[name][1](self, state)
            if step is not None:
                op, after = step
                if after is None or (after.size <= 600 and after.partitions <= 120 and after.bound < 2**52):
                    if after is not None and name not in KEEPS_SIZES:
                        after = replace(after, sizes=None)
                    return {"op": name.split(":")[0], **op}, after
        return None

    # What operations ask for

    def unary(self, kind, gives=None):
        """A function of elements of `kind` that gives `gives` (anything if None), and what it gives."""
        return self.pick(
            (f, f.result(kind)) for f in self.functions if f.arity == 1 and fits(f.result(kind), gives))

    def binary(self, left, right, gives=None, exchangeable=False):
        return self.pick(
            (f, f.result(left, right)) for f in self.functions
            if f.arity == 2 and fits(f.result(left, right), gives)
            and (not exchangeable or (f.associative and f.commutative)))

    def pick(self, choices):
        choices = list(choices)
        return self.rng.choice(choices) if choices else None


def fits(kind, wanted):
    if kind is None:
        return False
    return wanted(kind) if callable(wanted) else wanted is None or kind == wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("listing")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with open(options.listing, encoding="utf-8") as file:
        generator = Generator(json.load(file), options.seed)
    for case in generator.systematic():
        sys.stdout.write(json.dumps(case, ensure_ascii=False) + "\n")
    for _ in range(options.count):
        sys.stdout.write(json.dumps(generator.case(), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
