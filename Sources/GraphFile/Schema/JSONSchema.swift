import Graph

/// A JSON Schema (draft 2020-12) of DAG files that use the registry's operations: what gives editors completion,
/// descriptions and a first check.
///
/// The same registry always gives the same text. A schema cannot say everything: names, circles and `${…}` are
/// checked by `DAGFile` alone, so wherever a number stands a text with `${` is let through.
public func jsonSchema(for registry: OpRegistry) -> String {
  let definitions = registry.names.compactMap { registry[$0] }
  let schema: JSONText = .object([
    ("$schema", "https://json-schema.org/draft/2020-12/schema"),
    ("title", "graphrun DAG file"),
    ("type", "object"),
    (
      "properties",
      .object([
        (
          "version",
          .object([
            ("description", "Version of the file format"), ("const", .raw("\(DAGFile.version)")),
            ("default", .raw("\(DAGFile.version)")),
          ])
        ),
        ("name", described("Name of the pipeline; the file's name unless given", .object([("type", "string")]))),
        ("description", described("For readers only", .object([("type", "string")]))),
        (
          "parameters",
          .object([
            ("description", "Values that tasks refer to as ${name}; a run can set others"),
            ("type", .strings(["object", "null"])),
            ("propertyNames", name),
            (
              "additionalProperties",
              .object([
                ("type", .strings(["string", "number", "boolean", "null", "array"])), ("items", scalar),
              ])
            ),
          ])
        ),
        ("include", include),
        ("pools", amounts("Named pools and how many slots each has")),
        ("resources", amounts("Named resources and how much there is of each")),
        (
          "defaults",
          .object([
            ("description", "What holds for all tasks that do not say otherwise"),
            ("type", .strings(["object", "null"])), ("properties", .object(options)), ("additionalProperties", false),
          ])
        ),
        (
          "tasks",
          .object([
            ("description", "What is done, by name, in any order"),
            ("type", "object"),
            ("minProperties", 1),
            ("propertyNames", name),
            ("additionalProperties", .object([("$ref", "#/$defs/task")])),
          ])
        ),
      ])
    ),
    (
      "anyOf",
      .array([.object([("required", .strings(["tasks"]))]), .object([("required", .strings(["include"]))])])
    ),
    ("additionalProperties", false),
    ("$defs", .object([("task", task(definitions))])),
  ])
  return schema.text()
}

private let name: JSONText = .object([("pattern", "^[A-Za-z_][A-Za-z0-9_-]*$")])

private let reference: JSONText = .object([("type", "string"), ("pattern", #"\$\{"#)])

/// One of what `from` lists.
private let named: JSONText = .object([
  ("type", .strings(["string", "object"])),
  (
    "properties",
    .object([
      (
        "oneOf",
        .object([
          ("description", "Whichever of these when leaves switched on"), ("type", "array"),
          ("items", .object([("type", "string")])), ("minItems", .raw("2")),
        ])
      )
    ])
  ),
  ("required", .strings(["oneOf"])), ("additionalProperties", false),
])

/// The items of `foreach`, or of one list of a matrix.
private let axis: JSONText = .object([
  ("type", .strings(["string", "number", "boolean", "array", "object"])), ("items", scalar), ("minItems", .raw("1")),
  ("minProperties", .raw("1")),
])

private let exclusions: JSONText = .object([
  ("description", "Combinations to leave out, each by some of its values"),
  ("type", .strings(["array", "object"])),
  ("items", .object([("type", "object"), ("additionalProperties", scalar)])), ("additionalProperties", scalar),
])

private let include: JSONText = {
  let file: JSONText = .object([("description", "Path, from this file's folder"), ("type", "string")])
  let one: JSONText = .object([
    ("type", .strings(["string", "object"])),
    (
      "properties",
      .object([
        ("file", file),
        (
          "with",
          described("Values for the included file's parameters", .object([("type", .strings(["object", "null"]))]))
        ),
        ("as", described("What stands, with a dot, before the names of its tasks", name)),
      ])
    ),
    ("required", .strings(["file"])), ("additionalProperties", false),
  ])
  return .object([
    ("description", "Files whose tasks are taken in"),
    ("anyOf", .array([one, .object([("type", "array"), ("items", one), ("minItems", .raw("1"))])])),
  ])
}()

/// What changes no result.
private let options: [(String, JSONText)] = [
  (
    "keep",
    choice("Keep the results on disk after the run, or not", .object([("type", .strings(["boolean", "null"]))]))
  ),
  ("retries", choice("How often a task that failed is tried again", count(from: 0))),
  ("retryDelay", choice("Seconds before the first further attempt; doubled with each", positive)),
  ("timeout", choice("Seconds after which an attempt is stopped and counts as failed", positive)),
  ("priority", choice("Higher starts first", .object([("type", .strings(["integer", "null"])), ("default", 0)]))),
  (
    "pool",
    described("The pool that each running task takes a slot of", .object([("type", .strings(["string", "null"]))]))
  ),
  ("resources", amounts("What each running task takes of the file's resources")),
  (
    "memory",
    described(
      "Working memory a task needs, such as 64MB; the operation's own estimate unless given",
      .object([("type", .strings(["string", "integer", "null"]))]))
  ),
]

/// A value, or a text with `${`.
private func choice(_ text: String, _ value: JSONText) -> JSONText {
  .object([("description", .string(text)), ("anyOf", .array([value, reference]))])
}

private let scalar: JSONText = .object([("type", .strings(["string", "number", "boolean"]))])

private func task(_ definitions: [OpDefinition]) -> JSONText {
  .object([
    ("type", "object"),
    (
      "properties",
      .object(
        [
          (
            "op",
            .object([
              ("description", "What the task does"),
              ("enum", .strings(definitions.map(\.name))),
              ("enumDescriptions", .strings(definitions.map(\.summary))),
            ])
          ),
          (
            "from",
            .object([
              (
                "description", "The tasks whose results it takes; NAME@KEY is one of those that foreach or matrix makes"
              ),
              (
                "anyOf",
                .array([named, .object([("type", "array"), ("items", named)])])
              ),
            ])
          ),
          ("with", described("The operation's parameters", .object([("type", .strings(["object", "null"]))]))),
          (
            "foreach",
            described("One task for each: a list, a range such as 1..12, or names with values", axis)
          ),
          (
            "matrix",
            .object([
              ("description", "One task for each combination of the items of several lists"), ("type", "object"),
              ("properties", .object([("exclude", exclusions)])), ("additionalProperties", axis), ("minProperties", 1),
              ("propertyNames", name),
            ])
          ),
          (
            "when",
            .object([
              ("description", "Whether the task is there: true, ${a}, ${a} == b, ${a} != b, ${a} in [b, c]"),
              ("type", .strings(["string", "boolean", "array"])),
              ("items", .object([("type", .strings(["string", "boolean"]))])),
            ])
          ),
        ] + options + [
          ("description", described("For readers only", .object([("type", "string")])))
        ])
    ),
    ("required", .strings(["op"])),
    ("additionalProperties", false),
    ("allOf", .array(definitions.map(condition))),
  ])
}

/// What follows for a task once its operation is known.
private func condition(_ definition: OpDefinition) -> JSONText {
  let required = definition.parameters.filter(\.isRequired).map(\.name)
  let least = definition.inputs.count { !$0.isOptional }
  let isOpen = definition.inputs.last?.isRepeated == true
  var with: [(String, JSONText)] = [
    ("description", .string(definition.summary)),
    ("type", .strings(required.isEmpty ? ["object", "null"] : ["object"])),
    ("properties", .object(definition.parameters.map { ($0.name, property($0)) })),
    ("additionalProperties", false),
  ]
  if !required.isEmpty { with.append(("required", .strings(required))) }
  var properties: [(String, JSONText)] = [("with", .object(with))]
  if definition.inputs.isEmpty {
    properties.append(("from", .object([("type", "array"), ("maxItems", 0)])))
  } else {
    let inputs = definition.inputs.map { "\($0): \($0.summary)" }.joined(separator: "; ")
    properties.append(
      (
        "from",
        .object(
          [
            ("description", .string(inputs)),
            ("type", .strings(least > 1 ? ["array"] : ["string", "array", "object"])),
            ("minItems", .raw("\(least)")),
          ] + (isOpen ? [] : [("maxItems", .raw("\(definition.inputs.count)"))]))
      ))
  }
  let needs = (least > 0 ? ["from"] : []) + (required.isEmpty ? [] : ["with"])
  var then: [(String, JSONText)] = [("properties", .object(properties))]
  if !needs.isEmpty { then.append(("required", .strings(needs))) }
  return .object([
    (
      "if",
      .object([
        ("properties", .object([("op", .object([("const", .string(definition.name))]))])),
        ("required", .strings(["op"])),
      ])
    ),
    ("then", .object(then)),
  ])
}

private func property(_ parameter: OpParameter) -> JSONText {
  var members: [(String, JSONText)] = [("description", .string(parameter.summary))]
  switch parameter.kind {
  case .string, .path: members.append(("type", .strings(["string", "number", "boolean"])))
  case .strings, .files:
    members.append(("type", .strings(["string", "number", "boolean", "array"])))
    members.append(("items", scalar))
  case .integer(let range):
    var integer: [(String, JSONText)] = [("type", "integer")]
    if range.lowerBound != .min { integer.append(("minimum", .raw("\(range.lowerBound)"))) }
    if range.upperBound != .max { integer.append(("maximum", .raw("\(range.upperBound)"))) }
    members.append(("anyOf", .array([.object(integer), reference])))
  case .number: members.append(("anyOf", .array([.object([("type", "number")]), reference])))
  case .command:
    members.append(("type", .strings(["string", "array"])))
    members.append(("items", scalar))
  case .map:
    members.append(("type", "object"))
    members.append(("additionalProperties", scalar))
  case .nested:
    members.append(("type", "object"))
    members.append(
      ("additionalProperties", .object([("type", "object"), ("additionalProperties", scalar)])))
  case .boolean: members.append(("anyOf", .array([.object([("type", "boolean")]), reference])))
  case .choice(let names):
    // The word "null" without quotes is YAML's nothing, and means the choice all the same.
    let words = names.map { JSONText.string($0) } + (names.contains("null") ? [.raw("null")] : [])
    members.append(("anyOf", .array([.object([("enum", .array(words))]), reference])))
  }
  if let value = parameter.defaultValue { members.append(("default", .raw(value.json))) }
  return .object(members)
}

private func count(from least: Int) -> JSONText {
  .object([("type", .strings(["integer", "null"])), ("minimum", .raw("\(least)"))])
}

private let positive: JSONText = .object([("type", .strings(["number", "null"])), ("exclusiveMinimum", .raw("0"))])

private func amounts(_ text: String) -> JSONText {
  .object([
    ("description", .string(text)), ("type", .strings(["object", "null"])),
    (
      "additionalProperties",
      .object([("anyOf", .array([.object([("type", "integer"), ("minimum", .raw("1"))]), reference]))])
    ),
  ])
}

private func described(_ text: String, _ schema: JSONText) -> JSONText {
  guard case .object(let members) = schema else { return schema }
  return .object([("description", .string(text))] + members)
}
