import Graph

/// A JSON Schema (draft 2020-12) of DAG files that use the registry's operations: what gives editors completion,
/// descriptions and a first check.
///
/// The same registry always gives the same text. A schema cannot say everything: names, circles and `${…}` are
/// checked by `DAGFile` alone, so wherever a number stands a text with `${` is let through.
public func jsonSchema(for registry: OpRegistry) -> String {
  let definitions = registry.names.compactMap { registry[$0] }
  let name: JSONText = .object([("pattern", "^[A-Za-z_][A-Za-z0-9_-]*$")])
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
        ("pools", amounts("Named pools and how many slots each has")),
        ("resources", amounts("Named resources and how much there is of each")),
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
    ("required", .strings(["tasks"])),
    ("additionalProperties", false),
    ("$defs", .object([("task", task(definitions))])),
  ])
  return schema.text()
}

private let scalar: JSONText = .object([("type", .strings(["string", "number", "boolean"]))])

private func task(_ definitions: [OpDefinition]) -> JSONText {
  .object([
    ("type", "object"),
    (
      "properties",
      .object([
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
            ("description", "The tasks whose results it takes"),
            ("type", .strings(["string", "array"])), ("items", .object([("type", "string")])),
          ])
        ),
        ("with", described("The operation's parameters", .object([("type", .strings(["object", "null"]))]))),
        (
          "keep",
          .object([
            ("description", "Keep the results on disk after the run, or not"), ("type", "boolean"),
          ])
        ),
        ("retries", count("How often a task that failed is tried again", from: 0)),
        ("retryDelay", positive("Seconds before the first further attempt; doubled with each")),
        ("timeout", positive("Seconds after which an attempt is stopped and counts as failed")),
        ("priority", described("Higher starts first", .object([("type", "integer"), ("default", 0)]))),
        ("pool", described("The pool that each running task takes a slot of", .object([("type", "string")]))),
        ("resources", amounts("What each running task takes of the file's resources")),
        (
          "memory",
          described(
            "Working memory a task needs, such as 64MB; the operation's own estimate unless given",
            .object([("type", .strings(["string", "integer"]))]))
        ),
        ("description", described("For readers only", .object([("type", "string")]))),
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
            ("type", .strings(least > 1 ? ["array"] : ["string", "array"])),
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
  let reference: JSONText = .object([("type", "string"), ("pattern", #"\$\{"#)])
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

private func count(_ text: String, from least: Int) -> JSONText {
  .object([("description", .string(text)), ("type", "integer"), ("minimum", .raw("\(least)"))])
}

private func positive(_ text: String) -> JSONText {
  .object([("description", .string(text)), ("type", "number"), ("exclusiveMinimum", .raw("0"))])
}

private func amounts(_ text: String) -> JSONText {
  .object([
    ("description", .string(text)), ("type", "object"),
    ("additionalProperties", .object([("type", "integer"), ("minimum", .raw("1"))])),
  ])
}

private func described(_ text: String, _ schema: JSONText) -> JSONText {
  guard case .object(let members) = schema else { return schema }
  return .object([("description", .string(text))] + members)
}
