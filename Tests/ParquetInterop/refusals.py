"""Files that cannot be read, or not without being told to: what graphrun says of them."""
import datetime
import decimal
import subprocess

import pyarrow
import pyarrow.dataset
import pyarrow.parquet


def not_utf8():
    offsets = pyarrow.py_buffer((0).to_bytes(4, "little") + (2).to_bytes(4, "little") + (4).to_bytes(4, "little"))
    return pyarrow.Array.from_buffers(pyarrow.string(), 2, [None, offsets, pyarrow.py_buffer(b"ok\xff\xfe")])


# Name: what stands in column x, options, and what must be said.
REFUSED = {
    "binary": (pyarrow.array([b"a"]), "", ['column "x"', "binary"]),
    "map": (pyarrow.array([[("k", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())), "", ['column "x"', "map"]),
    "time": (pyarrow.array([datetime.time(1)]), "", ['column "x"', "time of day"]),
    "duration": (pyarrow.array([datetime.timedelta(1)]), "", ['column "x"', "duration"]),
    "nested": (pyarrow.array([[{"k": b"a"}]]), "", ['column "x.item.k"', "binary"]),
    "decimal": (pyarrow.array([decimal.Decimal("1.25")]), "", ['column "x"', "decimal(3, 2)", "approximate: true"]),
    "uint64": (pyarrow.array([1, 2**63], pyarrow.uint64()), "", ["row 2", 'column "x"', "9223372036854775808"]),
    "nanoseconds": (pyarrow.array([0, 1500], pyarrow.timestamp("ns")), "", ["row 2", "1500", "approximate: true"]),
    "not UTF-8": (not_utf8(), "", ["row 2", 'column "x"', "UTF-8"]),
    "missing": (pyarrow.array([1]), ", columns: [xx]", ['no column "xx"', 'did you mean "x"']),
}

# What is read all the same.
TAKEN = {
    "decimal": (pyarrow.array([decimal.Decimal("1.25"), None]), ", approximate: true", [{"x": 1.25}, {"x": None}]),
    "long decimal": (pyarrow.array([decimal.Decimal("12345678901234567890.12345")], pyarrow.decimal128(30, 5)),
                     ", approximate: true", [{"x": 12345678901234567890.12345}]),
    "nanoseconds": (pyarrow.array([1500, -1], pyarrow.timestamp("ns")), ", approximate: true",
                    [{"x": datetime.datetime(1970, 1, 1, 0, 0, 0, 1)},
                     {"x": datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999)}]),
    "binary": (pyarrow.array([b"a"]), ", columns: [other]", [{"other": 1}]),
}


def run(program, folder, files, options):
    (folder / "one.yaml").write_text(
        f'tasks:\n  r: {{op: parquet.read, with: {{files: "{files}"{options}}}}}\n'
        '  w: {op: parquet.write, from: r, with: {directory: one, name: "{index}.parquet"}}\n')
    return subprocess.run([program, "run", "one.yaml"], cwd=folder, capture_output=True, text=True)


def problems(program, folder):
    wrong = []
    for name, (values, options, words) in REFUSED.items():
        pyarrow.parquet.write_table(pyarrow.table({"x": values}), folder / "in.parquet")
        result = run(program, folder, "in.parquet", options)
        said = result.stdout + result.stderr
        if result.returncode == 0:
            wrong.append(f"{name} was taken")
        wrong += [f"{name}: {word!r} is not in: {said}" for word in ["in.parquet", *words] if word not in said]
    for name, (values, options, expected) in TAKEN.items():
        others = pyarrow.array([1] * len(values))
        contents = pyarrow.table({"x": values, "other": others} if "other" in options else {"x": values})
        pyarrow.parquet.write_table(contents, folder / "in.parquet")
        result = run(program, folder, "in.parquet", options)
        found = pyarrow.parquet.read_table(folder / "one" / "0.parquet").to_pylist() if result.returncode == 0 else None
        if found != expected:
            wrong.append(f"{name}{options}: {found} instead of {expected}; {result.stderr}")

    # Folders of keys, as pyarrow writes them.
    contents = pyarrow.table({"n": [1, 2, 3, 4], "year": [2023, 2023, 2024, 2024], "place": ["a b", "c/d", "é", "a b"]})
    pyarrow.parquet.write_to_dataset(contents, folder / "hive", partition_cols=["year", "place"])
    result = run(program, folder, "hive", "")
    parts = sorted((folder / "one").glob("*.parquet"))
    rows = [row for part in parts for row in pyarrow.parquet.read_table(part).to_pylist()]
    if result.returncode != 0 or [row for row in rows if row in contents.to_pylist()] != rows or len(rows) != 4:
        wrong.append(f"hive folder: {rows}; {result.stderr}")
    return wrong
