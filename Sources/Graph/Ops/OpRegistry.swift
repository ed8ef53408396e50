/// The operations a program knows, and the kinds of value they pass along.
public struct OpRegistry: Sendable {
  /// By name.
  public private(set) var definitions: [String: OpDefinition] = [:]
  /// By kind.
  public private(set) var valueTypes: [String: any TaskValue.Type] = [:]

  /// A registry that knows files that were written, and no operation.
  public init() { register(WrittenFile.self) }

  /// Adds an operation. Registering one name twice is a programmer's error.
  public mutating func register(_ definition: OpDefinition) {
    precondition(definitions[definition.name] == nil, "operation \(definition.name) is registered twice")
    definitions[definition.name] = definition
  }

  /// Makes values of `type` readable from disk.
  public mutating func register(_ type: any TaskValue.Type) { valueTypes[type.kind] = type }

  /// The operation of that name; `nil` if there is none.
  public subscript(name: String) -> OpDefinition? { definitions[name] }

  /// All names, sorted.
  public var names: [String] { definitions.keys.sorted() }

  /// Reads a value of a registered kind.
  /// - Throws: `TaskError` with code `.corruptValue` for an unknown kind or bytes that are no such value.
  public func readValue(kind: String, from buffer: Buffer) throws -> any TaskValue {
    guard let type = valueTypes[kind] else {
      throw TaskError(
        .corruptValue, "a value of kind \"\(kind)\" cannot be read: no operation of this program makes it")
    }
    return try type.init(contentsOf: buffer)
  }
}
