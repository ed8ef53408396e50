"""Files of all four writers through graphrun, read by all four readers."""
import datetime
import math
import random
import subprocess

import duckdb
import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet

TEXTS = ["", "a", "Ada", "café", "cafe\u0301", "日本語", "👩‍👩‍👧", "x\0y", '"quoted\\"', "long " * 500]
EPOCH = datetime.datetime(1970, 1, 1)


def canonical(value):
    """The same for what is the same in any library: microseconds for timestamps, text for floats, lists, sorted names."""
    if isinstance(value, numpy.generic):
        value = value.item()
    if value is None or value is pandas.NA or value is pandas.NaT:
        return None
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return ("timestamp", (value - EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(value, datetime.date):
        return ("date", value.toordinal())
    if isinstance(value, dict):
        return {name: canonical(inside) for name, inside in sorted(value.items())}
    if isinstance(value, (list, tuple, numpy.ndarray)):
        return [canonical(inside) for inside in value]
    return value


def rows_of(table):
    return [canonical(row) for row in table.to_pylist()]


def types_of_ours(arrow):
    """What graphrun makes of a type, as it writes it."""
    kinds = pyarrow.types
    if kinds.is_dictionary(arrow):
        return types_of_ours(arrow.value_type)
    if kinds.is_null(arrow) or kinds.is_string(arrow) or kinds.is_large_string(arrow) or kinds.is_string_view(arrow):
        return pyarrow.string()
    if arrow in (pyarrow.uint8(), pyarrow.int16(), pyarrow.uint16()):
        return pyarrow.int32()
    if arrow in (pyarrow.uint32(), pyarrow.uint64()):
        return pyarrow.int64()
    if arrow == pyarrow.float16():
        return pyarrow.float32()
    if kinds.is_timestamp(arrow):
        return pyarrow.timestamp("us")
    if kinds.is_list(arrow) or kinds.is_large_list(arrow) or kinds.is_fixed_size_list(arrow):
        return pyarrow.list_(pyarrow.field("element", types_of_ours(arrow.value_type)))
    if kinds.is_struct(arrow):
        return pyarrow.struct([(field.name, types_of_ours(field.type)) for field in arrow])
    return arrow


def column(kind, count, chance, picks):
    """Random cells of an Arrow type, a fifth of them null; `picks` are values that must turn up."""
    values = [None if chance.random() < 0.2 else chance.choice(picks) for _ in range(count)]
    return pyarrow.array(values, kind)


def table(count, chance):
    def whole(kind, low, high):
        return column(kind, count, chance, [low, high, 0 if low < 0 else 1, 7])

    moments = [datetime.datetime(1969, 12, 31, 23, 59, 59, 999_000), EPOCH, datetime.datetime(2024, 2, 29, 12, 30)]
    days = [datetime.date(1, 1, 1), datetime.date(1970, 1, 1), datetime.date(9999, 12, 31)]
    reals = [math.nan, -0.0, 0.0, math.inf, -math.inf, 1.5, 5e-324, 1.7976931348623157e308]
    places = [{"name": "x", "at": [1.5, None]}, {"name": None, "at": []}, {"name": "é", "at": None}]
    place = pyarrow.struct([("name", pyarrow.string()), ("at", pyarrow.list_(pyarrow.float64()))])
    return pyarrow.table({
        "int8": whole(pyarrow.int8(), -128, 127), "uint8": whole(pyarrow.uint8(), 0, 255),
        "int16": whole(pyarrow.int16(), -32768, 32767), "uint16": whole(pyarrow.uint16(), 0, 65535),
        "int32": whole(pyarrow.int32(), -2**31, 2**31 - 1), "uint32": whole(pyarrow.uint32(), 0, 2**32 - 1),
        "int64": whole(pyarrow.int64(), -2**63, 2**63 - 1), "uint64": whole(pyarrow.uint64(), 0, 2**63 - 1),
        "half": column(pyarrow.float16(), count, chance, [math.nan, -0.0, 1.5, 65504.0, 6e-8]),
        "single": column(pyarrow.float32(), count, chance, [math.nan, -0.0, 1.5, math.inf, 1e-45]),
        "double": column(pyarrow.float64(), count, chance, reals),
        "flag": column(pyarrow.bool_(), count, chance, [True, False]),
        "day": column(pyarrow.date32(), count, chance, days),
        "seconds": column(pyarrow.timestamp("s"), count, chance, [EPOCH, moments[2]]),
        "millis": column(pyarrow.timestamp("ms"), count, chance, moments),
        "micros": column(pyarrow.timestamp("us"), count, chance, [datetime.datetime(1, 1, 1), *moments]),
        "nanos": column(pyarrow.timestamp("ns"), count, chance, moments),
        "zoned": column(pyarrow.timestamp("us", "Europe/Berlin"), count, chance,
                        [moment.replace(tzinfo=datetime.timezone.utc) for moment in moments]),
        "text": column(pyarrow.string(), count, chance, TEXTS),
        "large text": column(pyarrow.large_string(), count, chance, TEXTS),
        "words": column(pyarrow.string(), count, chance, TEXTS).dictionary_encode(),
        "whole lists": column(pyarrow.list_(pyarrow.int64()), count, chance, [[], [1, None, 3], [2**63 - 1]]),
        "text lists": column(pyarrow.large_list(pyarrow.string()), count, chance, [[], [""], TEXTS, [None]]),
        "nested lists": column(pyarrow.list_(pyarrow.list_(pyarrow.float32())), count, chance,
                               [[], [[]], [None, [1.5, None]], [[0.25], [0.5]]]),
        "fixed lists": column(pyarrow.list_(pyarrow.int32(), 3), count, chance, [[1, 2, 3], [4, None, 6]]),
        "place": column(place, count, chance, places),
        "places": column(pyarrow.list_(place), count, chance, [[], places, [None, places[0]]]),
        "nothing": pyarrow.nulls(count),
    })


def write_all(folder, chance):
    """Writes the inputs; gives name → what is in it."""
    inputs = {}

    def note(name, contents):
        inputs[name] = contents

    for number, options in enumerate([
        {}, {"compression": "zstd", "data_page_version": "2.0"}, {"compression": "gzip", "use_dictionary": False},
        {"compression": "lz4", "version": "2.4"}, {"compression": "none", "row_group_size": 7},
        {"compression": "snappy", "store_schema": False, "write_statistics": False},
        {"compression": "zstd", "row_group_size": 100, "data_page_size": 200, "write_page_index": True},
        {"use_dictionary": False, "column_encoding": {"int64": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY",
                                                      "double": "BYTE_STREAM_SPLIT"}},
    ]):
        for count in [0, 1, 500]:
            contents = table(count, chance)
            name = f"pyarrow-{number}-{count}"
            pyarrow.parquet.write_table(contents, folder / f"{name}.parquet", **options)
            note(name, contents)
    # Row groups without rows, between others.
    contents = table(20, chance)
    with pyarrow.parquet.ParquetWriter(folder / "pyarrow-empty-groups.parquet", contents.schema) as writer:
        for part in [contents.slice(0, 0), contents.slice(0, 8), contents.slice(0, 0), contents.slice(8)]:
            writer.write_table(part)
    note("pyarrow-empty-groups", contents)

    flat = table(300, chance).select(["int64", "double", "flag", "micros", "text", "whole lists", "place"])
    int96 = table(50, chance).select(["int32", "micros"])
    int96 = int96.set_column(1, "micros", pyarrow.array([None, EPOCH, datetime.datetime(2024, 1, 1)] * 16 + [None] * 2,
                                                        pyarrow.timestamp("us")))
    pyarrow.parquet.write_table(int96, folder / "pyarrow-int96.parquet", use_deprecated_int96_timestamps=True)
    note("pyarrow-int96", int96)
    pandas_frame = flat.to_pandas()
    pandas_frame.to_parquet(folder / "pandas.parquet")
    note("pandas", pyarrow.parquet.read_table(folder / "pandas.parquet"))
    pandas_frame.set_index("int64").to_parquet(folder / "pandas-index.parquet")
    note("pandas-index", pyarrow.parquet.read_table(folder / "pandas-index.parquet"))
    frame = polars.from_arrow(flat)
    frame.write_parquet(folder / "polars.parquet", row_group_size=64)
    note("polars", flat)
    connection = duckdb.connect()
    connection.register("flat", flat)
    connection.execute(f"COPY flat TO '{folder}/duckdb.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    note("duckdb", flat)
    return inputs


def read_all(path):
    """What each library reads: rows by library."""
    connection = duckdb.connect()
    relation = connection.sql(f"SELECT * FROM '{path}'")
    names = relation.columns
    found = {
        "pyarrow": rows_of(pyarrow.parquet.read_table(path)),
        "polars": [canonical(row) for row in polars.read_parquet(path).to_dicts()],
        "duckdb": [canonical(dict(zip(names, row))) for row in relation.fetchall()],
    }
    frame = pandas.read_parquet(path, dtype_backend="pyarrow")
    columns = {name: pyarrow.array(frame[name].array).to_pylist() for name in frame.columns}
    found["pandas"] = [canonical({name: columns[name][row] for name in columns}) for row in range(len(frame))]
    return found


def problems(program, folder, seed):
    """How many files went through, and what is wrong with them."""
    chance = random.Random(seed)
    given, made = folder / "given", folder / "made"
    given.mkdir()
    inputs = write_all(given, chance)
    lines = ["tasks:"]
    for number, name in enumerate(inputs):
        lines.append(f'  r{number}: {{op: parquet.read, with: {{files: "given/{name}.parquet"}}}}')
        lines.append(
            f'  w{number}: {{op: parquet.write, from: r{number}, with: '
            f'{{directory: made, name: "{name}.parquet", row_group_rows: 128}}}}')
    (folder / "exchange.yaml").write_text("\n".join(lines) + "\n")
    run = subprocess.run([program, "run", "exchange.yaml", "--keep-going"], cwd=folder, capture_output=True, text=True)
    wrong = []
    if run.returncode != 0:
        wrong.append(f"the run failed: {run.stdout[-2000:]} {run.stderr[-2000:]}")
    for name, contents in inputs.items():
        path = made / f"{name}.parquet"
        if not path.exists():
            wrong.append(f"{name}: nothing was written")
            continue
        for field in contents.schema:
            ours = pyarrow.parquet.read_schema(path).field(field.name).type
            if ours != types_of_ours(field.type):
                wrong.append(f"{name}: column {field.name} is {field.type} and became {ours}")
        expected = rows_of(contents)
        for library, found in read_all(path).items():
            if found != expected:
                place = next((row for row, pair in enumerate(zip(found, expected)) if pair[0] != pair[1]), None)
                if place is None:
                    wrong.append(f"{name}: {library} reads {len(found)} rows of {len(expected)}")
                else:
                    for key in expected[place]:
                        if found[place].get(key) != expected[place][key]:
                            wrong.append(f"{name}: {library} reads row {place}, {key}: {found[place].get(key)!r} "
                                         f"instead of {expected[place][key]!r}")
        statistics = pyarrow.parquet.ParquetFile(path).metadata
        if statistics.num_rows and not statistics.row_group(0).column(0).is_stats_set:
            wrong.append(f"{name}: there are no statistics")
    return len(inputs), wrong
