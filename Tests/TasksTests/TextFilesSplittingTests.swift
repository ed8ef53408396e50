import Foundation
import Graph
import Testing

@testable import Tasks

@Suite struct TextFilesSplittingTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  static let delimiters: [String?] = [nil, "", "\n", "\r", "\r\n", "|", "\n\n", "||", "aba", "§", "x§"]

  private static func pieces(_ delimiter: String?) -> [String] {
    let ends = ["\n", "\r", "\r\n", "\u{2028}", "\u{85}"]
    guard let delimiter, !delimiter.isEmpty else { return ends + ends + ["a", "b", "é😀"] }
    let parts = delimiter.unicodeScalars.map(String.init)
    return ends + [delimiter, delimiter, delimiter, "a", "b", "|", "x", "é"] + parts
  }

  /// Every line is in one partition, whole, whatever the size of the blocks.
  @Test(arguments: delimiters)
  func blocksOfAnySizeHoldTheLinesOfTheWhole(delimiter: String?) throws {
    var numbers = SeededNumbers(7)
    for round in 0..<40 {
      let text = TextFiles.random(TextFilesSplittingTests.pieces(delimiter), count: round % 20, using: &numbers)
      let path = try folder.file("x.txt", text)
      let expected = TextFiles.reference(Array(text.utf8), delimiter: delimiter)
      for keeps in [true, false] {
        let format = TextFileFormat(delimiter: delimiter, keepsLineEnds: keeps)
        let whole = try TextFiles.read(path, format: format)
        #expect(whole.count == 1)
        if keeps { #expect(whole[0].map { Array($0.utf8) } == expected, "\(Array(text.utf8))") }
        #expect(whole[0].count == expected.count)
        for size in Array(1...7) + [text.utf8.count, text.utf8.count + 1] where !text.isEmpty {
          let blocks = try TextFiles.read(path, format: format, splitting: .blocksize(size))
          #expect(
            blocks.flatMap { $0 }.map { Array($0.utf8) } == whole[0].map { Array($0.utf8) },
            "\(size) \(Array(text.utf8))")
        }
      }
    }
  }

  /// A line is the partition's in which its predecessor's end begins: what Dask's `read_block` comes to.
  @Test(arguments: ["\n", "§", "a§", "\r\n"])
  func aLineBelongsToTheBlockThatThePreviousOneEndsIn(delimiter: String) throws {
    var numbers = SeededNumbers(11)
    for _ in 0..<30 {
      let text = TextFiles.random(TextFilesSplittingTests.pieces(delimiter), count: 20, using: &numbers)
      let path = try folder.file("x.txt", text)
      let lines = TextFiles.reference(Array(text.utf8), delimiter: delimiter)
      for size in 1...12 {
        let starts = TextPiece.blockStarts(size: text.utf8.count, blocksize: size)
        var expected = [[[UInt8]]](repeating: [], count: starts.count)
        var offset = 0
        for line in lines {
          let decisive = offset == 0 ? 0 : offset - delimiter.utf8.count
          expected[starts.lastIndex { $0 <= decisive }!].append(line)
          offset += line.count
        }
        let format = TextFileFormat(delimiter: delimiter)
        let blocks = try TextFiles.read(path, format: format, splitting: .blocksize(size))
        #expect(blocks.map { $0.map { Array($0.utf8) } } == expected, "\(size) \(Array(text.utf8))")
      }
    }
  }

  /// Windows that are refilled, moved and grown at every place of a line and its end.
  @Test(arguments: delimiters)
  func linesDoNotDependOnHowTheBytesArrive(delimiter: String?) throws {
    var numbers = SeededNumbers(3)
    for round in 0..<40 {
      var pieces = TextFilesSplittingTests.pieces(delimiter)
      pieces.append(String(repeating: "long ", count: round * 4))
      let bytes = Array(TextFiles.random(pieces, count: 300, using: &numbers).utf8)
      var lines = try LineSplitter(
        DripSource(bytes, most: 1 + round * 3, seed: UInt64(round)), ends: LineEnds(delimiter), keepsEnds: true,
        longest: .max / 2, context: TestContext(), window: 128)
      var got: [[UInt8]] = []
      var offset = 0
      while let line = try lines.next() {
        if delimiter != nil { #expect(lines.offsetOfLast == offset) }
        got.append(Array(line))
        offset += line.count
      }
      #expect(got == TextFiles.reference(bytes, delimiter: delimiter))
    }
  }

  @Test func nextForEachAndBatchesGiveTheSameLines() throws {
    var numbers = SeededNumbers(5)
    let text = TextFiles.random(["word ", "é", "\n", "\r\n"], count: 60_000, using: &numbers)
    let path = try folder.file("x.txt", text)
    let plan = try TextFilePlan([path])
    let expected = TextFiles.reference(Array(text.utf8), delimiter: nil).map { String(decoding: $0, as: UTF8.self) }
    let next = plan.makeReader(plan.partitions[0], context: TestContext())
    var batches: [ContiguousArray<String>] = []
    while let batch = try next() { batches.append(batch) }
    #expect(try next() == nil)
    #expect(batches.allSatisfy { (1...4096).contains($0.count) })
    #expect(Array(batches.joined()) == expected)
    var each: [String] = []
    try plan.lineReader(plan.partitions[0], context: TestContext()).forEachLine {
      each.append(String(decoding: $0, as: UTF8.self))
    }
    #expect(each == expected)
    let reader = plan.lineReader(plan.partitions[0], context: TestContext())
    var single: [String] = []
    while let line = try reader.next() {
      single.append(String(decoding: line, as: UTF8.self))
      if single.count == expected.count { #expect(reader.lineNumber == single.count) }
    }
    #expect(single == expected)
    #expect(try reader.next() == nil)
  }

  @Test func aLineBeyondTheLimitIsNamedWithItsPlace() throws {
    let path = try folder.file("x.txt", "short\n" + String(repeating: "x", count: 600_000) + "\nend")
    let plan = try TextFilePlan([path])
    func lengths(_ limit: Int) throws -> [Int] {
      let next = plan.makeReader(plan.partitions[0], context: TestContext(), longestLine: limit)
      var lengths: [Int] = []
      while let batch = try next() { lengths += batch.map(\.utf8.count) }
      return lengths
    }
    #expect(try lengths(600_000) == [6, 600_001, 3])
    for limit in [599_999, 300_000, 100] {
      let error = TextFiles.failure { _ = try lengths(limit) }
      #expect(error?.code == .tooLarge)
      #expect(error?.file == path)
      #expect(error?.record == "line 2")
      #expect(error?.message.contains("the line that begins at byte 6 is longer than") == true)
    }
    #expect(throws: TaskError.self) { try lengths(4) }
    #expect(throws: TaskError.self) { try lengths(5) }
  }

  @Test func readingStopsWhenTheTaskIsToStop() throws {
    let path = try folder.file("x.txt", "a\n")
    for splitting in [TextFileSplitting.byFile, .blocksize(1)] {
      let plan = try TextFilePlan([path], splitting: splitting)
      let error = TextFiles.failure { _ = try TextFiles.lines(of: plan, context: StoppedContext()) }
      #expect(error?.code == .cancelled)
    }
  }

  @Test func aFileThatChangedAfterPlanningIsRefused() throws {
    let path = try folder.file("x.txt", "a\nb\n")
    for splitting in [TextFileSplitting.byFile, .blocksize(2)] {
      let plan = try TextFilePlan([path], splitting: splitting)
      let old = plan.identity(of: plan.partitions[0])
      try folder.file("x.txt", "a\nb\nc\n")
      let error = TextFiles.failure { _ = try TextFiles.lines(of: plan) }
      #expect(error?.code == .cannotRead)
      #expect(error?.message.contains("has changed since the run was planned") == true)
      #expect(try TextFilePlan([path], splitting: splitting).identity(of: plan.partitions[0]) != old)
      try folder.file("x.txt", "a\nb\n")
    }
  }
}

/// A context whose task was cancelled.
private final class StoppedContext: TaskContext {
  private let other = TestContext()
  var key: TaskKey { other.key }
  var attempt: Int { 1 }
  var logPath: String { other.logPath }
  var memoryLimit: Int { other.memoryLimit }
  func scratch() throws -> any ScratchStorage { try other.scratch() }
  func inputKey(_ position: Int) -> TaskKey { other.inputKey(position) }
  func used(scratch bytes: Int) {}
  func checkCancellation() throws { throw TaskError(.cancelled, "stopped") }
  func writeFile(at path: String, _ body: (any ByteSink) throws -> Int) throws -> WrittenFile {
    try other.writeFile(at: path, body)
  }
  func publishFile(at path: String, _ body: (String) throws -> Void) throws -> WrittenFile {
    try other.publishFile(at: path, body)
  }
  func reject(_ record: RejectedRecord) throws {}
}
