"""Random tables with what goes wrong in practice, as files for graphrun and as tables for DuckDB and SQLite."""

import datetime
import json
import math
import sqlite3
import struct
from dataclasses import dataclass

TYPES = {
    "id": "int64", "small": "int32", "tiny": "int8", "large": "int64", "real": "float64", "narrow": "float32",
    "flag": "bool", "text": "string", "key": "string", "day": "date", "time": "timestamp",
}
DUCKDB = {
    "int8": "TINYINT", "int32": "INTEGER", "int64": "BIGINT", "float32": "FLOAT", "float64": "DOUBLE", "bool": "BOOLEAN",
    "string": "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP",
}
SQLITE = {
    "int8": "INTEGER", "int32": "INTEGER", "int64": "INTEGER", "float32": "REAL", "float64": "REAL", "bool": "INTEGER",
    "string": "TEXT", "date": "TEXT", "timestamp": "TEXT",
}
TEXTS = [
    "", " ", "a", "A", "ab", "b", "null", "NaN", "0", "é", "e\u0301", "日本語", "👩‍👩‍👧",
    "x'y", 'say "x"', "50%", "a_b", "tab\t", "line\nend",
]
#: What is hard to write in CSV, to end a key with, or to tell from what it is not.
HARD_TEXTS = [
    ",", ";", '"', '""', '","', '",', ',"', '\n"', '"\n', "\n", "\r", "\r\n", "x\r", "a\r\nb", '"x"\n"y","z"\n',
    " lead", "trail ", "NA", "0012", "1e5", "true", "2024-01-01", "a\0", "a\0b", "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaab",
    "\uffff", "\U00010000", "\\n", "#",
]
NAN, INF = math.nan, math.inf


def value(random, name):
    """A cell, or None."""
    if random.random() < 0.15:
        return None
    rare = random.random() < 0.2
    match name:
        case "small":
            return random.choice([-(2**31), 2**31 - 1, 0]) if rare else random.randint(-5, 5)
        case "tiny":
            return random.choice([-128, 127]) if rare else random.randint(-3, 3)
        case "large":
            edges = [-(2**63), 2**63 - 1, 2**53, 2**53 + 1, 0, 10**18 - 1, -(10**18), random.randint(-(10**18), 10**18)]
            return random.choice(edges) if rare else random.randint(-20, 20)
        case "real":
            anything = random.uniform(-1, 1) * 10.0 ** random.randint(-40, 40)
            edges = [NAN, INF, -INF, -0.0, 5e-324, 1.7976931348623157e308, 0.1, anything, random.randint(-(10**6), 10**6) / 100]
            return random.choice(edges) if rare else random.randint(-8, 8) / 4
        case "narrow":
            anything = struct.unpack("<f", struct.pack("<f", random.uniform(-1, 1) * 10.0 ** random.randint(-30, 30)))[0]
            return random.choice([NAN, INF, -INF, -0.0, anything]) if rare else random.randint(-8, 8) / 4
        case "flag":
            return random.random() < 0.5
        case "text":
            return random.choice(HARD_TEXTS if random.random() < 0.25 else TEXTS) * (random.choice([1, 1, 300]) if rare else 1)
        case "key":
            return random.choice("abcdefgh") + random.choice(["", "", "1"])
        case "day":
            first = datetime.date(1, 1, 1) if rare else datetime.date(2023, 12, 28)
            return first + datetime.timedelta(days=random.choice([0, 3652058]) if rare else random.randint(0, 8))
        case "time":
            start = datetime.datetime(2024, 1, 1) if not rare else datetime.datetime(1, 1, 1)
            step = random.choice([1, 1_000_000, 86_400_000_000])
            return start + datetime.timedelta(microseconds=step * random.randint(0, 4))


def text(cell):
    """A cell as the file has it: text that table.cast reads."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, datetime.date) else repr(cell)


class Table:
    """Rows in partitions, some of which lose all their rows to a filter in front of every case."""

    def __init__(self, random, name, most=300):
        """- most: rows in a partition."""
        self.name = name
        self.columns = list(TYPES)
        self.partitions = []
        number = 0
        for _ in range(random.choice([1, 1, 2, 3, 5])):
            rows = []
            for _ in range(random.choice([0, 0, 1, 7, 64, 65, most])):
                row = {column: value(random, column) for column in self.columns}
                row["id"] = number
                number += 1
                rows.append(row)
            self.partitions.append(rows)

    def rows(self):
        return [row for partition in self.partitions for row in partition]

    def write(self, folder):
        """One file a partition, cells as text, and one row in each that the filter takes out again."""
        for number, rows in enumerate(self.partitions):
            with open(folder / f"{self.name}-{number:03}.jsonl", "w") as file:
                nothing = {"id": "-1", **{column: None for column in self.columns if column != "id"}}
                for row in [nothing, *rows]:
                    print(json.dumps({column: text(row[column]) for column in self.columns}), file=file)

    def tasks(self):
        """Entries of a DAG file; the last is called as the table is."""
        types = {column: kind for column, kind in TYPES.items() if kind != "string"}
        return {
            f"{self.name}_texts": {"op": "jsonl.read", "with": {"files": f"{self.name}-*.jsonl"}},
            f"{self.name}_typed": {"op": "table.cast", "from": f"{self.name}_texts", "with": {"columns": types}},
            self.name: {"op": "table.filter", "from": f"{self.name}_typed", "with": {"where": "id >= 0"}},
        }

    def add_to_duckdb(self, connection, folder):
        texts = "{" + ", ".join(f"'{column}': 'VARCHAR'" for column in self.columns) + "}"
        cells = ", ".join(f'"{column}"::{DUCKDB[kind]} AS "{column}"' for column, kind in TYPES.items())
        connection.execute(
            f"CREATE TABLE {self.name} AS SELECT {cells} FROM read_json('{folder}/{self.name}-*.jsonl', "
            f"format = 'newline_delimited', columns = {texts}) WHERE id <> '-1' ORDER BY 1"
        )

    def sqlite(self, partition, others=()):
        """A partition, and single tables beside it, in SQLite."""
        connection = sqlite3.connect(":memory:")
        for name, rows in [(self.name, self.partitions[partition]), *others]:
            columns = ", ".join(f'"{column}" {SQLITE[kind]}' for column, kind in TYPES.items())
            connection.execute(f"CREATE TABLE {name}({columns})")
            marks = ", ".join("?" * len(TYPES))
            cells = [
                [text(cell) if isinstance(cell, datetime.date) else cell for cell in (row[column] for column in TYPES)]
                for row in rows
            ]
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", cells)
        return connection


#: More rows than a table has.
STEP = 10_000_000


@dataclass
class Stack:
    """A task that gives tables behind one another, cut anew, and the same as SQL."""

    #: Of the last of `tasks`, which stand before a case's own.
    name: str
    tasks: dict
    #: A subquery with all columns and `place`, which is in the rows' order.
    sql: str
    #: Of each table, dictionaries in order.
    parts: list
    partitions: int

    @property
    def rows(self):
        return [row for part in self.parts for row in part]

    def row(self, place):
        return self.parts[place // STEP][place % STEP]


def stacked(random, tables, name="stack"):
    """One of the tables, or several: rows that are there twice, other partitions, partitions without a row.

    - name: what its tasks are called, behind the case's name.
    """
    chosen = [random.choice(tables) for _ in range(random.choice([1, 1, 1, 2, 3]))]
    last, tasks, partitions = chosen[0].name, {}, sum(len(table.partitions) for table in chosen)
    if len(chosen) > 1:
        last = f"{{case}}_{name}"
        tasks[last] = {"op": "table.concat", "from": [table.name for table in chosen]}
    if random.random() < 0.3:
        partitions = random.choice([1, 2, 5, 40])
        tasks[f"{{case}}_{name}_cut"] = {"op": "table.repartition", "from": last, "with": {"partitions": partitions}}
        last = f"{{case}}_{name}_cut"
    sql = " UNION ALL ".join(f"SELECT *, {number * STEP} + id AS place FROM {table.name}" for number, table in enumerate(chosen))
    return Stack(last, tasks, f"({sql})", [table.rows() for table in chosen], partitions)


def unsigned(cell):
    """0 for -0: what a key is given as."""
    return cell + 0.0 if isinstance(cell, float) else cell
