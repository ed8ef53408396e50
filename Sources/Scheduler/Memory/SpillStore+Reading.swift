import CXXHash
import Foundation
import Graph
import Synchronization

extension SpillStore {
  /// Values whose record is no longer than this are copied out of a block that is used again.
  private static let longestCopied = 72 << 10

  /// Reads a value back.
  ///
  /// A value of more than 72 KiB is read straight into pages of its own, which go back to the kernel with the value; a
  /// smaller one through a block that is used again. Neither leaves anything in the page cache.
  /// - Throws: `TaskError` with code `.corruptValue` if one bit is not as it was written, or another value lies there.
  func read(_ extent: SpillExtent, fingerprint: Fingerprint, registry: OpRegistry) throws -> any TaskValue {
    guard extent.isPlausible else { throw TaskError.damagedSpill(folder, "\(extent) is no place in it") }
    let file =
      try state.withLock { $0.files[extent.file] }
      ?? DirectFile(path(of: extent.file), creating: false, writable: false, direct: isDirect)
    let (kind, payload) =
      extent.byteCount > SpillStore.longestCopied
      ? try readLarge(extent, fingerprint, file) : try readSmall(extent, fingerprint, file)
    return try registry.readValue(kind: kind, from: payload)
  }

  private func readLarge(_ extent: SpillExtent, _ fingerprint: Fingerprint, _ file: DirectFile) throws -> (
    String, Buffer
  ) {
    let whole = extent.blocks.count * SpillBlock.byteCount
    // So that a wrong length from a damaged state file does not take memory it was never given.
    guard extent.end <= file.byteCount else { throw TaskError.damagedSpill(file.path, "the file ends early") }
    let flags = MAP_PRIVATE | SpillStore.anonymous
    guard let base = mmap(nil, whole, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
      throw TaskError(.outOfMemory, "no memory for \(ByteCount(whole)) that were spilled", file: file.path)
    }
    adviseHugePages(base, whole)
    let address = UInt(bitPattern: base)
    let pages = Buffer(base: base, count: whole) { munmap(UnsafeMutableRawPointer(bitPattern: address), whole) }
    let start = extent.blocks.lowerBound * SpillBlock.byteCount
    try file.read(into: base, whole, at: start)
    let seal = try check(base, extent, fingerprint, file)
    return (seal.kind, pages.slice(extent.offset - start..<extent.offset - start + seal.length))
  }

  /// Page faults cost more than the disk: on the machine this was measured on, reading 4–16 MiB into pages of 4 KiB
  /// makes 1.0 GB/s, into pages of 2 MiB 3.0. Only pages that lie wholly within the value, so that it takes no more
  /// memory than it is counted for.
  private func adviseHugePages(_ base: UnsafeMutableRawPointer, _ count: Int) {
    #if os(Linux)
      let page = 2 << 20
      let first = (UInt(bitPattern: base) + UInt(page) - 1) / UInt(page) * UInt(page)
      let end = (UInt(bitPattern: base) + UInt(count)) / UInt(page) * UInt(page)
      if first < end { madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), Int32(MADV_HUGEPAGE)) }
    #endif
  }

  private func readSmall(_ extent: SpillExtent, _ fingerprint: Fingerprint, _ file: DirectFile) throws -> (
    String, Buffer
  ) {
    let block =
      readBlocks.withLock { $0.popLast() }
      ?? AlignedBlock(byteCount: SpillStore.longestCopied + SpillBlock.byteCount)
    defer { readBlocks.withLock { $0.append(block) } }
    let whole = extent.blocks.count * SpillBlock.byteCount
    let start = extent.blocks.lowerBound * SpillBlock.byteCount
    try file.read(into: block.base, whole, at: start)
    let seal = try check(block.base, extent, fingerprint, file)
    guard let copy = LargeMemory.allocate(max(seal.length, 1)) else {
      throw TaskError(.outOfMemory, "no memory for \(ByteCount(seal.length)) that were spilled", file: file.path)
    }
    memcpy(copy, block.base + (extent.offset - start), seal.length)
    return (seal.kind, Buffer(adoptingHeap: copy, count: seal.length))
  }

  /// Kind and length of the value in an extent whose blocks are `bytes`, if everything is as it was written.
  private func check(
    _ bytes: UnsafeRawPointer, _ extent: SpillExtent, _ fingerprint: Fingerprint, _ file: DirectFile
  ) throws -> (kind: String, length: Int) {
    let start = bytes + extent.offset % SpillBlock.byteCount
    let padded = extent.byteCount - SpillSeal.byteCount
    guard let seal = SpillSeal(at: start + padded, extentBytes: extent.byteCount) else {
      throw TaskError.damagedSpill(file.path, "nothing of \(extent) is there")
    }
    guard seal.isGenuine(valueHash: XXH3_64bits(start, padded)) else {
      throw TaskError.damagedSpill(file.path, "the checksum of \(extent) is wrong")
    }
    guard seal.belongs(to: fingerprint) else {
      throw TaskError.damagedSpill(file.path, "another value took its place")
    }
    return (seal.kind, seal.length)
  }

  #if os(Linux)
    private static let anonymous = Int32(MAP_ANONYMOUS)
  #else
    private static let anonymous = MAP_ANON
  #endif
}

// MARK: After a crash

extension SpillStore {
  /// Whether an extent still holds the value it was written for, by its files alone: for planning, without a store.
  ///
  /// - Parameter readingThrough: look at every byte; otherwise at the seal only, which finds a file cut off and space
  ///   used again, but no flipped bit.
  static func isIntact(
    _ extent: SpillExtent, fingerprint: Fingerprint, in folder: String, readingThrough: Bool = true
  ) -> Bool {
    guard extent.isPlausible,
      let file = try? DirectFile("\(folder)/\(extent.fileName)", creating: false, writable: false),
      extent.end <= file.byteCount
    else { return false }
    return (try? isIntact(extent, fingerprint, file, readingThrough: readingThrough)) ?? false
  }

  func isIntact(_ extent: SpillExtent, fingerprint: Fingerprint) -> Bool {
    SpillStore.isIntact(extent, fingerprint: fingerprint, in: folder)
  }

  private static func isIntact(
    _ extent: SpillExtent, _ fingerprint: Fingerprint, _ file: DirectFile, readingThrough: Bool
  ) throws -> Bool {
    let payloadEnd = extent.end - SpillSeal.byteCount
    let blockEnd = extent.blocks.upperBound * SpillBlock.byteCount
    var position = (readingThrough ? extent.offset : payloadEnd) / SpillBlock.byteCount * SpillBlock.byteCount
    let block = AlignedBlock(byteCount: min(stagingBytes, blockEnd - position))
    let hash = RunningHash()
    while position < blockEnd {
      let count = min(block.count, blockEnd - position)
      try file.read(into: block.base, count, at: position)
      let from = max(extent.offset, position)
      let to = min(payloadEnd, position + count)
      if readingThrough, from < to { hash.update(block.base + (from - position), to - from) }
      // A seal is aligned to its own length and never lies across two blocks.
      if payloadEnd >= position, payloadEnd < position + count {
        guard let seal = SpillSeal(at: block.base + (payloadEnd - position), extentBytes: extent.byteCount) else {
          return false
        }
        return seal.belongs(to: fingerprint) && (!readingThrough || seal.isGenuine(valueHash: hash.value))
      }
      position += count
    }
    return false
  }

  /// Takes over an extent of a dead run: readable at once, its space in use until `free`. Once for each task that
  /// reads it.
  ///
  /// Before `sweep`, nothing is written to files of which something was adopted. The caller has asked `isIntact`.
  /// - Returns: false if it cannot be: no such file, or it overlaps what was adopted before.
  func adopt(_ extent: SpillExtent) -> Bool {
    guard extent.isPlausible else { return false }
    let path = path(of: extent.file)
    return state.withLock { state in
      if state.files[extent.file] == nil {
        guard let file = try? DirectFile(path, creating: false, direct: isDirect) else { return false }
        state.files[extent.file] = file
        state.space.addDeadFile(extent.file, blocksOnDisk: SpillBlock.count(for: file.byteCount))
        state.nextFile = max(state.nextFile, extent.file + 1)
      }
      return state.space.adopt(extent)
    }
  }

  /// Ends adoption: removes the folder's spill files of which nothing was adopted, and lets the others be used again.
  ///
  /// - Parameter others: numbers of files that belong to somebody else, such as another DAG file's dead run.
  func sweep(keeping others: Set<Int> = []) {
    let own = state.withLock { state in
      state.space.endAdoption()
      return Set(state.files.keys)
    }
    SpillStore.sweep(folder, keeping: own.union(others))
  }

  /// Removes spill files that nobody needs.
  static func sweep(_ folder: String, keeping numbers: Set<Int>) {
    for number in fileNumbers(in: folder) where !numbers.contains(number) {
      unlink("\(folder)/\(SpillExtent.fileName(number))")
    }
  }

  static func fileNumbers(in folder: String) -> [Int] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap { SpillExtent.fileNumber($0) }
  }
}
