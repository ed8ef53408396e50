"""Runs cases of graphrun-bag-runner's protocol with Dask, and gives results in the same form.

    run_dask.py listing.json < cases.jsonl > results.jsonl

`listing.json` is what `graphrun-bag-runner --list` prints: the one table of named functions. Where Dask itself goes wrong
by an error of its own the result is {"undefined": reason}, and there is nothing to compare with.
"""

import itertools
import json
import sys
import warnings

import dask
import dask.bag as db
from dask._task_spec import DataNode
from dask.local import get_sync

MISSING = object()


class Undefined(Exception):
    """What Dask does here is a fault of its own."""


class Runner:
    """Cases to results; functions are made from their Python expressions once."""

    def __init__(self, listing):
        self.functions = {}
        for entry in listing["functions"]:
            function = eval(entry["python"], {})  # noqa: S307, the table is our own
            # Else Dask pickles every function anew for every name.
            function.__dask_tokenize__ = lambda name=entry["name"]: ("named", name)
            self.functions[entry["name"]] = function
        self.lost = {op["op"]: op["order"] for op in listing["ops"]}
        self.numbers = itertools.count()

    def result(self, case):
        """The result of one case, as the protocol has it."""
        ordered = self.is_ordered(case)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = self.built(case)
                if isinstance(value, db.Bag):
                    return {"partitions": partitions(value), "ordered": ordered}
                if isinstance(value, list):
                    return {"bags": [partitions(bag) for bag in value], "ordered": ordered}
                return {"value": value.compute(scheduler="sync"), "ordered": ordered}
        except Undefined as reason:
            return {"undefined": str(reason)}
        except Exception as error:  # noqa: BLE001, any exception is a result
            return {"error": {"type": type(error).__name__, "message": str(error)[:300]}}

    def is_ordered(self, case):
        ordered = True
        for op in case["ops"]:
            if op["op"] in ("from_sequence", "range"):
                ordered = True
                continue
            rule = self.lost[op["op"]]
            if rule == "lost" or (rule != "kept" and not op.get("sort")):
                ordered = False
            others = op.get("others", []) + [op.get("other")]
            ordered = ordered and all(self.is_ordered(other) for other in others if isinstance(other, dict))
        return ordered

    def built(self, case):
        """A bag, an item or a list of bags."""
        bag = self.bag_of(case.get("partitions", [[]]))
        for op in case["ops"]:
            bag = self.applied(bag, dict(op))
        return bag

    def bag_of(self, parts):
        name = f"case-{next(self.numbers)}"
        parts = parts or [[]]
        return db.Bag({(name, i): DataNode((name, i), part) for i, part in enumerate(parts)}, name, len(parts))

    def key(self, given):
        if isinstance(given, dict):
            item = given["item"]
            if isinstance(item, list):
                return lambda x: tuple(x[i] for i in item)
            return lambda x: x[item]
        return self.functions[given]

    def applied(self, bag, op):
        name = op.pop("op")
        # A null means the default, except where any value is taken.
        values = ("initial", "combine_initial", "default", "arg", "key") if name in TAKES_NULL else ()
        op = {k: v for k, v in op.items() if v is not None or (k in values and (name, k) != ("topk", "key"))}
        if name.startswith("str."):
            return self.string(bag, name[4:], op)
        return getattr(self, "op_" + name)(bag, op)

    def string(self, bag, method, op):
        if method == "match":
            return bag.str.match(op["pattern"])
        order = {
            "split": ("sep", "maxsplit"), "replace": ("old", "new", "count"), "strip": ("chars",), "lstrip": ("chars",),
            "rstrip": ("chars",), "zfill": ("width",),
        }.get(method)
        if order is None:
            return getattr(bag.str, method)(*op.values())
        arguments = [op.get(name) for name in order]
        if method == "split" and arguments[1] is None:
            arguments[1] = -1
        while arguments and arguments[-1] is None:
            arguments.pop()
        return getattr(bag.str, method)(*arguments)

    # Bags of their own

    def op_from_sequence(self, bag, op):
        return db.from_sequence(op["data"], partition_size=op.get("partition_size"), npartitions=op.get("npartitions"))

    def op_range(self, bag, op):
        return db.range(op["n"], npartitions=op["npartitions"])

    def op_concat(self, bag, op):
        return db.concat([bag] + [self.built(other) for other in op["others"]])

    def op_zip(self, bag, op):
        return db.zip(bag, self.built(op["other"]))

    # Element by element

    def op_map(self, bag, op):
        function = self.functions[op["fn"]]
        if "other" in op:
            other = self.built(op["other"])
            if isinstance(other, db.Bag) and other.npartitions == bag.npartitions:
                lengths = [len(a) - len(b) for a, b in zip(partitions(bag), partitions(other))]
                if any(lengths) and set(lengths) <= {0, 1}:
                    raise Undefined("map with a bag whose partitions are one element shorter: Dask does not see it")
            return bag.map(function, other)
        return bag.map(function, op["arg"]) if "arg" in op else bag.map(function)

    def op_starmap(self, bag, op):
        return bag.starmap(self.functions[op["fn"]])

    def op_filter(self, bag, op):
        return bag.filter(self.functions[op["fn"]])

    def op_remove(self, bag, op):
        return bag.remove(self.functions[op["fn"]])

    def op_map_partitions(self, bag, op):
        return bag.map_partitions(self.functions[op["fn"]])

    def op_pluck(self, bag, op):
        return bag.pluck(op["key"], op["default"]) if "default" in op else bag.pluck(op["key"])

    def op_flatten(self, bag, op):
        return bag.flatten()

    def op_unzip(self, bag, op):
        bags = list(bag.unzip(op["n"]))
        return bags[op["pick"]] if "pick" in op else bags

    def op_random_sample(self, bag, op):
        return bag.random_sample(op["prob"], op.get("random_state"))

    def op_accumulate(self, bag, op):
        if "initial" in op:
            return bag.accumulate(self.functions[op["binop"]], op["initial"])
        sizes = [len(part) for part in partitions(bag)]
        if sizes[0] == 0 and any(sizes):
            raise Undefined("accumulate without initial on an empty first partition: Dask goes on from []")
        return bag.accumulate(self.functions[op["binop"]])

    def op_product(self, bag, op):
        return bag.product(self.built(op["other"]))

    def op_join(self, bag, op):
        other = op["other"] if isinstance(op["other"], list) else self.built(op["other"])
        on_other = self.key(op["on_other"]) if "on_other" in op else None
        return bag.join(other, self.key(op["on_self"]), on_other)

    def op_repartition(self, bag, op):
        return bag.repartition(op["npartitions"])

    # To one partition

    def op_distinct(self, bag, op):
        return bag.distinct(self.key(op["key"])) if "key" in op else bag.distinct()

    def op_frequencies(self, bag, op):
        return bag.frequencies(split_every=op.get("split_every"), sort=op.get("sort", False))

    def op_topk(self, bag, op):
        key = self.key(op["key"]) if "key" in op else None
        return bag.topk(op["k"], key, split_every=op.get("split_every"))

    def op_foldby(self, bag, op):
        options = {name: op[name] for name in ("initial", "combine_initial", "split_every") if name in op}
        if "combine" in op:
            options["combine"] = self.functions[op["combine"]]
        return bag.foldby(self.key(op["key"]), self.functions[op["binop"]], **options)

    def op_groupby(self, bag, op):
        # The shuffle on disk gives the elements of a group in the order in which partitions happened to run.
        return bag.groupby(self.key(op["grouper"]), shuffle="tasks")

    # To one value

    def op_fold(self, bag, op):
        options = {name: op[name] for name in ("initial", "split_every") if name in op}
        if "combine" in op:
            options["combine"] = self.functions[op["combine"]]
        if "initial" in op and bag.npartitions > 1 and not any(partitions(bag)):
            raise Undefined("fold with initial of a bag of several partitions, all empty: Dask loses the initial value")
        return bag.fold(self.functions[op["binop"]], **options)

    def op_reduction(self, bag, op):
        kind = db.Bag if op.get("out_type") == "bag" else db.Item
        return bag.reduction(
            self.functions[op["perpartition"]], self.functions[op["aggregate"]], split_every=op.get("split_every"),
            out_type=kind)

    def simple(method):
        def apply(self, bag, op):
            return getattr(bag, method)(**op)
        return apply

    op_sum, op_count, op_min, op_max = simple("sum"), simple("count"), simple("min"), simple("max")
    op_any, op_all = simple("any"), simple("all")
    op_mean, op_var, op_std = simple("mean"), simple("var"), simple("std")

    def op_take(self, bag, op):
        taken = bag.take(op["k"], npartitions=op.get("npartitions", 1), compute=False)
        return Taken(taken)


TAKES_NULL = {"accumulate", "fold", "foldby", "pluck", "map"}


class Taken:
    """`take` gives an item in our protocol, a bag in Dask's graph."""

    def __init__(self, bag):
        self.bag = bag

    def compute(self, scheduler):
        return list(self.bag.compute(scheduler=scheduler))


def partitions(bag):
    """The elements of each partition."""
    keys = bag.__dask_keys__()
    graph = bag.__dask_optimize__(bag.__dask_graph__(), keys)
    return [list(part) for part in get_sync(graph, keys)]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        runner = Runner(json.load(file))
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(runner.result(json.loads(line)), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    dask.config.set(scheduler="sync")
    main()
