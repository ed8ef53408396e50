"""table.sort against DuckDB's ORDER BY, the row's place being the last key: records that are alike keep their order."""

from campaign import Case
from tables import TYPES, stacked


def sorted_rows(random, table, other, connection):
    stack = stacked(random, [table, other])
    keys = random.sample(list(TYPES), random.choice([1, 1, 2, 3, 4]))
    directions = [random.choice(["", "", " asc", " desc", " DESC"]) for _ in keys]
    parameters = {"by": [key + direction for key, direction in zip(keys, directions)]}
    nulls = random.choice([None, "first", "last"])
    if nulls:
        parameters["nulls"] = nulls
    partitions = random.choice([None, 1, 2, 7, 30])
    if partitions:
        parameters["partitions"] = partitions
    order = ", ".join(f"{key}{direction} NULLS {nulls or 'last'}" for key, direction in zip(keys, directions))
    query = f"SELECT {', '.join(TYPES)} FROM {stack.sql} ORDER BY {order}, place"
    rows = connection.execute(query).fetchall()
    tasks = stack.tasks | {"{case}": {"op": "table.sort", "from": stack.name, "with": parameters}}
    return Case(
        "sort", tasks, TYPES, rows, about=f"{parameters}   |   {query}", partitions=partitions or stack.partitions)


KINDS = {"sort": sorted_rows}
