import CSimdJSON
import Graph
import Synchronization

// Where the blocks of an object of records begin and end.
//
// A byte in the middle of JSON says nothing of itself: it may lie in a string that holds JSON. So nothing is guessed. The
// file is walked from its beginning, brackets and strings alone (see KeyedWalk.cpp), and each cut is moved to the first
// record that begins at or behind it. The blocks of a file share one walk, which goes on where it stopped: tasks run
// nearly in order, so a file is walked once, a block ahead of being parsed, and mostly lies in the page cache when that
// happens. A resumed run walks once to where it begins.

/// Finds the records of a file's blocks.
final class KeyedBorders: Sendable {
  /// What a block holds.
  enum Content {
    case records(Block)
    /// The file is nothing but white space.
    case blank
    /// The file is something else than an object.
    case noObject
  }

  /// Which records make up a block.
  struct Block {
    /// From the first's key to behind the last's value; the first block begins with the file, the last ends with it, and
    /// with what stands behind the object by mistake.
    let range: Range<Int>
    /// Whether the bytes have the object's opening brace, and its closing one or the place where it is missing.
    let opens, closes: Bool
    /// The last record, where it is so large that it is to be parsed by itself, and where what is before it ends.
    let last: (range: Range<Int>, before: Int)?
    let largest: Range<Int>
  }

  private let file: FileIdentity
  /// Where the blocks were planned to end.
  private let cuts: [UInt64]
  private let progress: Mutex<Progress>

  private struct Progress: Sendable {
    var walk = sj_keyed_walk()
    var borders: [sj_border]
    /// Where the object ends, or what there is of it; and where something else begins behind it.
    var end: Int?
    var trailing: Int?
    var isBlank = false
  }

  private static let windowByteCount = 1 << 20
  /// Working memory.
  static let scratchByteCount = windowByteCount + 64 << 10
  /// Bytes of what follows the object by mistake that are worth reading.
  private static let trailingByteCount = 4096

  /// - Parameter blocks: of the file, in order, as they were planned.
  init(_ file: FileIdentity, blocks: [Range<Int>]) {
    self.file = file
    cuts = blocks.map { UInt64($0.upperBound) }
    progress = Mutex(Progress(borders: Array(repeating: sj_border(), count: blocks.count)))
  }

  /// The records of a block: those whose keys begin in it.
  ///
  /// - Complexity: O(bytes up to the block's end, and its last record's), less what was walked before.
  func block(_ number: Int, context: any TaskContext) throws -> Content {
    try progress.withLock { progress in
      if progress.walk.first_cut <= number {
        let input = try InputFile(file)
        let window = UnsafeMutableRawPointer.allocate(byteCount: KeyedBorders.windowByteCount, alignment: 64)
        defer { window.deallocate() }
        while progress.walk.first_cut <= number {
          try context.checkCancellation()
          try walkOn(&progress, in: input, window, context: context)
        }
      }
      guard progress.walk.is_object else { return progress.isBlank ? .blank : .noObject }
      let end = progress.borders[number]
      // Equal to the border before where a record goes across the whole block.
      let start = number == 0 ? 0 : Int(progress.borders[number - 1].start)
      let closes = progress.end.map { Int(end.start) == $0 } ?? false
      // Where several blocks end with the object, the first of them has its end.
      if number > 0, start == Int(end.start) {
        return .records(
          Block(range: start..<start, opens: false, closes: false, last: nil, largest: start..<start))
      }
      var stop = closes ? Int(end.start) : Int(end.separator)
      if closes, let trailing = progress.trailing {
        stop = min(trailing + KeyedBorders.trailingByteCount, file.byteCount)
      }
      var last: (Range<Int>, Int)?
      if Int(end.last_start) > start, Int(end.separator) - Int(end.last_start) >= JSONWeight.leastCounted {
        last = (Int(end.last_start)..<stop, Int(end.last_separator))
      }
      return .records(
        Block(
          range: start..<stop, opens: number == 0, closes: closes, last: last,
          largest: Int(end.largest_start)..<Int(end.largest_stop)))
    }
  }

  /// Walks a window on, or to where all is known.
  private func walkOn(
    _ progress: inout Progress, in input: borrowing InputFile, _ window: UnsafeMutableRawPointer,
    context: any TaskContext
  ) throws {
    if progress.walk.offset == 0 {
      progress.walk.offset = UInt64(try input.markLength())
    }
    let place = Int(progress.walk.offset)
    let range = place..<min(place + KeyedBorders.windowByteCount, file.byteCount)
    var walk = progress.walk
    try input.read(range, into: window)
    progress.borders.withUnsafeMutableBufferPointer { borders in
      sj_keyed_walk_on(
        &walk, window.assumingMemoryBound(to: UInt8.self), range.count, cuts, cuts.count, borders.baseAddress!)
    }
    if walk.is_over || range.upperBound == file.byteCount {
      let end = walk.is_over && walk.is_object ? Int(walk.offset) : file.byteCount
      progress.isBlank = !walk.is_over && !walk.is_object
      progress.trailing = try input.firstThing(in: end..<file.byteCount, context: context)
      progress.end = end
      progress.borders.withUnsafeMutableBufferPointer { borders in
        sj_keyed_walk_end(&walk, UInt64(end), cuts, cuts.count, borders.baseAddress!)
      }
    }
    progress.walk = walk
  }
}
