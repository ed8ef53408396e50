import Graph

/// What a command gives that writes no file: that it ran, and how it ended.
public struct CommandOutcome: TaskValue, Hashable {
  public static let kind = "command"

  public let exitCode: Int32
  public let seconds: Double
  /// Processor time of the program and those it waited for.
  public let cpuSeconds: Double

  public init(exitCode: Int32, seconds: Double, cpuSeconds: Double) {
    self.exitCode = exitCode
    self.seconds = seconds
    self.cpuSeconds = cpuSeconds
  }

  public var byteCount: Int { 64 }

  public func write(to sink: any ByteSink) throws {
    try sink.write(value: exitCode.littleEndian)
    try sink.write(value: seconds.bitPattern.littleEndian)
    try sink.write(value: cpuSeconds.bitPattern.littleEndian)
  }

  public init(contentsOf buffer: Buffer) throws {
    guard buffer.count == 20 else {
      throw TaskError(.corruptValue, "a command's outcome of \(buffer.count) bytes has the wrong size")
    }
    exitCode = Int32(littleEndian: buffer.bytes.loadUnaligned(as: Int32.self))
    func number(_ offset: Int) -> Double {
      Double(bitPattern: UInt64(littleEndian: buffer.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
    }
    seconds = number(4)
    cpuSeconds = number(12)
  }

  public func preview(limit: Int) -> ValuePreview {
    ValuePreview(
      columns: ["exit_code", "seconds", "cpu_seconds"], rows: [["\(exitCode)", "\(seconds)", "\(cpuSeconds)"]],
      rowCount: 1, json: #"{"exit_code":\#(exitCode),"seconds":\#(seconds),"cpu_seconds":\#(cpuSeconds)}"#)
  }
}
