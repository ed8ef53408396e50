"""A whole bag as one record or one table: bag.sum, min, max, mean, var, std, frequencies, countDistinct, topk."""

import math
import statistics

from campaign import Case
from tables import TYPES

# DuckDB's NULLS LAST also goes with DESC, and its NaN is greater than all other numbers.
DIRECTIONS = {"": "DESC", " desc": "DESC", " asc": "ASC"}


def value(op, table, parameters, random):
    """Tasks that reduce a bag, and make a bag of one partition of that."""
    parameters["split_every"] = random.choice([2, 3, 8])
    return {
        "{case}_value": {"op": op, "from": table.name, "with": parameters},
        "{case}": {"op": "table.repartition", "from": "{case}_value", "with": {"partitions": 1}},
    }


def extremes(random, table, other, connection):
    function = random.choice(["min", "max"])
    columns = random.sample(list(TYPES), random.randint(1, len(TYPES)))
    cells = ", ".join(f'{function}("{column}")' for column in columns)
    rows = connection.execute(f"SELECT {cells} FROM {table.name}").fetchall()
    tasks = value(f"bag.{function}", table, {"columns": columns}, random)
    return Case("extremes", tasks, {name: TYPES[name] for name in columns}, rows, about=f"{function} of {columns}", signless=set(columns))


def totals(random, table, other, connection):
    # "large" goes beyond what int64 holds, "real" beyond what adds up in any order.
    columns = random.sample(["id", "small", "tiny", "flag"], random.randint(1, 4))
    row = tuple(sum(row[column] or 0 for row in table.rows()) for column in columns)
    return Case("totals", value("bag.sum", table, {"columns": columns}, random), {name: "int64" for name in columns}, [row], about=str(columns))


def means(random, table, other, connection):
    columns = random.sample(["id", "small", "tiny", "large", "flag", "narrow"], random.randint(1, 6))
    row = []
    for column in columns:
        cells = [row[column] for row in table.rows() if row[column] is not None]
        row.append(float(sum(cells)) / len(cells) if cells else None)
    return Case("means", value("bag.mean", table, {"columns": columns}, random), {name: "float64" for name in columns}, [tuple(row)], about=str(columns), signless=set(columns), approximate=set(columns))


def spreads(random, table, other, connection):
    columns = random.sample(["id", "tiny", "flag"], random.randint(1, 3))
    ddof, root = random.choice([0, 1]), random.choice([True, False])
    row = []
    for column in columns:
        cells = [int(row[column]) for row in table.rows() if row[column] is not None]
        if len(cells) <= ddof:
            row.append(None)
            continue
        variance = statistics.variance(cells) if ddof else statistics.pvariance(cells)
        row.append(math.sqrt(variance) if root else float(variance))
    tasks = value("bag.std" if root else "bag.var", table, {"columns": columns, "ddof": ddof}, random)
    return Case("spreads", tasks, {name: "float64" for name in columns}, [tuple(row)], about=f"{columns} ddof {ddof}", approximate=set(columns))


def frequencies(random, table, other, connection):
    columns = random.sample([name for name in TYPES if name != "id"], random.choice([1, 1, 2, 3]))
    names = ", ".join(f'"{name}"' for name in columns)
    values = " AND ".join(f'"{name}" IS NOT NULL' for name in columns)
    parameters = {"columns": columns}
    top = random.choice([None, 1, 10])
    if top:
        parameters["top"] = top
    rows = connection.execute(
        f"SELECT {names}, count(*) FROM {table.name} WHERE {values} GROUP BY {names} ORDER BY count(*) DESC, {names} "
        f"LIMIT {top or 2**40}"
    ).fetchall()
    tasks = value("bag.frequencies", table, parameters, random)
    types = {name: TYPES[name] for name in columns} | {"count": "int64"}
    return Case("frequencies", tasks, types, rows, about=str(parameters), signless=set(types))


def different(random, table, other, connection):
    columns = random.sample(list(TYPES), random.randint(1, 4))
    cells = ", ".join(f'count(DISTINCT "{name}")' for name in columns)
    rows = connection.execute(f"SELECT {cells} FROM {table.name}").fetchall()
    tasks = value("bag.countDistinct", table, {"columns": columns}, random)
    return Case("countDistinct", tasks, {name: "int64" for name in columns}, rows, about=str(columns))


def largest(random, table, other, connection):
    count = random.choice([1, 5, 64, 1000])
    columns = random.sample([name for name in TYPES if name != "id"], random.choice([1, 1, 2, 3]))
    by = [name + random.choice(list(DIRECTIONS)) for name in columns]
    order = ", ".join(f'"{name}" {DIRECTIONS[key[len(name):]]} NULLS LAST' for name, key in zip(columns, by))
    names = ", ".join(f'"{name}"' for name in TYPES)
    rows = connection.execute(f"SELECT {names} FROM {table.name} ORDER BY {order}, id LIMIT {count}").fetchall()
    tasks = value("bag.topk", table, {"count": count, "by": by}, random)
    return Case("topk", tasks, TYPES, rows, about=f"{count} by {by}")


KINDS = {
    "extremes": extremes, "totals": totals, "means": means, "spreads": spreads, "frequencies": frequencies,
    "countDistinct": different, "topk": largest,
}
