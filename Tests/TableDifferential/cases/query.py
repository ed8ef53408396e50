"""sql against SQLite itself, partition by partition."""

from campaign import Case
from tables import TYPES

# A query on {t}, and the types of its columns; without columns it gives what TYPES says.
QUERIES = [
    ("SELECT * FROM {t} ORDER BY id DESC", None),
    ("SELECT key, count(*) AS n, sum(small) AS s, min(text) AS a, max(text) AS z FROM {t} GROUP BY key ORDER BY key",
     {"key": "string", "n": "int64", "s": "int64", "a": "string", "z": "string"}),
    ("SELECT DISTINCT text FROM {t} ORDER BY text COLLATE BINARY", {"text": "string"}),
    ("SELECT id, real + small AS x, real * 2 AS y FROM {t} ORDER BY real, id", {"id": "int64", "x": "float64", "y": "float64"}),
    ("SELECT a.id AS one, b.id AS two FROM {t} a JOIN {t} b ON a.key = b.key AND a.id < b.id ORDER BY 1, 2",
     {"one": "int64", "two": "int64"}),
    ("SELECT a.id AS one, b.id AS two FROM {t} a LEFT JOIN {t} b ON a.small = b.tiny AND a.flag = b.flag ORDER BY 1, 2",
     {"one": "int64", "two": "int64"}),
    ("SELECT a.id AS one, count(b.id) AS n FROM {t} a LEFT JOIN {t} b ON a.real = b.narrow GROUP BY 1 ORDER BY 1",
     {"one": "int64", "n": "int64"}),
    ("SELECT a.id AS one, b.id AS two FROM {t} a JOIN {t} b ON a.day = b.day OR a.time = b.time ORDER BY 1, 2",
     {"one": "int64", "two": "int64"}),
    ("SELECT id, row_number() OVER (PARTITION BY key ORDER BY id) AS n FROM {t} ORDER BY id", {"id": "int64", "n": "int64"}),
    ("SELECT id, upper(text) AS u, length(text) AS n, substr(text, 1, 2) AS s FROM {t} WHERE text IS NOT NULL ORDER BY id",
     {"id": "int64", "u": "string", "n": "int64", "s": "string"}),
    ("SELECT id FROM {t} WHERE text LIKE 'a%' OR small IN (1, 2, 3) OR day > '2024-01-01' ORDER BY id", {"id": "int64"}),
    ("SELECT id FROM {t} o WHERE EXISTS (SELECT 1 FROM {t} i WHERE i.large = o.small AND i.id <> o.id) ORDER BY id", {"id": "int64"}),
    ("SELECT day, time, flag, tiny, narrow, large FROM {t} ORDER BY id",
     {name: TYPES[name] for name in ("day", "time", "flag", "tiny", "narrow", "large")}),
    ("SELECT id FROM {t} WHERE large = 9007199254740993 OR large = 9007199254740992.0 ORDER BY id", {"id": "int64"}),
    ("SELECT t.id AS one, h.id AS two FROM {t} t JOIN h ON t.key = h.key ORDER BY 1, 2", {"one": "int64", "two": "int64"}),
]


def queried(random, table, other, connection):
    query, columns = random.choice(QUERIES)
    columns = columns or TYPES
    inputs, head = [table.name], other.rows()[:20]
    if " h " in query or " h.id" in query:
        inputs.append("{case}_head")
        query = query.replace("JOIN h ", "JOIN {head} h ")
    rows = []
    for number in range(len(table.partitions)):
        database = table.sqlite(number, [("h_head", head)])
        rows += database.execute(query.replace("{t}", table.name).replace("{head}", "h_head")).fetchall()
        database.close()
    tasks = {
        "{case}_head": {"op": "table.take", "from": other.name, "with": {"count": 20}},
        "{case}": {
            "op": "sql", "from": inputs,
            "with": {"query": query.replace("{t}", random.choice([table.name, "input"])).replace("{head}", "{case}_head")},
        },
    }
    # SQLite stores -0 as 0; ours reads it as it is.
    return Case("sql", tasks, columns, rows, about=query, signless=set(columns))


KINDS = {"sql": queried}
