import Foundation
import Graph

@testable import Tasks

/// Reads text files in tests.
enum TextFiles {
  static func lines(
    of plan: TextFilePlan, context: any TaskContext = TestContext()
  ) throws -> [[String]] {
    try plan.partitions.map { partition in
      let next = plan.makeReader(partition, context: context)
      var lines: [String] = []
      while let batch = try next() { lines += batch }
      return lines
    }
  }

  static func read(
    _ paths: String..., format: TextFileFormat = TextFileFormat(), splitting: TextFileSplitting = .byFile
  ) throws -> [[String]] {
    try lines(of: TextFilePlan(paths, format: format, splitting: splitting))
  }

  /// What the error of `body` is, if it is one of a task's.
  static func failure(_ body: () throws -> Void) -> TaskError? {
    do { try body() } catch { return error as? TaskError }
    return nil
  }

  /// What is wrong with a parameter, as people read it.
  static func refusal(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "no error"
  }

  /// The lines of a text by the simplest means there are; ends kept.
  static func reference(_ text: [UInt8], delimiter: String?) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var line: [UInt8] = []
    var index = 0
    while index < text.count {
      let rest = text[index...]
      var end: [UInt8]?
      if let delimiter, !delimiter.isEmpty {
        if rest.starts(with: delimiter.utf8) { end = Array(delimiter.utf8) }
      } else {
        end = [[0x0D, 0x0A], [0x0A], [0x0D]].first { rest.starts(with: $0) }
      }
      guard let end else {
        line.append(text[index])
        index += 1
        continue
      }
      index += end.count
      lines.append(line + (delimiter == nil ? [0x0A] : end))
      line = []
    }
    return line.isEmpty ? lines : lines + [line]
  }

  /// Random text over pieces, among which there are many endings.
  static func random(
    _ pieces: [String], count: Int, using numbers: inout SeededNumbers
  ) -> String {
    (0..<count).map { _ in pieces.randomElement(using: &numbers)! }.joined()
  }
}

/// Gives bytes in pieces of random length, at most `most` of them.
final class DripSource: TextByteSource {
  private var rest: ArraySlice<UInt8>
  private let most: Int
  private var numbers: SeededNumbers

  init(_ bytes: [UInt8], most: Int, seed: UInt64) {
    rest = bytes[...]
    self.most = most
    numbers = SeededNumbers(seed)
  }

  func read(into place: UnsafeMutableRawPointer, most room: Int) throws -> Int {
    let count = min(rest.count, room, Int.random(in: 1...most, using: &numbers))
    rest.prefix(count).withUnsafeBytes { if count > 0 { place.copyMemory(from: $0.baseAddress!, byteCount: count) } }
    rest = rest.dropFirst(count)
    return count
  }

  /// All that a source gives.
  static func all(_ source: any TextByteSource, room: Int = 4096) throws -> [UInt8] {
    let place = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 1)
    defer { place.deallocate() }
    var bytes: [UInt8] = []
    while case let count = try source.read(into: place, most: room), count > 0 {
      bytes += UnsafeRawBufferPointer(start: place, count: count)
    }
    return bytes
  }
}
