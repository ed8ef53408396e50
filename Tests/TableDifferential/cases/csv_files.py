"""csv.read of what DuckDB, Python's csv module and a careless writer write; csv.write, read by DuckDB, Python and csv.read.

Cases are small, and often one byte from a rule: quotes, line ends and delimiters in texts, blocks shorter than a record. Some
are larger than the reader's window of a megabyte.
"""

import csv
import gzip
import io
import pathlib
import tempfile

import duckdb

from campaign import Case
from tables import DUCKDB, TYPES, stacked, text

#: As csv.read learns them; null throughout is a string.
LEARNT = {"int8": "int64", "int32": "int64"}
#: The message where a block's beginning cannot be told, which docs/tables.md allows for.
UNPROVEN = "where a record begins behind a cut cannot be told"
#: Names for columns that have to stand in quotes, or look as if.
ODD_NAMES = {"key": 'k,"e";y', "small": "two\nlines", "day": " day ", "real": "réal", "flag": "it's"}


def blocks(random, sizes):
    """A blocksize for files of those sizes, and whether any is cut by it."""
    size = max(sizes)
    if random.random() < 0.25:
        return random.choice([{}, {"blocksize": "none"}, {"blocksize": f"{size + 1}B"}]), False
    # Not more than forty blocks, since each makes a file.
    length = max(random.choice([1, 10, 33, 64, 200, 1000, 7000, 100_000, 1_048_576, 1_500_000]), size // 40, 1)
    return {"blocksize": f"{length}B"}, length < size


def chosen_columns(random):
    return random.sample(list(TYPES), random.choice([1, 1, 2, 3, 5, len(TYPES)]))


def types_of(random, columns, rows):
    """The types to say, and those that come out: without a word they are learnt.

    Two are always said: texts may look like anything, and DuckDB writes a FLOAT's shortest text, which is another float64.
    """
    if random.random() < 0.6:
        return {column: TYPES[column] for column in columns}, {column: TYPES[column] for column in columns}
    said = {column: TYPES[column] for column in columns if column in ("text", "narrow")}
    learnt = {
        column: "string" if all(row[number] is None for row in rows) else LEARNT.get(TYPES[column], TYPES[column])
        for number, column in enumerate(columns)
    }
    return said, learnt | said


# MARK: - csv.read


def by_duckdb(random, table, connection, columns):
    """One file by COPY; DuckDB's rows."""
    packing = random.choice(["none", "none", "gzip", "zstd"])
    delimiter, header, null = random.choice(",;\t|"), random.random() < 0.8, random.choice(["", "", "NA"])
    options = [f"FORMAT csv, DELIMITER '{delimiter}', HEADER {header}, NULLSTR '{null}', COMPRESSION {packing}"]
    texts = [column for column in columns if TYPES[column] == "string"]
    quoted = bool(texts) and random.random() < 0.5
    if quoted:
        options.append(f"FORCE_QUOTE ({', '.join(texts)})")
    query = f"SELECT {', '.join(columns)} FROM {table.name} ORDER BY id"
    rows = connection.execute(query).fetchall()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "copied.csv"
        connection.execute(f"COPY ({query}) TO '{path}' ({', '.join(options)})")
        content = path.read_bytes()
    if null and not quoted:
        # DuckDB puts an empty text in quotes only where nothing stands for null.
        rows = [tuple(None if cell == "" else cell for cell in row) for row in rows]
    parameters = {"delimiter": "tab" if delimiter == "\t" else delimiter, "header": header, "nulls": [null] if null else []}
    return [(columns, rows)], [content], {"none": "csv", "gzip": "csv.gz", "zstd": "csv.zst"}[packing], parameters, options[0]


def by_module(random, rows, columns):
    """One file by Python's csv module, which writes nothing for None and the empty text, or "" for both."""
    quoting = random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC, csv.QUOTE_ALL])
    places = range(len(columns))
    # A number in quotes is one, but nothing in quotes is an empty text.
    all_quoted = quoting != csv.QUOTE_MINIMAL
    if all_quoted:
        rows = [row for row in rows if all(row[place] is not None or TYPES[columns[place]] == "string" for place in places)]
    elif len(columns) == 1:
        # The module writes "" for a lone field without a text.
        rows = [row for row in rows if row[0] is not None]
    out = io.StringIO(newline="")
    delimiter = random.choice(",;\t")
    # With \n it leaves \r in a text without quotes (before Python 3.13), which ends a record with the \n behind it.
    writer = csv.writer(out, quoting=quoting, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([text(cell) for cell in row] for row in rows)
    if all_quoted:
        wanted = [tuple("" if cell is None else cell for cell in row) for row in rows]
    elif len(columns) == 1:
        wanted = rows
    else:
        wanted = [tuple(None if cell == "" else cell for cell in row) for row in rows]
    parameters = {"delimiter": "tab" if delimiter == "\t" else delimiter}
    return [(columns, wanted)], [out.getvalue().encode()], "csv", parameters, f"csv module, quoting {quoting}"


def carelessly(random, rows, columns, names):
    """Files by a writer of our own: quotes where none are needed, both line ends, empty lines, columns in another order.

    - names: what columns are called in the header, where it is not their own name.
    """
    delimiter, quote = random.choice([",", ",", ";", "\t"]), random.choice(['"', '"', "'", "none"])
    if quote == "none":
        # Then no text can hold what ends it, and the empty text is nothing.
        rows = [row for row in rows if not any(mark in text(cell) for cell in row if cell is not None for mark in (delimiter, "\n", "\r"))]
        rows = [tuple(None if cell == "" else cell for cell in row) for row in rows]
        names = {column: name for column, name in names.items() if not {delimiter, "\n"} & set(name)}
    # Without quotes a text that stands for null is null.
    null = random.choice(["", "", "NA"]) if quote != "none" else ""
    header, skipped = random.random() < 0.8, random.choice([0, 0, 2])
    count = random.choice([1, 1, 2, 3]) if header else 1
    eagerness, carriage, emptiness = random.choice([0, 0.1, 1]), random.choice([0, 0.5, 1]), random.choice([0, 0.05, 0.5])
    cuts = sorted(random.randint(0, len(rows)) for _ in range(count - 1))
    parts, contents = [], []
    for start, end in zip([0, *cuts], [*cuts, len(rows)]):
        order = random.sample(range(len(columns)), len(columns)) if header else range(len(columns))

        def field(cell, is_last):
            if cell is None:
                return random.choice(["", null])
            cell = text(cell)
            if quote == "none":
                return cell
            has_to = cell in ("", null) or delimiter in cell or quote in cell or "\n" in cell or (is_last and cell.endswith("\r"))
            return quote + cell.replace(quote, quote * 2) + quote if has_to or random.random() < eagerness else cell

        records = [[names.get(columns[place], columns[place]) for place in order]] if header else []
        records += [[row[place] for place in order] for row in rows[start:end]]
        out = ["# what is \"here, is passed over\n"] * skipped
        for number, record in enumerate(records):
            # The first line is the header, whatever stands in it.
            if len(columns) > 1 and number > 0 and random.random() < emptiness:
                out.append(random.choice(["\n", "\r\n"]))
            out.append(delimiter.join(field(cell, place == len(record) - 1) for place, cell in enumerate(record)))
            out.append("\r\n" if random.random() < carriage else "\n")
        # A last record without a line end, but for one of nothing at all.
        if len(out) > 1 and out[-2] and random.random() < 0.3:
            out.pop()
        # A file of nothing is refused.
        if "".join(out[skipped:]):
            mark = b"\xef\xbb\xbf" if random.random() < 0.2 else b""
            parts.append(([columns[place] for place in order], rows[start:end]))
            contents.append(mark + "".join(out).encode())
    parameters = {"delimiter": "tab" if delimiter == "\t" else delimiter, "quote": quote, "header": header, "skip_lines": skipped}
    if not header:
        names = {}
    if null:
        parameters["nulls"] = [null]
    about = f"{len(contents)} files, delimiter {delimiter!r}, quote {quote}, null {null!r}, quotes {eagerness}, \\r {carriage}"
    if contents and count == 1 and random.random() < 0.2:
        half = random.randint(0, len(contents[0]))
        # A file of two members, as pigz or cat make them.
        return parts, [gzip.compress(contents[0][:half]) + gzip.compress(contents[0][half:])], "csv.gz", parameters, about, names
    return parts, contents, "csv", parameters, about, names


def enlarged(random, rows, columns):
    """Rarely so many rows, or so long a text, that a file is larger than the reader's window."""
    chance = random.random()
    if not rows or chance < 0.94:
        return rows
    if chance < 0.97:
        return rows * min(2_000_000 // (len(rows) * 12 * len(columns)) + 1, 30_000 // len(rows) + 1)
    place = columns.index("text") if "text" in columns else None
    if place is None:
        return rows
    number = random.randrange(len(rows))
    long = random.choice(["x", "a\n", 'say "x", ', "é"]) * random.randint(300_000, 1_200_000)
    return rows[:number] + [rows[number][:place] + (long,) + rows[number][place + 1 :]] + rows[number + 1 :]


def read(random, table, other, connection):
    columns = chosen_columns(random)
    writer, names = random.choice(["duckdb", "module", "careless", "careless"]), {}
    rows = [tuple(row[column] for column in columns) for row in table.rows()]
    if writer == "duckdb":
        parts, contents, ending, parameters, about = by_duckdb(random, table, connection, columns)
    elif writer == "module":
        parts, contents, ending, parameters, about = by_module(random, enlarged(random, rows, columns), columns)
    else:
        odd = ODD_NAMES if random.random() < 0.3 else {}
        parts, contents, ending, parameters, about, names = carelessly(random, enlarged(random, rows, columns), columns, odd)
    if not contents or not (parameters.get("header", True) or parts[0][1]):
        # Without rows and without a header there is no file to read.
        return read(random, table, other, connection)
    ordered = parts[0][0]
    found = [tuple(row[columns.index(column)] for column in ordered) for _, part in parts for row in part]
    types, result = types_of(random, ordered, found)
    if not parameters.get("header", True) or (len(parts) == 1 and random.random() < 0.1):
        # In the header's stead.
        parameters["names"], names = ordered, {}
    if types:
        parameters["types"] = {names.get(column, column): kind for column, kind in types.items()}
    if random.random() < 0.3:
        few = random.sample(ordered, random.randint(1, len(ordered)))
        found = [tuple(row[ordered.index(column)] for column in few) for row in found]
        ordered, parameters["columns"] = few, [names.get(column, column) for column in few]
    blocksize, is_cut = blocks(random, list(map(len, contents)))
    parameters |= {"files": "{case}-*." + ending} | blocksize
    files = {f"{{case}}-{number}.{ending}": content for number, content in enumerate(contents)}
    return Case(
        "csv-read", {"{case}": {"op": "csv.read", "with": parameters}},
        {names.get(column, column): result[column] for column in ordered}, found,
        about=f"{writer}: {about}   |   {parameters}", files=files, error=UNPROVEN if is_cut and ending == "csv" else "")


# MARK: - csv.write


def duckdb_reader(columns, delimiter, header):
    described = "{" + ", ".join(f"c{number}: '{DUCKDB[kind]}'" for number, kind in enumerate(columns.values())) + "}"

    def read(path):
        with duckdb.connect() as connection:
            return [
                row
                for file in files_of(path)
                for row in connection.execute(
                    f"SELECT * FROM read_csv('{file}', columns = {described}, delim = '{delimiter}', header = {header}, "
                    "quote = '\"', escape = '\"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false, "
                    "auto_detect = false, max_line_size = 16777216)"
                ).fetchall()
            ]

    return read


def module_reader(columns, delimiter, header):
    """Python's csv module does not tell an empty text from nothing."""

    def value(cell, kind):
        if cell == "":
            return None
        return cell == "true" if kind == "bool" else cell

    def read(path):
        rows = []
        for file in files_of(path):
            with open(file, newline="", encoding="utf-8") as opened:
                lines = list(csv.reader(opened, delimiter=delimiter, strict=True))
            if header:
                if lines[0] != list(columns):
                    raise ValueError(f"header {lines[0]}, wanted {list(columns)}")
                lines = lines[1:]
            rows += [tuple(value(cell, kind) for cell, kind in zip(line or [""], columns.values(), strict=True)) for line in lines]
        return rows

    return read


def files_of(path):
    return sorted(path.iterdir(), key=lambda file: int(file.stem)) if path.is_dir() else [path]


def written(random, table, other, connection):
    stack = stacked(random, [table, other])
    chosen = chosen_columns(random)
    rows = [tuple(row[column] for column in chosen) for row in stack.rows]
    tasks, name, names = dict(stack.tasks), stack.name, {}
    if random.random() < 0.3:
        name, names = "{case}_odd", ODD_NAMES
        tasks[name] = {"op": "table.rename", "from": stack.name, "with": {"columns": names}}
    columns = {names.get(column, column): TYPES[column] for column in chosen}
    delimiter, header, one = random.choice([",", ",", ";", "\t", "|"]), random.random() < 0.8, random.random() < 0.7
    parameters = {"columns": list(columns), "delimiter": "tab" if delimiter == "\t" else delimiter, "header": header}
    parameters |= {"path": "out/{case}"} if one else {"directory": "out/{case}", "name": "{index}.csv"}
    tasks["{case}"] = {"op": "csv.write", "from": name, "with": parameters}
    reader = random.choice(["duckdb", "module", "graphrun", "graphrun"])
    # csv.read refuses files of nothing.
    if reader == "graphrun" and not header and (not one or not rows):
        reader = "duckdb"
    if reader == "graphrun":
        # The file is not there yet; it may be longer.
        blocksize, _ = blocks(random, [30 * len(columns) * len(rows)])
        again = {"files": "out/{case}" if one else [f"out/{{case}}/{number}.csv" for number in range(stack.partitions)]}
        again |= {key: parameters[key] for key in ("delimiter", "header")} | {"types": columns} | blocksize
        if not header:
            again["names"] = list(columns)
        return Case(
            "csv-write", tasks, columns, rows, about=f"{parameters}   |   csv.read {again}",
            error=UNPROVEN if blocksize.get("blocksize", "none") != "none" else "",
            then={"{case}": {"op": "csv.read", "with": again}})
    if reader == "module":
        rows = [tuple(None if cell == "" else cell for cell in row) for row in rows]
    make = duckdb_reader if reader == "duckdb" else module_reader
    return Case("csv-write", tasks, columns, rows, about=f"{parameters}   |   {reader}", read=make(columns, delimiter, header))


KINDS = {"csv-read": read, "csv-write": written}
