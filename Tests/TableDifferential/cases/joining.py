"""table.join against DuckDB's joins."""

from campaign import Case
from tables import TYPES, stacked

#: Columns of one type, that two sides may be joined by under different names.
PAIRS = [("id", "large"), ("large", "id"), ("text", "key"), ("key", "text")]
#: More rows than this say nothing that fewer do not.
MOST_ROWS = 20_000


def keys_of(random):
    """Key columns of the left and of the right."""
    if random.random() < 0.3:
        left, right = random.choice(PAIRS)
        more = random.sample([name for name in TYPES if name not in (left, right)], random.choice([0, 0, 1]))
        return [left, *more], [right, *more]
    keys = random.sample(list(TYPES), random.choice([1, 1, 2, 3]))
    return keys, keys


def joined(random, table, other, connection):
    left, right = (stacked(random, [table, other], side) for side in ("left", "right"))
    how = random.choice(["inner", "inner", "left", "left", "semi", "anti"])
    while True:
        left_keys, right_keys = keys_of(random)
        # In DuckDB as here null equals nothing, NaN equals NaN, and -0 equals 0.
        condition = " AND ".join(f"l.{one} = r.{two}" for one, two in zip(left_keys, right_keys))
        count = connection.execute(f"SELECT count(*) FROM {left.sql} l JOIN {right.sql} r ON {condition}").fetchone()[0]
        if count <= MOST_ROWS or how in ("semi", "anti"):
            break
    tasks, right_name, right_columns = left.tasks | right.tasks, right.name, list(TYPES)
    if random.random() < 0.4:
        # A right side of few columns, in another order.
        rest = [name for name in TYPES if name not in right_keys]
        right_columns = right_keys + random.sample(rest, random.randint(0, len(rest)))
        random.shuffle(right_columns)
        right_name = "{case}_slim"
        tasks[right_name] = {"op": "table.select", "from": right.name, "with": {"columns": right_columns}}
    parameters = {"on": left_keys} if left_keys == right_keys and random.random() < 0.8 else {"left_on": left_keys, "right_on": right_keys}
    parameters["how"] = how
    strategy = random.choice(["broadcast", "partitioned"])
    parameters["strategy"] = strategy
    partitions = random.choice([None, 1, 2, 7, 30]) if strategy == "partitioned" else None
    if partitions:
        parameters["partitions"] = partitions
    suffix = "_right"
    if random.random() < 0.3:
        suffix = parameters["suffix"] = random.choice(["_r", " (2)", "ü"])
    columns, cells = dict(TYPES), [f"l.{name}" for name in TYPES]
    if how in ("inner", "left"):
        for name in right_columns:
            if name not in right_keys:
                columns[name + suffix if name in TYPES else name] = TYPES[name]
                cells.append(f"r.{name}")
    order = "l.place, r.place" if how in ("inner", "left") else "l.place"
    query = f"SELECT {', '.join(cells)} FROM {left.sql} l {how.upper()} JOIN {right.sql} r ON {condition} ORDER BY {order}"
    rows = connection.execute(query).fetchall()
    tasks["{case}"] = {"op": "table.join", "from": [left.name, right_name], "with": parameters}
    return Case(
        "join", tasks, columns, rows, ordered=strategy == "broadcast", about=f"{parameters}   |   {query}",
        partitions=partitions or (left.partitions if strategy == "broadcast" else None))


KINDS = {"join": joined}
