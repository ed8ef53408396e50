"""Operations that bring a bag to one partition or one value; see operations.py."""

from dataclasses import replace

from operations import operation
from types_of import is_exact, is_hashable, is_number, is_ordered


# To one partition


def split(g):
    return g.rng.choice([{}, {}, {"split_every": 2}, {"split_every": 3}, {"split_every": 8}, {"split_every": False}])


def is_open(s):
    """Which of equal elements is met first does not matter, or is known."""
    return s.exact or is_exact(s.kind)


@operation("distinct", 5)
def distinct(g, s):
    if g.rng.random() < 0.5:
        if not is_hashable(s.kind) or not is_open(s):
            return None
        return {}, replace(s, exact=False, partitions=1)
    key = g.unary(s.kind, is_hashable)
    if key is None or not s.exact:
        return None
    if s.kind == "record":
        return {"key": {"item": "id"}}, replace(s, exact=False, partitions=1)
    return {"key": key[0].name}, replace(s, exact=False, partitions=1)


@operation("frequencies", 5)
def frequencies(g, s):
    if not is_hashable(s.kind) or not is_open(s):
        return None
    sort = s.exact and g.rng.random() < 0.5
    op = {**split(g), **({"sort": True} if sort else {})}
    return op, replace(s, kind=("pair", s.kind, "int"), exact=sort, partitions=1)


@operation("topk", 5)
def topk(g, s):
    op = {"k": g.rng.choice([0, 1, 1, 2, 3, 5, 40]), **split(g)}
    if g.rng.random() < 0.5:
        key = g.unary(s.kind, is_ordered)
        if key is None or not s.exact:
            return None
        return {**op, "key": key[0].name}, replace(s, size=min(s.size, op["k"]), partitions=1)
    if not is_ordered(s.kind) or not is_open(s):
        return None
    return op, replace(s, size=min(s.size, op["k"]), partitions=1)


@operation("foldby", 9)
def foldby(g, s):
    key = g.unary(s.kind, is_hashable)
    if key is None or (not s.exact and not is_exact(key[1])):
        return None
    op = {"key": {"item": "id"} if s.kind == "record" and g.rng.random() < 0.5 else key[0].name, **split(g)}
    key_kind = "int" if isinstance(op["key"], dict) else key[1]
    after = replace(s, exact=False, partitions=1, bound=s.bound * 600 + 10**6)
    if g.rng.random() < 0.4:
        binop = g.binary(s.kind, s.kind, s.kind, exchangeable=not s.exact)
        if binop is None or binop[0].name == "mul" or (not s.exact and not is_exact(s.kind)):
            return None
        if not binop[0].associative:
            return None
        return {**op, "binop": binop[0].name}, replace(after, kind=("pair", key_kind, s.kind))
    if not s.exact:
        return {**op, "binop": "count_up", "initial": 0, "combine": "add"}, replace(
            after, kind=("pair", key_kind, "int"))
    initial, kind = g.rng.choice([(0, "int"), (5, "int"), ("", "str"), ([], ("list", s.kind)), (False, "bool")])
    binop = g.binary(kind, s.kind, kind)
    combine = g.binary(kind, kind, kind)
    if binop is None or combine is None or "mul" in (binop[0].name, combine[0].name):
        return None
    op.update(binop=binop[0].name, initial=initial, combine=combine[0].name)
    if g.rng.random() < 0.4:
        op["combine_initial"] = initial
    elif not combine[0].associative:
        # Ours brings keys together out of core: in Dask's order, but in no tree of partitions.
        return None
    return op, replace(after, kind=("pair", key_kind, kind))


@operation("groupby", 5)
def groupby(g, s):
    key = g.unary(s.kind, lambda k: is_hashable(k) and is_exact(k))
    if key is None or not s.exact:
        return None
    op = {"grouper": key[0].name}
    if g.rng.random() < 0.3:
        op["npartitions"] = g.rng.randint(1, 9)
    return op, replace(s, kind=("pair", key[1], ("list", s.kind)), exact=False)


# To one value


@operation("fold", 6)
def fold(g, s):
    op = split(g)
    if g.rng.random() < 0.5:
        binop = g.binary(s.kind, s.kind, s.kind, exchangeable=not s.exact)
        if binop is None or binop[0].name == "mul" or (not s.exact and not is_exact(s.kind)):
            return None
        op["binop"] = binop[0].name
        if s.exact and g.rng.random() < 0.3:
            combine = g.binary(s.kind, s.kind, s.kind)
            if combine[0].name != "mul":
                op["combine"] = combine[0].name
        return op, None
    if not s.exact:
        return {**op, "binop": "count_up", "combine": "add", "initial": 0}, None
    initial, kind = g.rng.choice([(0, "int"), (5, "int"), ("", "str"), ([], ("list", s.kind)), (False, "bool")])
    binop, combine = g.binary(kind, s.kind, kind), g.binary(kind, kind, kind)
    if binop is None or combine is None or "mul" in (binop[0].name, combine[0].name):
        return None
    return {**op, "binop": binop[0].name, "combine": combine[0].name, "initial": initial}, None


@operation("reduction", 5)
def reduction(g, s):
    if not s.exact:
        return None
    first = g.unary(("part", s.kind), lambda k: k[0] != "part")
    if first is None:
        return None
    second = g.unary(("part", first[1]), first[1])
    if second is None:
        return None
    op = {"perpartition": first[0].name, "aggregate": second[0].name, **split(g)}
    if isinstance(first[1], tuple) and first[1][0] == "list" and g.rng.random() < 0.6:
        return {**op, "out_type": "bag"}, replace(s, kind=first[1][1], partitions=1)
    return op, None


def simple(name, weight, fits):
    @operation(name, weight)
    def apply(g, s):
        return (split(g), None) if fits(s) else None


simple("sum", 4, lambda s: is_number(s.kind) or s.kind in ("bool", "junk"))
simple("count", 3, lambda s: True)
simple("min", 3, lambda s: (is_ordered(s.kind) and is_open(s)) or s.kind == "junk")
simple("max", 3, lambda s: (is_ordered(s.kind) and is_open(s)) or s.kind == "junk")
simple("any", 2, lambda s: True)
simple("all", 2, lambda s: True)


@operation("mean", 2)
def mean(g, s):
    return ({}, None) if is_number(s.kind) or s.kind == "bool" else None


def spread(name):
    @operation(name, 2)
    def apply(g, s):
        if not (is_number(s.kind) or s.kind == "bool") or s.bound > 10**6:
            return None
        return {"ddof": g.rng.choice([0, 0, 1, 1, 2])}, None


spread("var")
spread("std")


@operation("take", 5)
def take(g, s):
    if not s.exact or s.may_be_cut:
        return None
    return {"k": g.rng.choice([0, 1, 2, 3, 5, 50]), "npartitions": g.rng.choice([1, 1, 2, s.partitions, -1])}, None
