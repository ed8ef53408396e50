import CXXHash
import Graph

/// 128 bits that stand for everything a task's result depends on.
///
/// XXH3-128 of the operation's name and version, its parameters, the task's own identity (its file's path, size
/// and modification time) and its inputs' fingerprints. It guards against change, not against an attacker.
public struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
  public let high: UInt64
  public let low: UInt64

  public var description: String { hex(high) + hex(low) }

  private func hex(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Big-endian, as `description` reads.
  var bytes: [UInt8] {
    [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
  }

  init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var words: [UInt64] = [0, 0]
    for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
    (high, low) = (words[0], words[1])
  }

  /// Reads the sixteen bytes at `start`, as `bytes` gives them.
  init(bigEndian start: UnsafeRawPointer) {
    high = UInt64(bigEndian: start.loadUnaligned(as: UInt64.self))
    low = UInt64(bigEndian: start.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }

  /// Tells the results of one run apart where nothing outlives it.
  init(ofTask task: TaskID) { (high, low) = (0, UInt64(task)) }

  fileprivate init(_ hash: XXH128_hash_t) { (high, low) = (hash.high64, hash.low64) }

  /// The fingerprints of all tasks, inputs before the tasks that use them.
  /// - Complexity: O(tasks + edges).
  static func all(of graph: TaskGraph) -> [Fingerprint] {
    var all: [Fingerprint] = []
    all.reserveCapacity(graph.taskCount)
    for stage in graph.stages {
      var common = Text()
      common.add(stage.op.name)
      common.add(stage.op.version)
      for (name, value) in stage.identityParameters.sorted(by: { $0.key < $1.key }) {
        common.add(name)
        common.add(value.json)
      }
      let start = common.bytes.count
      var text = common
      for task in stage.tasks {
        text.bytes.removeSubrange(start...)
        let role = stage.role(Int(task - stage.firstTask))
        switch role {
        case .partition: text.add("partition")
        case .combine: text.add("combine")
        case .whole: text.add("whole")
        }
        for part in stage.body.identity(role) {
          switch part {
          case .file(let file):
            text.add(file.path)
            text.add(file.byteCount)
            text.add(Int(file.modified))
          case .text(let name, let value):
            text.add(name)
            text.add(value)
          case .number(let number): text.add(number)
          }
        }
        for input in graph.inputs(of: task) {
          text.add(Int(bitPattern: UInt(all[Int(input)].high)))
          text.add(Int(bitPattern: UInt(all[Int(input)].low)))
        }
        all.append(text.bytes.withUnsafeBytes { Fingerprint(XXH3_128bits($0.baseAddress, $0.count)) })
      }
    }
    return all
  }

  /// Fields one behind the other, each with its length, so that no two lists of fields read the same.
  private struct Text {
    var bytes: [UInt8] = []

    mutating func add(_ text: String) {
      add(text.utf8.count)
      bytes += text.utf8
    }

    mutating func add(_ number: Int) { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }
  }
}
