"""Types of elements, as the signatures of named functions write them, and how they are matched.

A type is a string ("int", "float", "bool", "str", "none", "record", "mixed", "junk") or a tuple: ("list", t), ("pair", a, b),
("option", t), ("key", t) for a tuple of any length, ("part", t) for a whole partition. "mixed" are ints, floats and bools
side by side; "junk" is anything.
"""

import re

VARIABLE = re.compile(r"^[a-z]$")


def parse(text):
    """`pair[a,list[int]]` as nested tuples."""
    tokens = re.findall(r"[a-z0-9]+|[\[\],]", text)

    def read():
        name = tokens.pop(0)
        if not tokens or tokens[0] != "[":
            return name
        parts = [name]
        while tokens.pop(0) != "]":
            parts.append(read())
        return tuple(parts)

    return read()


def signature(text):
    """`int, a -> b` as ([argument types], result type)."""
    arguments, result = text.split(" -> ")
    depth, start, parts = 0, 0, []
    for i, letter in enumerate(arguments + ","):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            parts.append(parse(arguments[start:i]))
            start = i + 1
    return parts, parse(result)


def is_number(kind):
    return kind in ("int", "float", "mixed")


def is_hashable(kind):
    if isinstance(kind, tuple):
        return kind[0] in ("pair", "key", "option") and all(map(is_hashable, kind[1:]))
    return kind not in ("record", "junk")


def is_ordered(kind):
    if isinstance(kind, tuple):
        return kind[0] in ("pair", "key", "list") and all(map(is_ordered, kind[1:]))
    return kind in ("int", "float", "bool", "str", "mixed")


def is_exact(kind):
    """Equal values of the type are the same in every respect: no 1 beside 1.0, no -0.0 beside 0.0."""
    if isinstance(kind, tuple):
        return all(map(is_exact, kind[1:]))
    return kind in ("int", "bool", "str", "none", "record")


CLASSES = {"n": is_number, "o": is_ordered, "k": is_hashable}


def match(pattern, kind, bound):
    """Whether a value of type `kind` fits, with the variables in `bound`, which is added to."""
    if isinstance(pattern, str) and VARIABLE.match(pattern):
        if pattern in bound:
            return bound[pattern] == kind
        # A partition is an iterable to be walked once: only functions made for that take it.
        if kind[0] == "part" or not CLASSES.get(pattern, lambda _: True)(kind):
            return False
        bound[pattern] = kind
        return True
    if isinstance(pattern, tuple) and isinstance(kind, tuple):
        return len(pattern) == len(kind) and pattern[0] == kind[0] and all(
            match(p, k, bound) for p, k in zip(pattern[1:], kind[1:]))
    return pattern == kind


def filled(pattern, bound):
    if isinstance(pattern, tuple):
        return (pattern[0],) + tuple(filled(part, bound) for part in pattern[1:])
    return bound.get(pattern, pattern)


class Function:
    """A named function of the listing."""

    def __init__(self, entry):
        self.name = entry["name"]
        self.arguments, self.gives = signature(entry["signature"])
        self.arity = entry["arity"]
        self.associative = entry.get("associative", False)
        self.commutative = entry.get("commutative", False)

    def result(self, *kinds):
        """The type it gives for these; None if it does not take them."""
        bound = {}
        if len(kinds) != self.arity or not all(match(p, k, bound) for p, k in zip(self.arguments, kinds)):
            return None
        return filled(self.gives, bound)
