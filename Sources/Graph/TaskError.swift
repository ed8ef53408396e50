/// Why a task failed, in words that name what failed and what helps.
public struct TaskError: Error, Sendable, CustomStringConvertible {
  /// What kind of failure it is.
  public let code: Code
  /// One sentence that names the subject and the remedy.
  public let message: String
  /// The input or output file, if one is to blame.
  public let file: String?
  /// The record in that file: an id, or "line 17".
  public let record: String?
  /// What the system or a library said.
  public let cause: String?

  /// A failure.
  ///
  /// - Parameters:
  ///   - code: what kind it is.
  ///   - message: one sentence that names the subject and the remedy.
  ///   - file: the file to blame, if there is one.
  ///   - record: the record in that file.
  ///   - cause: what the system or a library said.
  public init(_ code: Code, _ message: String, file: String? = nil, record: String? = nil, cause: String? = nil) {
    self.code = code
    self.message = message
    self.file = file
    self.record = record
    self.cause = cause
  }

  /// What kind of failure it is, for programs and for the state file; there may be more in later versions.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A file cannot be read, or what was set aside on disk is damaged.
    public static let cannotRead = Code(rawValue: "cannot-read")
    /// A file cannot be written.
    public static let cannotWrite = Code(rawValue: "cannot-write")
    /// The disk is full, or what is spilled reached its limit.
    public static let diskFull = Code(rawValue: "disk-full")
    /// A record of a file is not what it should be; `record` says which.
    public static let badRecord = Code(rawValue: "bad-record")
    /// The inputs are none that the operation is defined for: the mean of nothing, a sum that does not fit.
    public static let badInput = Code(rawValue: "bad-input")
    /// A table lacks a column that the operation needs.
    public static let missingColumn = Code(rawValue: "missing-column")
    /// A column or value has another type than the operation takes.
    public static let wrongType = Code(rawValue: "wrong-type")
    /// A parameter cannot be used. Such a task is not tried again.
    public static let invalidParameter = Code(rawValue: "invalid-parameter")
    /// A stored result is damaged, or of another type or layout than it had; it is computed again.
    public static let corruptValue = Code(rawValue: "corrupt-value")
    /// The kernel gave no memory, or the task needs more than the bound leaves.
    public static let outOfMemory = Code(rawValue: "out-of-memory")
    /// Something that has to be in memory at once, such as one key's elements, does not fit.
    public static let tooLarge = Code(rawValue: "too-large")
    /// An attempt took longer than it may.
    public static let timeout = Code(rawValue: "timeout")
    /// The run was told to stop.
    public static let cancelled = Code(rawValue: "cancelled")
    /// Anything else: what a closure threw, a program's exit code.
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
