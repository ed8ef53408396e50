"""Rounds of random tables: one DAG file with all cases, one run, one comparison for each case."""

import importlib
import json
import math
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable

import duckdb

from tables import Table, text


JSON_TYPES = {"int8": int, "int32": int, "int64": int, "bool": bool}


@dataclass
class Case:
    """Tasks behind a table's, and what their last one is to give."""

    kind: str
    #: Names and entries of a DAG file; "{case}" in them stands for the case's name. The last gives the result.
    tasks: dict
    #: The result's columns and their types.
    columns: dict
    #: Tuples of the wanted rows; None where an error is wanted.
    rows: list | None
    ordered: bool = True
    #: What a reader wants to see: the SQL, the condition.
    about: str = ""
    #: Columns where 0 and -0 count as the same.
    signless: set = field(default_factory=set)
    #: Columns of numbers that need not be the same in their last digits, as sums in another order.
    approximate: set = field(default_factory=set)
    #: How many partitions the result has, where that is known.
    partitions: int | None = None
    #: A pattern of the message that the case ends with, or may end with where there are rows.
    error: str = ""
    #: Contents of files beside the DAG file by name, "{case}" standing for the case's.
    files: dict = field(default_factory=dict)
    #: Gives the rows of the file or folder "out/{case}", where the last task is a sink of its own.
    read: Callable | None = None
    #: Tasks of a second run, which sees what the first wrote; then its last gives the result.
    then: dict = field(default_factory=dict)


def named(entry, name):
    return json.loads(json.dumps(entry).replace("{case}", name))


def canonical(cell, kind, signless=False, approximate=False):
    """A cell as text that is the same if and only if the cells are; as a number if it is approximate."""
    if cell is None:
        return None
    if kind in ("float64", "float32"):
        number = float(cell)
        if kind == "float32" and math.isfinite(number):
            # Its shortest text is not that of the same number as float64.
            number = struct.unpack("<f", struct.pack("<f", number))[0]
        if approximate:
            return number
        return "nan" if math.isnan(number) else repr(number + 0.0 if signless else number)
    if kind == "bool":
        return text(bool(cell))
    return text(cell)


def alike(one, two):
    """Whether rows are the same, numbers but for rounding."""
    return all(
        a == b or (isinstance(a, float) and isinstance(b, float) and (math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) or a != a and b != b))
        for a, b in zip(one, two, strict=True)
    )


class Campaign:
    def __init__(self, program, options):
        self.program = program
        self.options = options
        self.makers = {}
        for path in sorted(pathlib.Path(__file__).parent.glob("cases/*.py")):
            module = importlib.import_module(f"cases.{path.stem}")
            self.makers.update(module.KINDS)
        if options.only:
            for kind in options.only:
                if kind not in self.makers:
                    sys.exit(f"differential: there are no cases of kind {kind} (there are {', '.join(self.makers)})")
            self.makers = {kind: make for kind, make in self.makers.items() if kind in options.only}
        self.compared = {kind: 0 for kind in self.makers}
        #: Cases that ended with an error that they may end with.
        self.refused = Counter()

    def run(self):
        differences = 0
        try:
            for number in range(self.options.rounds):
                seed = self.options.seed + number
                folder = pathlib.Path(self.options.keep or tempfile.gettempdir()) / f"table-differential-{seed}"
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                found = self.round(seed, folder)
                differences += found
                if not found and not self.options.keep:
                    shutil.rmtree(folder)
        finally:
            # Also what was found until it was interrupted.
            counts = ", ".join(f"{count} {kind}" for kind, count in self.compared.items())
            errors = ", ".join(f"{count} {kind}" for kind, count in self.refused.items())
            compared = sum(self.compared.values())
            print(f"{compared} cases ({counts}; errors as wanted: {errors or 'none'}): {differences} differences")
        return 1 if differences or not compared else 0

    def round(self, seed, folder):
        source = random.Random(seed)
        table, other = Table(source, "t", self.options.rows), Table(source, "u", self.options.rows)
        connection = duckdb.connect()
        tasks = {}
        for each in (table, other):
            each.write(folder)
            each.add_to_duckdb(connection, folder)
            tasks |= each.tasks()
        cases = {}
        for number in range(self.options.cases):
            kind = source.choice(list(self.makers))
            case = self.makers[kind](source, table, other, connection)
            name = f"c{number}"
            cases[name] = case
            for path, content in case.files.items():
                (folder / path.replace("{case}", name)).write_bytes(content)
            tasks |= self.entries(name, case.tasks, None if case.read or case.then else case)
        report, failures = self.graphrun(folder, "dag.json", tasks)
        tasks = {}
        for name, case in cases.items():
            if name not in failures and case.then:
                tasks |= self.entries(name, case.then, case)
        if tasks:
            more, others = self.graphrun(folder, "then.json", tasks)
            report += more
            failures |= others
        differences = 0
        for name, case in cases.items():
            self.compared[case.kind] += 1
            problem = self.difference(folder, name, case, failures.pop(name, None))
            if problem:
                differences += 1
                print(f"seed {seed}, {name} in {folder}: {case.kind}: {case.about}\n  {problem}")
        for name, message in failures.items():
            differences += 1
            print(f"seed {seed}, in {folder}: {name}: {message}")
        if report:
            differences = max(differences, 1)
            print(f"seed {seed}: {report}")
        return differences

    def entries(self, name, tasks, case):
        """A case's tasks, and behind them what writes the result, unless there is none to write."""
        entries = {named(key, name): named(entry, name) for key, entry in tasks.items()}
        if case is None:
            return entries
        last = list(entries)[-1]
        reals = {column: "string" for column, kind in case.columns.items() if kind in ("float64", "float32")}
        if reals:
            entries[f"{name}_texts"] = {"op": "table.cast", "from": last, "with": {"columns": reals}}
            last = f"{name}_texts"
        entries[f"{name}_out"] = {
            "op": "jsonl.write", "from": last, "with": {"directory": f"rows/{name}", "name": "{index}.jsonl"},
        }
        return entries

    def graphrun(self, folder, file, tasks):
        """Runs the tasks. What is wrong with the run itself, or nothing; and the first message of each case that failed."""
        (folder / file).write_text(json.dumps({"version": 1, "tasks": tasks}, indent=1))
        command = [self.program, "run", file, "--keep-going", "--json"]
        if self.options.memory:
            command += ["--memory", self.options.memory]
        outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        failures = {}
        try:
            for failure in json.loads(outcome.stdout)["failures"]:
                name = re.match(r"c\d+", failure["task"]) or re.match(r"[^\[]*", failure["task"])
                failures.setdefault(name[0], f"{failure['task']} failed: {failure['message']}")
        except (ValueError, KeyError):
            return f"graphrun ended with {outcome.returncode}:\n{outcome.stdout[-1000:]}\n{outcome.stderr[-3000:]}\n", {}
        if outcome.returncode != (1 if failures else 0):
            return f"graphrun ended with {outcome.returncode}, failures: {failures}\n{outcome.stderr[-3000:]}\n", failures
        return "", failures

    def difference(self, folder, name, case, failure):
        """What is wrong with a case's files, or None."""
        if failure:
            if case.error and re.search(case.error, failure):
                self.refused[case.kind] += 1
                return None
            return failure
        if case.rows is None:
            return f"wanted an error with: {case.error}"
        try:
            found = case.read(folder / "out" / name) if case.read else self.written(folder / "rows" / name, case)
        except (OSError, ValueError, duckdb.Error) as error:
            return f"cannot be read: {error}"
        # Where order does not count, what is exact puts rows into one; keys are.
        exact = [column not in case.approximate for column in case.columns]

        def prepared(rows):
            columns = [(kind, name in case.signless, name in case.approximate) for name, kind in case.columns.items()]
            cells = [tuple(canonical(cell, *column) for cell, column in zip(row, columns, strict=True)) for row in rows]
            if not case.ordered:
                cells.sort(key=lambda row: repr([cell for cell, is_exact in zip(row, exact) if is_exact]))
            return cells

        found, wanted = prepared(found), prepared(case.rows)
        if len(found) == len(wanted) and all(map(alike, found, wanted)):
            return None

        def shown(row):
            return "(" + ", ".join(repr(cell) if len(repr(cell)) <= 60 else repr(cell)[:60] + "…" for cell in row) + ")"

        counts = f"{len(found)} rows, wanted {len(wanted)}"
        pairs = [(number, one, two) for number, (one, two) in enumerate(zip(found, wanted)) if not alike(one, two)][:2]
        # What is approximate is seldom the same.
        found, wanted = (rows if all(exact) else [] for rows in (found, wanted))
        surplus = "".join(f"\n  too many: {shown(row)}" for row in list((Counter(found) - Counter(wanted)).elements())[:3])
        missing = "".join(f"\n  missing: {shown(row)}" for row in list((Counter(wanted) - Counter(found)).elements())[:3])
        apart = "".join(f"\n  row {number} is {shown(one)}\n    wanted {shown(two)}" for number, one, two in pairs)
        return f"{counts}{surplus}{missing}{apart}"

    def written(self, folder, case):
        """The rows of JSON lines, partition by partition."""
        paths = sorted(folder.glob("*.jsonl"), key=lambda path: int(path.stem))
        if not folder.exists():
            raise ValueError("nothing was written")
        if case.partitions is not None and len(paths) != case.partitions:
            raise ValueError(f"{len(paths)} partitions, wanted {case.partitions}")
        rows = []
        for path in paths:
            for line in path.read_bytes().decode().split("\n"):
                if not line:
                    continue
                row = json.loads(line)
                if list(row) != list(case.columns):
                    raise ValueError(f"columns {list(row)}, wanted {list(case.columns)}")
                for cell, (column, kind) in zip(row.values(), case.columns.items(), strict=True):
                    # Numbers with a fraction are written as text: JSON has no NaN.
                    wanted = JSON_TYPES.get(kind, str)
                    if cell is not None and type(cell) is not wanted:
                        raise ValueError(f"column {column} has {cell!r}, which is no {kind}")
                rows.append(tuple(row.values()))
        return rows
