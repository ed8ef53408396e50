import Foundation
import Graph
import Synchronization

/// What a running task asks of the engine, without an engine: files are written at once, rejects are kept.
final class TestContext: TaskContext {
  let key: TaskKey
  let attempt = 1
  let logPath = "/dev/null"
  private let kept = Mutex<[RejectedRecord]>([])

  var rejects: [RejectedRecord] { kept.withLock { $0 } }

  let memoryLimit: Int
  let storage = MemoryScratch()

  init(memoryLimit: Int = 1 << 30, role: TaskRole = .partition(0)) {
    self.memoryLimit = memoryLimit
    key = TaskKey(stage: "test", role: role)
  }

  func scratch() throws -> any ScratchStorage { storage }
  func checkCancellation() throws {}
  func used(scratch bytes: Int) {}
  func inputKey(_ position: Int) -> TaskKey { TaskKey(stage: "input\(position)") }

  func writeFile(at path: String, _ body: (any ByteSink) throws -> Int) throws -> WrittenFile {
    let sink = MemorySink()
    let records = try body(sink)
    try Data(sink.bytes).write(to: URL(fileURLWithPath: path))
    return WrittenFile(path: path, fileByteCount: sink.bytes.count, modified: 0, records: records)
  }

  func publishFile(at path: String, _ body: (String) throws -> Void) throws -> WrittenFile {
    try body(path)
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    return WrittenFile(path: path, fileByteCount: size ?? 0, modified: 0, records: nil)
  }

  func reject(_ record: RejectedRecord) throws { kept.withLock { $0.append(record) } }
}

final class MemorySink: ByteSink {
  var bytes: [UInt8] = []
  func write(_ bytes: UnsafeRawBufferPointer) throws { self.bytes.append(contentsOf: bytes) }
}

/// Keeps what tasks set aside in memory, and counts it.
final class MemoryScratch: ScratchStorage {
  private let written = Mutex(0)

  /// How often something was written.
  var writes: Int { written.withLock { $0 } }

  func write(_ pieces: [UnsafeRawBufferPointer]) throws -> any ScratchExtent {
    written.withLock { $0 += 1 }
    return Extent(pieces: pieces.map { Buffer($0) })
  }

  private final class Extent: ScratchExtent {
    let pieces: [Buffer]
    var pieceBytes: [Int] { pieces.map(\.count) }

    init(pieces: [Buffer]) { self.pieces = pieces }

    func read(_ numbers: Range<Int>, into place: UnsafeMutableRawPointer) throws {
      var place = place
      for piece in pieces[numbers] {
        place.copyMemory(from: piece.base, byteCount: piece.count)
        place += piece.count
      }
    }
  }
}

/// The same numbers for the same seed.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

/// A folder that goes away with its owner.
final class ScratchFolder {
  let path: String

  init() throws {
    let made = FileManager.default.temporaryDirectory.appendingPathComponent("tasks-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
    path = made.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  @discardableResult
  func file(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let path = path + "/" + name
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  @discardableResult
  func file(_ name: String, _ text: String) throws -> String { try file(name, text.utf8) }
}

/// Real inputs and golden outputs, which lie beside the checkout and are not part of it.
enum DataFolder {
  static let path: String? = {
    if let given = ProcessInfo.processInfo.environment["GRAPHRUN_SHARED"] { return given + "/data" }
    // Symbolic links are followed, so that the tests also find it from a package that links here.
    var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    while folder.path != "/" {
      folder.deleteLastPathComponent()
      let candidate = folder.appendingPathComponent("shared/data").path
      if FileManager.default.fileExists(atPath: candidate + "/arxiv/raw") { return candidate }
    }
    return nil
  }()

  static let isThere = path != nil
  static let absence = "the folder shared/data is not beside this checkout; set GRAPHRUN_SHARED to where it is"

  static func file(_ name: String) -> String { (path ?? "") + "/" + name }
}
