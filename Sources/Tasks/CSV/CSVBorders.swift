import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// Where a block's records begin and end.
//
// A file is cut at arbitrary bytes, and each cut is moved to the end of the record that it lies in. Both blocks beside
// a cut move it alike, so every record is in exactly one block. For that one must know whether the cut lies inside quotes.
// The quotes behind it mostly prove it, as RFC 4180 lets a quoted field begin only behind a separator and end only before
// one: in `,"x` the field begins, in `x",` it ends. A run of quotes that could be either is passed over.
//
// Where a megabyte proves nothing, the cut is taken to lie outside quotes. That it does is then known for sure by whoever
// reads the block before it from a right beginning: he comes to the cut with a quote open, which is an error that says so.
// So a file that keeps to the rules is cut rightly or refused, never cut wrongly.
//
// Source of the idea: C. Ge et al., "Speculative Distributed CSV Data Parsing for Big Data Analytics", SIGMOD 2019.
struct CSVBorders {
  let format: CSVFormat
  /// Where the first record begins.
  let from: Int

  static let unproven =
    "where a record begins behind a cut cannot be told: a quote is never closed, or a field in quotes is longer than "
    + "1 MB or holds what looks like records; close it, or set blocksize: none to read the file in one piece"

  /// Bytes that are looked at for a proof.
  static let proofByteCount = 1 << 20

  /// The bytes of the records that belong to `block`.
  ///
  /// - Complexity: O(`proofByteCount` + record length) around both ends.
  /// - Throws: `TaskError` with code `.badRecord` where the two ends contradict each other.
  func records(
    of block: Range<Int>, in file: borrowing InputFile, context: any TaskContext
  ) throws -> (range: Range<Int>, isProven: Bool) {
    let (start, isProven) = try border(block.lowerBound, in: file, context)
    let (end, _) = try border(block.upperBound, in: file, context)
    // Both would be the same record's end, if both were right.
    guard start <= end else { throw TaskError(.badRecord, CSVBorders.unproven, file: file.identity.path) }
    return (start..<end, isProven)
  }

  /// The first record's beginning at or behind `offset`, and whether it is sure to be one.
  private func border(
    _ offset: Int, in file: borrowing InputFile, _ context: any TaskContext
  ) throws -> (Int, isProven: Bool) {
    let size = file.identity.byteCount
    guard offset > from else { return (from, true) }
    guard offset < size else { return (size, true) }
    var window = try Window(at: offset - 1, of: file)
    let proof = provesInside(window.bytes, isEnd: window.range.upperBound == size)
    var isInside = proof ?? false
    // The byte before the offset ends a record if it is a line end.
    var place = offset - 1
    if isInside { place = offset }
    while true {
      let start = place - window.range.lowerBound
      for index in start..<window.bytes.count {
        let byte = window.bytes[index]
        if byte == format.quote, place + index - start >= offset {
          isInside.toggle()
        } else if byte == CSVFormat.newline, !isInside {
          return (window.range.lowerBound + index + 1, proof != nil)
        }
      }
      place = window.range.upperBound
      guard place < size else { return (size, proof != nil) }
      try context.checkCancellation()
      window = try Window(at: place, of: file)
    }
  }

  /// Whether the second of the bytes lies inside quotes, if that can be told.
  func provesInside(_ bytes: UnsafeBufferPointer<UInt8>, isEnd: Bool) -> Bool? {
    guard let quote = format.quote, let base = bytes.baseAddress else { return false }
    // Whether there were an odd number of quotes since.
    var isOdd = false
    var index = 1
    while index < bytes.count, let found = memchr(base + index, Int32(quote), bytes.count - index) {
      let start = UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
      var end = start
      while end < bytes.count, base[end] == quote { end += 1 }
      // What comes behind is not to be seen.
      if end == bytes.count, !isEnd { return nil }
      // The first of the bytes may itself be a quote, whose run began before: nothing is known of it.
      let isWhole = start > 1 || base[0] != quote
      let opensAfterSeparator = isSeparator(base[start - 1])
      let closesBeforeSeparator = end == bytes.count || isSeparator(base[end]) || base[end] == CSVFormat.carriageReturn
      let hasOddLength = (end - start) % 2 == 1
      if isWhole {
        if !opensAfterSeparator { return !isOdd }
        if !closesBeforeSeparator { return hasOddLength ? isOdd : !isOdd }
      }
      if hasOddLength { isOdd.toggle() }
      index = end
    }
    return nil
  }

  private func isSeparator(_ byte: UInt8) -> Bool { byte == format.delimiter || byte == CSVFormat.newline }

  /// A part of the file in memory.
  private struct Window: ~Copyable {
    let range: Range<Int>
    private let memory: UnsafeMutableBufferPointer<UInt8>

    init(at offset: Int, of file: borrowing InputFile) throws {
      range = offset..<min(offset + CSVBorders.proofByteCount, file.identity.byteCount)
      memory = .allocate(capacity: range.count)
      var filled = 0
      do {
        while filled < range.count {
          let got = try file.read(at: offset + filled, into: memory.baseAddress! + filled, most: range.count - filled)
          guard got > 0 else { throw file.changed() }
          filled += got
        }
      } catch {
        memory.deallocate()
        throw error
      }
    }

    deinit { memory.deallocate() }

    var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(memory) }
  }
}
