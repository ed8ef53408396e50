"""Columns and rows moved about: rename, cast, take, sample, repartition, concat."""

import math
import struct

from campaign import Case
from tables import TYPES, text


def listed(table):
    return [tuple(row[column] for column in TYPES) for row in table.rows()]


def renamed(random, table, other, connection):
    names = {"text": "key", "key": "text", "small": "klein ü"}
    columns = {names.get(name, name): kind for name, kind in TYPES.items()}
    tasks = {"{case}": {"op": "table.rename", "from": table.name, "with": {"columns": names}}}
    return Case("rename", tasks, columns, listed(table), about=str(names))


CASTS = {
    "tiny": ["int32", "int64", "float32", "float64", "string"], "small": ["int64", "float64", "string", "int8"],
    "large": ["string", "int32", "float64"], "real": ["string", "int32", "float32", "int64"], "narrow": ["float64", "string"],
    "flag": ["int8", "float64", "string"], "day": ["timestamp", "string"], "time": ["date", "string"],
}


def to(cell, kind):
    """A cell by table.cast with on_error: null, worked out again."""
    if cell is None:
        return None
    if kind == "string":
        return text(cell)
    if kind.startswith("int"):
        if isinstance(cell, float) and not (math.isfinite(cell) and cell == int(cell)):
            return None
        bits = int(kind[3:])
        return int(cell) if -(2 ** (bits - 1)) <= int(cell) < 2 ** (bits - 1) else None
    if kind == "float64":
        return float(cell)
    if kind == "float32":
        try:
            return struct.unpack("<f", struct.pack("<f", cell))[0]
        except OverflowError:
            return None
    return text(cell)[:10] if kind == "date" else text(cell) + " 00:00:00"


def cast(random, table, other, connection):
    types = {name: random.choice(kinds) for name, kinds in CASTS.items() if random.random() < 0.5}
    types = types or {"large": "string"}
    columns = {name: types.get(name, kind) for name, kind in TYPES.items()}
    # Floats as text are compared as numbers: there are several ways to write one.
    compared = {name: TYPES[name] if types.get(name) == "string" and name in ("real", "narrow") else kind for name, kind in columns.items()}
    rows = [tuple(to(row[name], types[name]) if name in types else row[name] for name in TYPES) for row in table.rows()]
    tasks = {"{case}": {"op": "table.cast", "from": table.name, "with": {"columns": types, "on_error": "null"}}}
    return Case("cast", tasks, compared, rows, about=str(types))


def taken(random, table, other, connection):
    count = random.choice([0, 1, 7, 64, 66, 1000])
    tasks = {
        "{case}_value": {"op": "table.take", "from": table.name, "with": {"count": count, "split_every": random.choice([2, 3, 8])}},
        # A value is written as a bag of one partition.
        "{case}": {"op": "table.repartition", "from": "{case}_value", "with": {"partitions": 1}},
    }
    return Case("take", tasks, TYPES, listed(table)[:count], about=f"count {count}")


def sampled(random, table, other, connection):
    fraction = random.choice([0, 1])
    tasks = {
        "{case}_half": {"op": "table.sample", "from": table.name, "with": {"fraction": 0.5, "seed": random.randint(0, 9)}},
        "{case}": {"op": "table.sample", "from": table.name, "with": {"fraction": fraction}},
    }
    return Case("sample", tasks, TYPES, listed(table) if fraction else [], about=f"fraction {fraction}")


def repartitioned(random, table, other, connection):
    first, second = random.choice([1, 2, 3, 8, 50]), random.choice([1, 2, 4, 7])
    tasks = {
        "{case}_first": {"op": "table.repartition", "from": table.name, "with": {"partitions": first}},
        "{case}": {"op": "table.repartition", "from": "{case}_first", "with": {"partitions": second}},
    }
    return Case("repartition", tasks, TYPES, listed(table), about=f"{first}, then {second}")


def concatenated(random, table, other, connection):
    inputs = [random.choice([table, other]) for _ in range(random.randint(1, 4))]
    left_out = random.choice(["", "", "key"])
    tasks = {
        "{case}_less": {"op": "table.drop", "from": inputs[0].name, "with": {"columns": [left_out or "text"]}},
        "{case}": {"op": "table.concat", "from": [each.name for each in inputs], "with": {"missing": random.choice(["fail", "null"])}},
    }
    rows = [row for each in inputs for row in listed(each)]
    columns = dict(TYPES)
    if left_out:
        # A column that the last input alone lacks is null there.
        tasks["{case}"]["from"].append("{case}_less")
        tasks["{case}"]["with"]["missing"] = "null"
        place = list(TYPES).index(left_out)
        rows += [row[:place] + (None,) + row[place + 1 :] for row in listed(inputs[0])]
    return Case("concat", tasks, columns, rows, about=str(tasks["{case}"]))


KINDS = {
    "rename": renamed, "cast": cast, "take": taken, "sample": sampled, "repartition": repartitioned, "concat": concatenated,
}
