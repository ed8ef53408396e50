"""group.aggregate and table.distinct, against DuckDB's GROUP BY and windows and SQLite's GROUP BY."""

import sqlite3

from campaign import Case
from tables import SQLITE, TYPES, stacked, text, unsigned

FUNCTIONS = ["count", "sum", "mean", "min", "max", "var", "std", "first", "last", "countDistinct"]
#: Of types that are no numbers.
ORDERED = ["count", "min", "max", "first", "last", "countDistinct"]
NUMBERS = ("int8", "int32", "int64", "float32", "float64", "bool")


def figures(random, columns):
    """New columns: name to function and column."""
    chosen = {}
    for number in range(random.randint(1, 6)):
        column = random.choice(columns)
        function = random.choice(FUNCTIONS if TYPES[column] in NUMBERS else ORDERED)
        if function == "count" and random.random() < 0.5:
            column = "*"
        chosen[f"f{number}"] = (function, column)
    return chosen


def type_of(function, column):
    if function in ("count", "countDistinct"):
        return "int64"
    if function == "sum":
        return "float64" if TYPES[column].startswith("float") else "int64"
    return "float64" if function in ("mean", "var", "std") else TYPES[column]


def in_duckdb(function, column):
    """
    DuckDB has no sums of flags. Of first and last the row's place is asked for: its own first, its arg_min and its windows may
    give 0 for -0.
    """
    number = f"{column}::INTEGER" if TYPES.get(column) == "bool" else column
    return {
        "count": f"count({column})", "sum": f"sum({number})", "mean": f"avg({number})", "min": f"min({column})",
        "max": f"max({column})", "var": f"var_samp({number})", "std": f"stddev_samp({number})",
        "first": f"min(place) FILTER (WHERE {column} IS NOT NULL)",
        "last": f"max(place) FILTER (WHERE {column} IS NOT NULL)",
        "countDistinct": f"count(DISTINCT {column})",
    }[function]


def in_sqlite(rows, keys, chosen):
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t(" + ", ".join(f'"{column}" {SQLITE[kind]}' for column, kind in TYPES.items()) + ")")
    marks = ", ".join("?" * len(TYPES))
    # SQLite has no dates; their texts have the same order.
    cells = [[text(row[column]) if TYPES[column] in ("date", "timestamp") else row[column] for column in TYPES] for row in rows]
    connection.executemany(f"INSERT INTO t VALUES ({marks})", cells)
    words = {"mean": "avg({})", "countDistinct": "count(DISTINCT {})"}
    parts = [words.get(function, function + "({})").format(column) for function, column in chosen.values()]
    query = f"SELECT {', '.join(keys + parts)} FROM t GROUP BY {', '.join(keys)}"
    found = connection.execute(query).fetchall()
    connection.close()
    return query, found


def aggregated(random, table, other, connection):
    stack = stacked(random, [table, other])
    keys = random.sample(list(TYPES), random.choice([1, 1, 2, 3]))
    chosen = figures(random, list(TYPES))
    columns = {key: TYPES[key] for key in keys} | {name: type_of(*figure) for name, figure in chosen.items()}
    error = ""
    # SQLite has no NaN, no var_samp and no order within a group, and ends at sums beyond its integers.
    in_both = all(not TYPES[key].startswith("float") for key in keys) and all(
        column == "*"
        or not (TYPES[column].startswith("float") or function in ("var", "std", "first", "last") or (function, column) == ("sum", "large"))
        for function, column in chosen.values()
    )
    if in_both and random.random() < 0.5:
        query, rows = in_sqlite(stack.rows, keys, chosen)
    else:
        parts = keys + [in_duckdb(*figure) for figure in chosen.values()]
        query = f"SELECT {', '.join(parts)} FROM {stack.sql} GROUP BY {', '.join(keys)}"
        rows = [
            tuple(map(unsigned, row[: len(keys)]))
            + tuple(
                stack.row(cell)[column] if function in ("first", "last") and cell is not None else cell
                for cell, (function, column) in zip(row[len(keys) :], chosen.values(), strict=True)
            )
            for row in connection.execute(query).fetchall()
        ]
        # DuckDB's sums of whole numbers have 128 bits.
        whole = [place for place, (name, kind) in enumerate(columns.items()) if kind == "int64" and chosen.get(name, [""])[0] == "sum"]
        if any(row[place] is not None and not -(2**63) <= row[place] < 2**63 for row in rows for place in whole):
            rows, error = None, "is beyond 2⁶³ - 1; make it a column of float64"
    inexact = {name for name, (function, _) in chosen.items() if function in ("sum", "mean", "var", "std")}
    inexact = {name for name in inexact if columns[name] == "float64"}
    # Which of 0 and -0 is the least is nowhere said.
    extremes = {name for name, (function, _) in chosen.items() if function in ("min", "max")}
    parameters = {"by": keys, "columns": {name: {function: column} for name, (function, column) in chosen.items()}}
    partitions = random.choice([None, 1, 2, 7, 30])
    if partitions:
        parameters["partitions"] = partitions
    tasks = stack.tasks | {"{case}": {"op": "group.aggregate", "from": stack.name, "with": parameters}}
    return Case(
        "aggregate", tasks, columns, rows, ordered=False, about=f"{parameters}   |   {query}", signless=extremes, approximate=inexact,
        partitions=partitions or min(2 * stack.partitions, 256), error=error)


def distinct(random, table, other, connection):
    stack = stacked(random, [table, other, table])
    tasks, name, present = dict(stack.tasks), stack.name, list(TYPES)
    if random.random() < 0.6:
        # Few columns, so that whole rows are there more than once.
        present = random.sample(present, random.randint(1, 4))
        name = "{case}_few"
        tasks[name] = {"op": "table.select", "from": stack.name, "with": {"columns": present}}
    keys, parameters = present, {}
    if random.random() < 0.6:
        keys = random.sample(present, random.randint(1, min(3, len(present))))
        parameters["columns"] = keys
    partitions = random.choice([None, 1, 2, 7, 30])
    if partitions:
        parameters["partitions"] = partitions
    ordered = keys + [column for column in present if column not in keys]
    query = (
        f"SELECT {', '.join(ordered)} FROM {stack.sql} "
        f"WHERE place IN (SELECT min(place) FROM {stack.sql} GROUP BY {', '.join(keys)})"
    )
    rows = [tuple(map(unsigned, row[: len(keys)])) + row[len(keys) :] for row in connection.execute(query).fetchall()]
    tasks["{case}"] = {"op": "table.distinct", "from": name, "with": parameters}
    return Case(
        "distinct", tasks, {column: TYPES[column] for column in ordered}, rows, ordered=False, about=f"{parameters}   |   {query}",
        partitions=partitions or min(2 * stack.partitions, 256))


KINDS = {"aggregate": aggregated, "distinct": distinct}
