/// Why a task failed, in words that name what failed and what helps.
public struct TaskError: Error, Sendable, CustomStringConvertible {
  public let code: Code
  /// One sentence that names the subject and the remedy.
  public let message: String
  /// The input or output file, if one is to blame.
  public let file: String?
  /// The record in that file: an id, or "line 17".
  public let record: String?
  /// What the system or a library said.
  public let cause: String?

  public init(_ code: Code, _ message: String, file: String? = nil, record: String? = nil, cause: String? = nil) {
    self.code = code
    self.message = message
    self.file = file
    self.record = record
    self.cause = cause
  }

  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let cannotRead = Code(rawValue: "cannot-read")
    public static let cannotWrite = Code(rawValue: "cannot-write")
    public static let diskFull = Code(rawValue: "disk-full")
    public static let badRecord = Code(rawValue: "bad-record")
    public static let badInput = Code(rawValue: "bad-input")
    public static let missingColumn = Code(rawValue: "missing-column")
    public static let wrongType = Code(rawValue: "wrong-type")
    public static let invalidParameter = Code(rawValue: "invalid-parameter")
    public static let corruptValue = Code(rawValue: "corrupt-value")
    public static let outOfMemory = Code(rawValue: "out-of-memory")
    public static let tooLarge = Code(rawValue: "too-large")
    public static let timeout = Code(rawValue: "timeout")
    public static let cancelled = Code(rawValue: "cancelled")
    public static let failed = Code(rawValue: "failed")
  }

  public var description: String {
    var text = ""
    if let file { text += "\(file): " }
    if let record { text += "record \(record): " }
    text += message
    if let cause { text += " (\(cause))" }
    return text
  }
}
