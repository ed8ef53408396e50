"""Rounds of random tables: one DAG file with all cases, one run, one comparison for each case."""

import importlib
import json
import math
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

import duckdb

from tables import Table, text


@dataclass
class Case:
    """Tasks behind a table's, and what their last one is to give."""

    kind: str
    #: Names and entries of a DAG file; "{case}" in them stands for the case's name. The last gives the result.
    tasks: dict
    #: The result's columns and their types.
    columns: dict
    #: Tuples of the wanted rows.
    rows: list
    ordered: bool = True
    #: What a reader wants to see: the SQL, the condition.
    about: str = ""
    #: Whether 0 and -0 count as the same.
    signless: bool = field(default=False)


def named(entry, name):
    return json.loads(json.dumps(entry).replace("{case}", name))


def canonical(cell, kind, signless):
    """A cell as text that is the same if and only if the cells are."""
    if cell is None:
        return None
    if kind in ("float64", "float32"):
        number = float(cell)
        if kind == "float32" and math.isfinite(number):
            # Its shortest text is not that of the same number as float64.
            number = struct.unpack("<f", struct.pack("<f", number))[0]
        return "nan" if math.isnan(number) else repr(number + 0.0 if signless else number)
    if kind == "bool":
        return text(bool(cell))
    return text(cell)


class Campaign:
    def __init__(self, program, options):
        self.program = program
        self.options = options
        self.makers = {}
        for path in sorted(pathlib.Path(__file__).parent.glob("cases/*.py")):
            module = importlib.import_module(f"cases.{path.stem}")
            self.makers.update(module.KINDS)
        if options.only:
            self.makers = {kind: make for kind, make in self.makers.items() if kind == options.only}
            if not self.makers:
                sys.exit(f"differential: there are no cases of kind {options.only}")

    def run(self):
        compared = {kind: 0 for kind in self.makers}
        differences = 0
        for number in range(self.options.rounds):
            seed = self.options.seed + number
            folder = pathlib.Path(self.options.keep or tempfile.gettempdir()) / f"table-differential-{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            found = self.round(seed, folder, compared)
            differences += found
            if not found and not self.options.keep:
                shutil.rmtree(folder)
        counts = ", ".join(f"{count} {kind}" for kind, count in compared.items())
        print(f"{sum(compared.values())} cases ({counts}): {differences} differences")
        return 1 if differences or not sum(compared.values()) else 0

    def round(self, seed, folder, compared):
        source = random.Random(seed)
        table, other = Table(source, "t"), Table(source, "u")
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
            entries = [(named(key, name), named(entry, name)) for key, entry in case.tasks.items()]
            tasks |= dict(entries)
            last = entries[-1][0]
            reals = {column: "string" for column, kind in case.columns.items() if kind in ("float64", "float32")}
            if reals:
                tasks[f"{name}_texts"] = {"op": "table.cast", "from": last, "with": {"columns": reals}}
                last = f"{name}_texts"
            tasks[f"{name}_out"] = {
                "op": "jsonl.write", "from": last, "with": {"directory": f"out/{name}", "name": "{index}.jsonl"},
            }
        (folder / "dag.json").write_text(json.dumps({"version": 1, "tasks": tasks}, indent=1))
        command = [self.program, "run", "dag.json", "--keep-going"]
        if self.options.memory:
            command += ["--memory", self.options.memory]
        outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        differences = 0
        for name, case in cases.items():
            compared[case.kind] += 1
            problem = self.difference(folder / "out" / name, case)
            if problem:
                differences += 1
                print(f"seed {seed}, {name} in {folder}: {case.kind}: {case.about}\n  {problem}")
        if outcome.returncode != 0 or differences:
            if outcome.returncode != 0 and not differences:
                differences = 1
            print(f"seed {seed}: graphrun ended with {outcome.returncode}:\n{outcome.stderr[-3000:]}")
        return differences

    def difference(self, folder, case):
        """What is wrong with a case's files, or None."""
        found = []
        for path in sorted(folder.glob("*.jsonl"), key=lambda path: int(path.stem)):
            for line in path.read_text().split("\n"):
                if not line:
                    continue
                row = json.loads(line)
                if list(row) != list(case.columns):
                    return f"columns {list(row)}, wanted {list(case.columns)}"
                found.append(tuple(canonical(row[name], kind, case.signless) for name, kind in case.columns.items()))
        if not folder.exists():
            return "nothing was written"
        wanted = [tuple(canonical(cell, kind, case.signless) for cell, kind in zip(row, case.columns.values())) for row in case.rows]
        if not case.ordered:
            found.sort(key=repr)
            wanted.sort(key=repr)
        if found == wanted:
            return None
        surplus = [row for row in found if row not in wanted][:3]
        missing = [row for row in wanted if row not in found][:3]
        return f"{len(found)} rows, wanted {len(wanted)}; too many: {surplus}; missing: {missing}"
