/// A run cannot start, go on, or be read.
public struct SchedulerError: Error, Sendable, CustomStringConvertible {
  /// What kind of error it is, for programs; there may be more in later versions.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Another process runs on this state folder.
    public static let locked = Code(rawValue: "locked")
    /// The state folder or its file cannot be used.
    public static let state = Code(rawValue: "state")
    /// The state was written by a newer graphrun.
    public static let newerState = Code(rawValue: "newer-state")
    /// The memory bound is too small.
    public static let memory = Code(rawValue: "memory")
    /// There is nothing to resume, or no such task or run.
    public static let notFound = Code(rawValue: "not-found")
  }

  /// What kind of error it is.
  public let code: Code
  /// One sentence that names the subject and the remedy.
  public let message: String

  /// An error with a sentence that names the subject and the remedy.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
