"""table.filter against DuckDB's WHERE."""

from campaign import Case
from tables import TYPES

NUMBERS = {
    "small": ["-3", "0", "2", "2147483647", "-2147483648", "0.5", "-1.75", "2.0"],
    "tiny": ["-1", "0", "1", "127", "0.5"],
    # DuckDB compares these with fractions as float64, which is not exact.
    "large": ["-3", "0", "7", "9007199254740993", "9223372036854775807"],
    "real": ["0", "1", "-0.5", "0.25", "1e300", "nan", "inf", "-inf"],
    "narrow": ["0", "1", "-0.5", "0.25", "nan", "inf"],
}
TEXTS = ["''", "'a'", "'A'", "'é'", "'x''y'", "'日本語'", "'50%'"]
DAYS = ["'2023-12-31'", "'2024-01-01'", "date '2024-01-02'", "date '0001-01-01'", "timestamp '2024-01-01 12:00:00'"]
TIMES = ["'2024-01-01 00:00:01'", "timestamp '2024-01-01 00:00:00.000002'", "date '2024-01-02'", "'2024-01-03'"]
OPERATORS = ["=", "==", "!=", "<>", "<", "<=", ">", ">="]
SAME = [("small", "tiny"), ("small", "large"), ("tiny", "large"), ("real", "narrow"), ("small", "real"), ("text", "key"), ("day", "time")]
PATTERNS = ["^a", "[0-9]$", "^$", "(a|b)1?$", ".", "^.$", "x'y".replace("'", "''"), "\\w+", "^[^a-f]"]
LIKES = ["%", "_", "a%", "%b", "%a%", "", "__", "_%_", "50!%", "%!_%", "日%語"]


def literals(column):
    kind = TYPES[column]
    return {"string": TEXTS, "date": DAYS, "timestamp": TIMES, "bool": ["true", "false"]}.get(kind) or NUMBERS[column]


def theirs(literal):
    return {"nan": "'nan'::DOUBLE", "inf": "'inf'::DOUBLE", "-inf": "'-inf'::DOUBLE"}.get(literal, literal)


def condition(random, depth=0):
    """The same condition for graphrun and for DuckDB."""
    choice = random.random()
    if depth < 3 and choice < 0.35:
        word = random.choice(["and", "or", "AND"])
        ours, other = zip(*(condition(random, depth + 1) for _ in range(random.randint(2, 3))))
        return "(" + f" {word} ".join(ours) + ")", "(" + f" {word} ".join(other) + ")"
    if depth < 3 and choice < 0.45:
        ours, other = condition(random, depth + 1)
        return f"not {ours}" if ours[0] == "(" else f"not ({ours})", f"not ({other})"
    if choice < 0.5:
        ours, other = condition(random, 3)
        return f"({ours}) is null", f"({other}) is null"
    column = random.choice([name for name in TYPES if name not in ("id", "key")])
    negation = random.choice(["", "not "])
    form = random.choice(["compare", "compare", "in", "between", "null", "two", "text", "flag", "turned"])
    values = literals(column)
    if form == "compare":
        operator, literal = random.choice(OPERATORS), random.choice(values)
        return f"{column} {operator} {literal}", f"{column} {operator} {theirs(literal)}"
    if form == "turned":
        operator, literal = random.choice(OPERATORS), random.choice(values)
        return f"{literal} {operator} {column}", f"{theirs(literal)} {operator} {column}"
    if form == "in":
        chosen = [random.choice(values) for _ in range(random.choice([1, 2, 12]))]
        if TYPES[column] in ("date", "timestamp"):
            chosen = [item for item in chosen if item[0] == "'"] or [values[0]]
            if TYPES[column] == "date":
                chosen = [item for item in chosen if len(item) == 12] or ["'2024-01-01'"]
        other = [theirs(item) for item in chosen]
        if random.random() < 0.2:
            chosen.append("null")
            other.append("NULL")
        return f"{column} {negation}in ({', '.join(chosen)})", f"{column} {negation}in ({', '.join(other)})"
    if form == "between":
        low, high = random.choice(values), random.choice(values)
        return f"{column} {negation}between {low} and {high}", f"{column} {negation}between {theirs(low)} and {theirs(high)}"
    if form == "null":
        return f"{column} is {negation}null", f"{column} is {negation}null"
    if form == "two":
        (one, two), operator = random.choice(SAME), random.choice(OPERATORS)
        if random.random() < 0.5:
            one, two = two, one
        return f"{one} {operator} {two}", f"{one} {operator} {two}"
    if form == "text":
        if random.random() < 0.5:
            pattern = random.choice(PATTERNS)
            # In Perl $ matches before a line end at the end too; in DuckDB's RE2 not.
            their_pattern = pattern.replace("$", "\\n?\\z")
            return f"text {negation}matches '{pattern}'", f"{negation}regexp_matches(text, '{their_pattern}')"
        pattern = random.choice(LIKES)
        escape = " escape '!'" if "!" in pattern else ""
        return f"text {negation}like '{pattern}'{escape}", f"text {negation}like '{pattern}'{escape}"
    return f"{negation}flag", f"{negation}flag"


def filtered(random, table, other, connection):
    ours, theirs = condition(random)
    rows = connection.execute(f"SELECT * FROM {table.name} WHERE {theirs} ORDER BY id").fetchall()
    tasks = {"{case}": {"op": "table.filter", "from": table.name, "with": {"where": ours}}}
    return Case("filter", tasks, TYPES, rows, about=f"{ours}   |   {theirs}")


KINDS = {"filter": filtered}
