// Where a block's lines begin and end.
//
// A file of lines is cut at arbitrary bytes, and each cut is moved to the end of the first ending that begins at or
// behind it. Both blocks beside a cut move it alike, so every line is in exactly one block. This is what fsspec's
// `read_block` does, with one difference: an ending that overlaps itself, such as "||" in "a|||b", is one only if a
// reader that came from the file's beginning would take it for one. To know that without reading from the beginning,
// one goes back to a place that no ending lies across; from there on both readers see the same.

import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct BlockBorders {
  /// As it stands in the file.
  let ending: [UInt8]
  /// Endings begin at multiples of so many bytes.
  let unit: Int
  /// Where the text begins, behind a byte order mark.
  let from: Int

  private static let windowByteCount = 64 << 10
  /// Bytes that an ending may have.
  static let longestEnding = 16 << 10

  /// The bytes of the lines that belong to `block`.
  ///
  /// - Complexity: O(block + length of its last line); behind a run of endings that overlap each other, O(run).
  func lines(of block: Range<Int>, in file: borrowing InputFile, context: any TaskContext) throws -> Range<Int> {
    let size = file.identity.byteCount
    var start = from
    if block.lowerBound > from {
      // The line that goes across this whole block belongs to an earlier one, whose task alone looks for its end.
      guard let ending = try first(in: block, of: file, context: context) else { return size..<size }
      start = ending + self.ending.count
    }
    guard block.upperBound < size else { return start..<max(size, start) }
    guard block.upperBound > from else { return start..<start }
    let last = try first(in: block.upperBound..<size, of: file, context: context)
    return start..<(last.map { $0 + ending.count } ?? size)
  }

  /// Where the first ending begins that begins in `range`; `nil` if none does.
  func first(
    in range: Range<Int>, of file: borrowing InputFile, context: any TaskContext
  ) throws -> Int? {
    var window = FileWindow()
    var place = try placeInStep(before: range.lowerBound, in: file, &window, context: context)
    while place < range.upperBound,
      let found = try next(in: place..<range.upperBound, of: file, &window, context: context)
    {
      if found >= range.lowerBound { return found }
      place = found + ending.count
    }
    return nil
  }

  /// A place at or before `offset` that no ending lies across.
  private func placeInStep(
    before offset: Int, in file: borrowing InputFile, _ window: inout FileWindow, context: any TaskContext
  ) throws -> Int {
    var place = offset
    guard ending.count > unit else { return place }
    while true {
      let lowest = max(place - ending.count + 1, from)
      guard lowest < place else { return place }
      try window.load(lowest..<(place + ending.count - 1), backwards: true, of: file, context: context)
      guard let across = (lowest..<place).first(where: { $0 % unit == 0 && window.holds(ending, at: $0) }) else {
        return place
      }
      place = across
    }
  }

  private func next(
    in range: Range<Int>, of file: borrowing InputFile, _ window: inout FileWindow, context: any TaskContext
  ) throws -> Int? {
    var place = range.lowerBound
    while place < range.upperBound {
      try window.load(place..<(place + ending.count), backwards: false, of: file, context: context)
      while let found = window.find(ending, from: place) {
        if found >= range.upperBound { return nil }
        if found % unit == 0 { return found }
        place = found + 1
      }
      // What is left behind this may be an ending's beginning.
      let seen = window.range.upperBound - ending.count + 1
      if window.range.upperBound >= file.identity.byteCount { return nil }
      place = max(seen, place)
    }
    return nil
  }

  /// A part of the file in memory.
  private struct FileWindow: ~Copyable {
    private let base = UnsafeMutableRawPointer.allocate(byteCount: BlockBorders.windowByteCount * 2, alignment: 64)
    private(set) var range = 0..<0

    deinit { base.deallocate() }

    /// Makes sure that `wanted` is here, as far as the file has it, and some more before or behind it.
    mutating func load(
      _ wanted: Range<Int>, backwards: Bool, of file: borrowing InputFile, context: any TaskContext
    ) throws {
      let size = file.identity.byteCount
      let wanted = min(wanted.lowerBound, size)..<min(wanted.upperBound, size)
      if range.lowerBound <= wanted.lowerBound, wanted.upperBound <= range.upperBound { return }
      try context.checkCancellation()
      let length = max(BlockBorders.windowByteCount, wanted.count)
      let lower = backwards ? max(wanted.upperBound - length, 0) : wanted.lowerBound
      let upper = min(lower + length, size)
      var filled = 0
      while filled < upper - lower {
        let got = try file.read(at: lower + filled, into: base + filled, most: upper - lower - filled)
        guard got > 0 else { throw file.changed() }
        filled += got
      }
      range = lower..<upper
    }

    func holds(_ bytes: [UInt8], at place: Int) -> Bool {
      guard place >= range.lowerBound, place + bytes.count <= range.upperBound else { return false }
      return memcmp(base + (place - range.lowerBound), bytes, bytes.count) == 0
    }

    func find(_ bytes: [UInt8], from place: Int) -> Int? {
      guard place < range.upperBound else { return nil }
      let start = base + (place - range.lowerBound)
      return firstOccurrence(of: bytes, in: start, count: range.upperBound - place).map { place + $0 }
    }
  }
}
