"""Operations on text, and operations that are bound to fail; see operations.py."""

from dataclasses import replace

from operations import operation


# Text


STRINGS = {
    "lower": {}, "upper": {}, "title": {}, "capitalize": {}, "swapcase": {}, "strip": {}, "lstrip": {"chars": "a "},
    "rstrip": {}, "split": {}, "splitlines": {}, "replace": {"old": "a", "new": "é"}, "startswith": {"prefix": "a"},
    "endswith": {"suffix": "a"}, "find": {"sub": "a"}, "count": {"sub": "a"}, "removeprefix": {"prefix": "a"},
    "removesuffix": {"suffix": "a"}, "isalpha": {}, "isalnum": {}, "isdecimal": {}, "isdigit": {}, "isspace": {},
    "isupper": {}, "islower": {}, "isascii": {}, "zfill": {"width": 5}, "match": {"pattern": "*a*"},
}
STRING_GIVES = {
    "split": ("list", "str"), "splitlines": ("list", "str"), "startswith": "bool", "endswith": "bool", "find": "int",
    "count": "int",
}


def text(name, parameters):
    @operation("str." + name, 2)
    def apply(g, s):
        if s.kind == "int":
            return (parameters, None) if g.rng.random() < 0.01 else None
        if s.kind != "str":
            return None
        op = dict(parameters)
        if name == "split" and g.rng.random() < 0.5:
            op = {"sep": g.rng.choice([None, " ", "a", "ab"]), "maxsplit": g.rng.choice([-1, 0, 1])}
        if name == "match":
            op["pattern"] = g.rng.choice(["*a*", "?", "[a-c]*", "[!a]*", "A*", "*"])
        gives = "bool" if name.startswith("is") else STRING_GIVES.get(name, "str")
        return op, replace(s, kind=gives)


for string_name, string_parameters in STRINGS.items():
    text(string_name, string_parameters)


# Bound to fail, or nearly


@operation("take:more", 0.3)
def take_more(g, s):
    return {"k": 2, "npartitions": 500}, None


@operation("take:negative", 0.2)
def take_negative(g, s):
    return {"k": -1}, None


@operation("repartition:zero", 0.2)
def repartition_zero(g, s):
    return {"npartitions": 0}, None


@operation("range:short", 0.2)
def range_short(g, s):
    return {"n": g.rng.randint(0, 4), "npartitions": g.rng.choice([0, 5, 9])}, None


@operation("random_sample:beyond", 0.2)
def random_sample_beyond(g, s):
    return {"prob": 1.5}, None


@operation("join:several", 0.3)
def join_several(g, s):
    return {"other": g.bag(s.kind if s.kind in ("int", "str") else "int", 2), "on_self": "identity"}, None


@operation("zip:cut", 0.3)
def zip_cut(g, s):
    return ({"other": g.bag("int", s.partitions + 150)}, None) if s.exact else None


@operation("distinct:unhashable", 0.3)
def distinct_unhashable(g, s):
    return ({}, None) if isinstance(s.kind, tuple) and s.kind[0] == "list" else None


@operation("pluck:beyond", 0.3)
def pluck_beyond(g, s):
    return ({"key": 5}, None) if s.kind != "record" and isinstance(s.kind, tuple) and s.kind[0] == "pair" else None


@operation("flatten:number", 0.3)
def flatten_number(g, s):
    return ({}, None) if s.kind == "int" else None
