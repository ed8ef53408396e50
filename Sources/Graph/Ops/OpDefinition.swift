/// Everything an operation says about itself: what `graphrun ops` prints, what a DAG file is checked against,
/// and how a configured instance is made.
public struct OpDefinition: Sendable {
  /// Dotted lower-camel name, `family.verb`: `text.tokenize`.
  public let name: String
  /// Part of every result's fingerprint: raise it whenever the same input and parameters give other output.
  public let version: Int
  /// One sentence without a full stop.
  public let summary: String
  /// What `from:` names, in order.
  public let inputs: [OpInput]
  /// What `with` may give.
  public let parameters: [OpParameter]
  /// What comes out, column by column, in words.
  public let output: String
  /// A complete entry of a DAG file's `tasks:`.
  public let example: String
  /// Makes a configured instance.
  public let maker: OpMaker

  /// All that an operation says about itself; see the properties.
  public init(
    name: String, version: Int, summary: String, inputs: [OpInput] = [], parameters: [OpParameter] = [],
    output: String, example: String, maker: OpMaker
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    self.inputs = inputs
    self.parameters = parameters
    self.output = output
    self.example = example
    self.maker = maker
  }

  /// How its tasks lie in the graph.
  public var shape: OpShape {
    switch maker {
    case .source: .source
    case .perPartition: .perPartition
    case .reduction: .reduction
    case .shuffle: .shuffle
    case .regroup: .regroup
    case .join: .join
    case .fit: .fit
    case .sink: .sink
    case .command: .command
    case .program(let shape): shape
    }
  }

  /// The parameter of that name; `nil` if there is none.
  public func parameter(_ name: String) -> OpParameter? { parameters.first { $0.name == name } }
}

/// How an operation's tasks lie in the graph.
public enum OpShape: String, Sendable, CaseIterable {
  /// Makes a bag from outside: one task a partition, no inputs.
  case source
  /// Turns every partition of a bag into one partition of another.
  case perPartition = "per partition"
  /// Turns a bag into one value, as a tree.
  case reduction
  /// Brings all records of an ID into one partition of another bag: every partition goes into every other.
  case shuffle
  /// Makes a bag of the partitions of others, which are put together, cut or lined up.
  case regroup = "regrouping"
  /// Brings together the records of two bags that have the same key.
  case join
  /// Fits a model to a bag: every partition is packed, then one task goes through all of them many times.
  case fit
  /// Writes every partition to a file of its own.
  case sink
  /// Works on files, once for each or once for all: most run a program.
  case command

  /// Whether what its tasks give is a file of the user's, or the fact that a program ran: nothing that lies in memory.
  public var leavesFiles: Bool { self == .sink || self == .command }

  /// Whether its last tasks read parts of what its first ones put on disk.
  public var gathersParts: Bool { self == .shuffle || self == .join || self == .fit }

  /// Whether it turns a bag into one value.
  public var givesOneValue: Bool { self == .reduction || self == .fit }
}

/// Makes a configured instance; throws `ParameterError` where values do not make sense together.
public enum OpMaker: Sendable {
  case source(@Sendable (OpArguments) throws -> any SourceOp)
  case perPartition(@Sendable (OpArguments) throws -> any PartitionOp)
  case reduction(@Sendable (OpArguments) throws -> any ReductionOp)
  case shuffle(@Sendable (OpArguments) throws -> any ShuffleOp)
  case regroup(@Sendable (OpArguments) throws -> any RegroupOp)
  case join(@Sendable (OpArguments) throws -> any JoinOp)
  case fit(@Sendable (OpArguments) throws -> any FitOp)
  case sink(@Sendable (OpArguments) throws -> any SinkOp)
  case command(@Sendable (OpArguments) throws -> any CommandOp)
  /// Of a Swift program's own stages, which come with their bodies: in no registry.
  case program(OpShape)
}

/// One of the things `from:` names.
public struct OpInput: Sendable, CustomStringConvertible {
  public enum Form: String, Sendable {
    /// Matched partition by partition.
    case bag
    /// One value, the same for every partition.
    case value
    /// Either.
    case any = "bag or value"
  }

  public let name: String
  public let form: Form
  public let isOptional: Bool
  /// Whether any number of tasks may stand here. Only for the last input.
  public let isRepeated: Bool
  /// Whether it takes files that sinks and commands wrote; otherwise it takes values in memory.
  public let takesFiles: Bool
  public let summary: String

  public init(
    _ name: String, _ form: Form = .bag, isOptional: Bool = false, isRepeated: Bool = false, takesFiles: Bool = false,
    summary: String
  ) {
    self.name = name
    self.form = form
    self.isOptional = isOptional
    self.isRepeated = isRepeated
    self.takesFiles = takesFiles
    self.summary = summary
  }

  /// `papers (bag)`, `others (bag or value, any number)`.
  public var description: String {
    let count = isRepeated ? (isOptional ? ", any number" : ", one or more") : isOptional ? ", optional" : ""
    return "\(name) (\(form.rawValue)\(count))"
  }

  /// Why it cannot take what a task named `name`, of shape `shape`, gives; `nil` if it can.
  public func refusal(of name: String, shape: OpShape, by op: String) -> String? {
    switch (takesFiles, shape.leavesFiles) {
    case (false, true): "\(name) writes files: only a command can read it"
    case (true, false): "\(name) gives values in memory, and \(op) reads files: write them first, as with jsonl.write"
    default: nil
    }
  }

  /// Whether `from:` may name so many tasks.
  public static func accepts(_ count: Int, _ declared: [OpInput]) -> Bool {
    count >= declared.count { !$0.isOptional } && (count <= declared.count || declared.last?.isRepeated == true)
  }
}

/// A parameter under `with:`.
public struct OpParameter: Sendable {
  public enum Kind: Hashable, Sendable {
    case string
    case integer(ClosedRange<Int>)
    case number
    case boolean
    case strings
    /// One path, made absolute.
    case path
    /// Paths, folders and glob patterns, made absolute.
    case files
    case choice([String])
    /// Names with single values.
    case map
    /// Names in their order, each with a mapping of names to single values.
    case nested
    /// One text for the shell, or a program and its arguments.
    case command

    public var description: String {
      switch self {
      case .string: "string"
      case .integer(let range):
        range.upperBound == .max
          ? (range.lowerBound == .min ? "integer" : "integer, at least \(range.lowerBound)")
          : "integer, \(range.lowerBound) to \(range.upperBound)"
      case .number: "number"
      case .boolean: "true or false"
      case .strings: "list of strings"
      case .path: "path"
      case .files: "path or glob pattern, or a list of them"
      case .choice(let names): names.joined(separator: " | ")
      case .map: "mapping of names to single values"
      case .nested: "mapping of names to mappings of names to single values"
      case .command: "shell command, or a list of a program and its arguments"
      }
    }
  }

  public let name: String
  public let kind: Kind
  /// `nil` where the parameter must be given, unless `isOptional`.
  public let defaultValue: ParameterValue?
  public let isOptional: Bool
  public let summary: String
  /// Whether another value means another result. A source's files do not count here: each partition's
  /// fingerprint holds its own file, so that adding a file leaves the others' results valid.
  public let isIdentity: Bool

  public init(
    _ name: String, _ kind: Kind, default defaultValue: ParameterValue? = nil, isOptional: Bool = false,
    isIdentity: Bool = true, summary: String
  ) {
    self.name = name
    self.kind = kind
    self.defaultValue = defaultValue
    self.isOptional = isOptional
    self.isIdentity = isIdentity
    self.summary = summary
  }

  public var isRequired: Bool { defaultValue == nil && !isOptional }
}

/// A parameter's value, as under `with` in a DAG file. Swift programs write literals.
public enum ParameterValue: Hashable, Sendable {
  /// A text, a path or a choice.
  case string(String)
  /// A whole number.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// True or false.
  case boolean(Bool)
  /// Texts or paths, in their order.
  case strings([String])
  /// Names with single values.
  case map([String: String])
  /// In their order.
  case nested([NamedMap])

  /// JSON text: what is shown, stored and hashed.
  public var json: String {
    switch self {
    case .string(let text): jsonQuoted(text)
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .boolean(let value): value ? "true" : "false"
    case .strings(let texts): "[" + texts.map(jsonQuoted).joined(separator: ",") + "]"
    case .map(let texts):
      "{"
        + texts.sorted { $0.key < $1.key }.map { "\(jsonQuoted($0.key)):\(jsonQuoted($0.value))" }
        .joined(separator: ",") + "}"
    case .nested(let maps):
      "{" + maps.map { "\(jsonQuoted($0.name)):\(ParameterValue.map($0.values).json)" }.joined(separator: ",") + "}"
    }
  }
}

/// One entry of a mapping of mappings.
public struct NamedMap: Hashable, Sendable {
  public let name: String
  public let values: [String: String]

  public init(_ name: String, _ values: [String: String]) {
    self.name = name
    self.values = values
  }
}

/// A parameter's value cannot be used. Whoever reads the DAG file adds the line.
public struct ParameterError: Error, Sendable, CustomStringConvertible {
  /// The parameter's name, as DAG files have it.
  public let parameter: String
  /// What is wrong with its value, and what helps.
  public let message: String

  /// An objection to the value of `parameter`.
  public init(_ parameter: String, _ message: String) {
    self.parameter = parameter
    self.message = message
  }

  public var description: String { "parameter \"\(parameter)\": \(message)" }
}

/// The checked values for one configured operation: every declared parameter that is given or has a default.
public struct OpArguments: Sendable {
  public let values: [String: ParameterValue]

  /// - Throws: `ParameterError` for an unknown name, a missing required one, or a value of another type.
  public init(_ given: [String: ParameterValue], for definition: OpDefinition) throws {
    var values = given
    for (name, value) in given {
      guard let parameter = definition.parameter(name) else {
        let near = nearestName(to: name, among: definition.parameters.map(\.name))
        throw ParameterError(
          name, "\(definition.name) has no such parameter" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
      }
      try OpArguments.check(value, against: parameter)
    }
    for parameter in definition.parameters where values[parameter.name] == nil {
      guard !parameter.isRequired else {
        throw ParameterError(parameter.name, "\(definition.name) needs it: \(parameter.summary)")
      }
      values[parameter.name] = parameter.defaultValue
    }
    self.values = values
  }

  private static func check(_ value: ParameterValue, against parameter: OpParameter) throws {
    switch (parameter.kind, value) {
    case (.integer(let range), .integer(let number)) where !range.contains(number):
      throw ParameterError(parameter.name, "\(number) is out of range: \(parameter.kind.description)")
    case (.choice(let names), .string(let name)) where !names.contains(name):
      let near = nearestName(to: name, among: names)
      throw ParameterError(
        parameter.name,
        "\"\(name)\" is none of \(names.joined(separator: ", "))" + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
    case (.string, .string), (.path, .string), (.choice, .string), (.files, .strings), (.strings, .strings),
      (.integer, .integer), (.number, .number), (.boolean, .boolean), (.map, .map), (.nested, .nested),
      (.command, .string),
      (.command, .strings):
      break
    default:
      throw ParameterError(parameter.name, "\(value.json) is not of type \(parameter.kind.description)")
    }
  }

  public func string(_ name: String) -> String? { if case .string(let text)? = values[name] { text } else { nil } }
  public func integer(_ name: String) -> Int? { if case .integer(let value)? = values[name] { value } else { nil } }
  public func number(_ name: String) -> Double? { if case .number(let value)? = values[name] { value } else { nil } }
  public func boolean(_ name: String) -> Bool? { if case .boolean(let value)? = values[name] { value } else { nil } }
  public func strings(_ name: String) -> [String]? {
    if case .strings(let texts)? = values[name] { texts } else { nil }
  }

  public func map(_ name: String) -> [String: String]? {
    if case .map(let texts)? = values[name] { texts } else { nil }
  }

  public func nested(_ name: String) -> [NamedMap]? {
    if case .nested(let maps)? = values[name] { maps } else { nil }
  }

  /// A parameter that is required or has a default, hence always there.
  public func require<T>(_ get: (OpArguments) -> (String) -> T?, _ name: String) -> T {
    guard let value = get(self)(name) else {
      preconditionFailure("parameter \(name) is declared neither required nor with a default")
    }
    return value
  }
}
