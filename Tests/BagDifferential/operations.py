"""The operations that chains are made of: when one can follow, and what is known behind it.

Each takes the generator and the state, and gives the operation's parameters with the state behind it, or None where it
does not fit. `State` None behind it: an item or an error, nothing can follow.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class State:
    kind: object
    bound: int  # of the magnitude of integers
    size: int  # elements, at most
    partitions: int
    exact: bool = True  # order and partitions are determined
    may_be_cut: bool = False  # the number of partitions is at most `partitions`, not known
    sizes: tuple | None = None  # how many elements each partition has, where that is known


OPERATIONS = {}


def operation(name, weight):
    """`name:variant` for several ways to use one operation."""
    def register(function):
        OPERATIONS[name] = (weight, function)
        return function
    return register


# Partitions stay as long as they are.
KEEPS_SIZES = {"map", "map:arg", "map:item", "map:bag", "zip", "starmap", "pluck", "unzip", "str.lower", "str.find"}

GROWTH = {
    "square": lambda b: b * b, "mul": lambda b: b * b, "double": lambda b: 2 * b, "code_sum": lambda b: max(b, 10**9),
    "mul_mod": lambda b: max(b, 10**7), "twist": lambda b: max(b, 10**7),
}


def grown(function, state):
    return GROWTH.get(function.name, lambda b: max(2 * b, b + 600))(state.bound)


def applied(state, function, gives):
    return replace(state, kind=gives, bound=grown(function, state))


# Element by element


@operation("map", 14)
def map_one(g, s):
    f, gives = g.unary(s.kind)
    return {"fn": f.name}, applied(s, f, gives)


@operation("map:arg", 2)
def map_constant(g, s):
    picked = g.binary(s.kind, "int")
    if picked is None or picked[0].name in ("mul", "repeat"):
        return None
    return {"fn": picked[0].name, "arg": g.rng.randint(-9, 9)}, applied(s, *picked)


@operation("map:item", 2)
def map_item(g, s):
    f = g.binary(s.kind, "int")
    if f is None or f[0].name in ("mul", "repeat"):
        return None
    other = g.bag("int")
    other["ops"] = [{"op": g.rng.choice(["sum", "count"])}]
    return {"fn": f[0].name, "other": other}, replace(applied(s, *f), bound=10 * s.bound + 10**5)


def alike(g, s, kind):
    """A bag whose partitions are as long as those of the chain so far."""
    return {"partitions": [[g.element(kind) for _ in range(size)] for size in s.sizes], "ops": []}


@operation("map:bag", 5)
def map_bag(g, s):
    kind = g.rng.choice(["int", s.kind])
    f = g.binary(s.kind, kind)
    if f is None or s.sizes is None or kind not in ("int", "str", "bool", "float") or f[0].name in ("mul", "repeat"):
        return None
    return {"fn": f[0].name, "other": alike(g, s, kind)}, applied(s, *f)


@operation("map:bag of other lengths", 0.5)
def map_bag_unequal(g, s):
    f = g.binary(s.kind, "int")
    if f is None or not s.exact or s.may_be_cut:
        return None
    return {"fn": f[0].name, "other": g.bag("int", s.partitions + g.rng.choice([0, 0, 0, 1]))}, None


@operation("zip", 4)
def zip_alike(g, s):
    if s.sizes is None:
        return None
    kind = g.rng.choice(["int", "str", "bool"])
    return {"other": alike(g, s, kind)}, replace(s, kind=("pair", s.kind, kind))


@operation("zip:other lengths", 1)
def zip_unequal(g, s):
    if not s.exact or s.may_be_cut:
        return None
    kind = g.rng.choice(["int", "str", "bool"])
    return {"other": g.bag(kind, s.partitions)}, replace(s, kind=("pair", s.kind, kind))


@operation("filter", 6)
def filter_some(g, s):
    f, _ = g.unary(s.kind, "bool")
    return {"fn": f.name}, s


@operation("remove", 3)
def remove_some(g, s):
    f, _ = g.unary(s.kind, "bool")
    return {"fn": f.name}, s


@operation("starmap", 6)
def starmap(g, s):
    if not (isinstance(s.kind, tuple) and s.kind[0] == "pair"):
        return None
    picked = g.binary(s.kind[1], s.kind[2])
    if picked is None:
        return None
    return {"fn": picked[0].name}, applied(s, *picked)


@operation("map_partitions", 4)
def map_partitions(g, s):
    if not s.exact:
        return None
    picked = g.unary(("part", s.kind), lambda k: k[0] == "part")
    if picked is None:
        return None
    f, gives = picked
    size = s.size * 2 if f.name == "part_twice" else max(s.size, s.partitions)
    bound = s.bound * 600 if f.name == "part_sum" else max(s.bound, 1000)
    return {"fn": f.name}, replace(s, kind=gives[1], size=size, bound=bound)


@operation("pluck", 5)
def pluck(g, s):
    if s.kind == "record":
        key = g.rng.choice(["id", "value", "name", ["id", "name"], ["value"]])
        if isinstance(key, list):
            kinds = ["str" if name == "name" else "int" for name in key]
            return {"key": key}, replace(s, kind=("pair", *kinds) if len(key) == 2 else ("key", kinds[0]))
        if g.rng.random() < 0.3:
            return {"key": g.rng.choice([key, "other"]), "default": None}, None
        return {"key": key}, replace(s, kind="str" if key == "name" else "int")
    if isinstance(s.kind, tuple) and s.kind[0] == "pair":
        key = g.rng.choice([0, 1, -1, -2, [1, 0]])
        if isinstance(key, list):
            return {"key": key}, replace(s, kind=("pair", s.kind[2], s.kind[1]))
        return {"key": key}, replace(s, kind=s.kind[1] if key in (0, -2) else s.kind[2])
    if isinstance(s.kind, tuple) and s.kind[0] == "list" and s.kind[1] == "int":
        return {"key": g.rng.choice([0, 1, -1]), "default": 7}, replace(s, kind="int")
    return None


@operation("flatten", 6)
def flatten(g, s):
    if s.kind == "str":
        return {}, replace(s, size=s.size * 12)
    if s.kind == "record":
        return {}, replace(s, kind="str", size=s.size * 3)
    if isinstance(s.kind, tuple) and s.kind[0] in ("list", "key"):
        return {}, replace(s, kind=s.kind[1], size=s.size * 4)
    return None


@operation("unzip", 3)
def unzip(g, s):
    if not (isinstance(s.kind, tuple) and s.kind[0] == "pair"):
        return None
    pick = g.rng.choice([None, 0, 1])
    if pick is None:
        return {"n": 2}, None
    return {"n": 2, "pick": pick}, replace(s, kind=s.kind[1 + pick])


@operation("random_sample", 1)
def random_sample(g, s):
    return {"prob": g.rng.choice([0.0, 1.0]), "random_state": g.rng.randint(0, 99)}, s


@operation("accumulate", 5)
def accumulate(g, s):
    if not s.exact:
        return None
    if g.rng.random() < 0.5:
        picked = g.binary(s.kind, s.kind, s.kind)
        if picked is None or picked[0].name == "mul":
            return None
        return {"binop": picked[0].name}, replace(s, bound=s.bound * 600 + 10**6)
    initial, kind = g.rng.choice([(0, "int"), (7, "int"), (True, "bool"), ("", "str"), (0.5, "float")])
    picked = g.binary(kind, s.kind, kind)
    if picked is None or picked[0].name == "mul":
        return None
    return {"binop": picked[0].name, "initial": initial}, replace(
        s, kind=kind, bound=s.bound * 600 + 10**6, size=s.size + 1)


# Bags with others


@operation("concat", 3)
def concat(g, s):
    try:
        others = [g.bag(s.kind) for _ in range(g.rng.choice([1, 1, 2]))]
    except ValueError:
        return None
    more = sum(len(part) for other in others for part in other["partitions"])
    return {"others": others}, replace(
        s, size=s.size + more, partitions=s.partitions + sum(len(other["partitions"]) for other in others))


@operation("product", 2)
def product(g, s):
    kind = g.rng.choice(["int", "str"])
    other = g.bag(kind, g.rng.choice([1, 2, 3]))
    more = sum(map(len, other["partitions"]))
    return {"other": other}, replace(
        s, kind=("pair", s.kind, kind), size=s.size * more, partitions=s.partitions * len(other["partitions"]))


@operation("join", 5)
def join(g, s):
    key = g.unary(s.kind, "int")
    if key is None or key[0].name in ("code_sum",):
        return None
    kind = g.rng.choice(["int", "str"])
    other_key, _ = g.unary(kind, "int")
    other = g.bag(kind, 1)
    count = len(other["partitions"][0])
    given = other["partitions"][0] if g.rng.random() < 0.5 else other
    op = {"other": given, "on_self": key[0].name, "on_other": other_key.name}
    if kind == s.kind and g.rng.random() < 0.3:
        del op["on_other"]
    return op, replace(s, kind=("pair", kind, s.kind), size=s.size * max(count, 1))


@operation("repartition", 7)
def repartition(g, s):
    count = g.rng.choice([1, 1, 2, 3, 4, 5, 7, 9, 12, 20, 30])
    return {"npartitions": count}, replace(s, partitions=count, may_be_cut=False)


@operation("from_sequence", 2)
def from_sequence(g, s):
    kind = g.rng.choice(["int", "str"])
    count = g.rng.choice([0, 1, 3, 10, 30, 99, 100, 101, 120, 250])
    bag = g.bag(kind, 1)["partitions"][0] or g.bag(kind, 1)["partitions"][0]
    op = {"data": [bag[i % len(bag)] for i in range(count)] if bag else []}
    way = g.rng.random()
    if way < 0.5:
        op["npartitions"] = g.rng.randint(1, 40)
    elif way < 0.8:
        op["partition_size"] = g.rng.randint(1, 40)
    elif way < 0.9:
        op.update(npartitions=g.rng.randint(1, 9), partition_size=g.rng.randint(1, 9))
    return op, State(kind, 100, count, 100, True, True)


@operation("range", 2)
def number_range(g, s):
    count = g.rng.choice([1, 2, 5, 10, 33, 100])
    pieces = g.rng.randint(1, min(count, 20))
    return {"n": count, "npartitions": pieces}, State("int", 100, count, pieces)
