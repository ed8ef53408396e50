import Foundation
import Graph
import Synchronization

extension SpillStore {
  /// Values whose record is no longer than this lie packed, sharing blocks.
  static let longestPacked = 512 << 10

  /// Writes values, small ones packed together: the more at once, the fewer writes.
  ///
  /// - Returns: for each value where it lies, or why it could not be written: `.diskFull` for a full disk or a reached
  ///   limit. What failed takes no space, and the store stays usable.
  func write(_ items: [Item]) -> [Result<SpillExtent, TaskError>] {
    staging.withLock { block in
      var results = [Result<SpillExtent, TaskError>?](repeating: nil, count: items.count)
      var small: [(index: Int, length: Int)] = []
      for (index, item) in items.enumerated() {
        do {
          let length = try measuredLength(item.value)
          if SpillSeal.recordBytes(length) <= SpillStore.longestPacked {
            small.append((index, length))
          } else {
            let extents = try place([item], [length], block)
            results[index] = extents[0]
          }
        } catch {
          results[index] = .failure(taskError(error))
        }
      }
      var rest = small[...]
      while let first = rest.first {
        var count = 0
        var bytes = 0
        while count < rest.count {
          let record = SpillSeal.recordBytes(rest[rest.startIndex + count].length)
          if bytes + record > block.count { break }
          bytes += record
          count += 1
        }
        let group = rest.prefix(count)
        do {
          // Fewer than asked for come back if only a smaller hole was there: the rest goes elsewhere.
          let extents = try place(group.map { items[$0.index] }, group.map(\.length), block)
          for (extent, entry) in zip(extents, group) { results[entry.index] = extent }
          rest = rest.dropFirst(extents.count)
        } catch {
          results[first.index] = .failure(taskError(error))
          rest = rest.dropFirst()
        }
      }
      return results.map { $0! }
    }
  }

  private func taskError(_ error: any Error) -> TaskError {
    (error as? TaskError) ?? TaskError(.cannotWrite, "a value could not be spilled", cause: "\(error)")
  }

  private func measuredLength(_ value: any TaskValue) throws -> Int {
    guard type(of: value).kind.utf8.count <= SpillSeal.longestKind else {
      throw TaskError(
        .cannotWrite,
        "values of kind \"\(type(of: value).kind)\" cannot be spilled: the name is longer than "
          + "\(SpillSeal.longestKind) bytes")
    }
    let sink = CountingSink()
    try value.write(to: sink)
    return sink.byteCount
  }

  /// Writes as many of the items as find room one behind another; the first at least.
  private func place(_ items: [Item], _ lengths: [Int], _ block: AlignedBlock) throws -> [Result<
    SpillExtent, TaskError
  >] {
    var isLastAttempt = false
    while true {
      let records = lengths.map(SpillSeal.recordBytes)
      let (run, file) = try takeSpace(
        SpillBlock.count(for: records.reduce(0, +)), atLeast: SpillBlock.count(for: records[0]))
      var room = run.bytes.count
      let fitting = records.prefix { record in
        room -= record
        return room >= 0
      }.count
      do {
        return try write(items.prefix(fitting), lengths.prefix(fitting), to: run, of: file, block)
      } catch {
        state.withLock { $0.space.settle(run, []) }
        guard let full = error as? TaskError, full.code == .diskFull, !isLastAttempt, giveBack(keeping: 0) else {
          throw error
        }
        isLastAttempt = true
      }
    }
  }

  private func write(
    _ items: ArraySlice<Item>, _ lengths: ArraySlice<Int>, to run: SpillSpace.Run, of file: DirectFile,
    _ block: AlignedBlock
  ) throws -> [Result<SpillExtent, TaskError>] {
    let sink = RunSink(block, file: file, at: run.bytes.lowerBound)
    var results: [Result<SpillExtent, TaskError>] = []
    for (item, length) in zip(items, lengths) {
      let offset = sink.position
      do {
        try sink.write(item.value, item.fingerprint, length)
        results.append(.success(SpillExtent(file: run.file, offset: offset, byteCount: sink.position - offset)))
      } catch {
        // The next takes its place, if nothing of it is on disk yet.
        guard sink.goBack(to: offset) else { throw error }
        results.append(.failure(taskError(error)))
      }
    }
    try sink.finish()
    state.withLock { state in
      let extents = results.compactMap { try? $0.get() }
      state.space.settle(run, extents)
      state.bytesTotal += extents.reduce(0) { $0 + $1.byteCount }
    }
    return results
  }

  /// Takes space, in a new file if need be; gives back what is kept for reuse before it says that there is none.
  private func takeSpace(_ wanted: Int, atLeast least: Int) throws -> (SpillSpace.Run, DirectFile) {
    var wanted = wanted
    var hasGivenBack = false
    while true {
      let taken: Result<(SpillSpace.Run, DirectFile), SpillSpace.Refusal> = state.withLock { state in
        do throws(SpillSpace.Refusal) {
          let run = try state.space.take(wanted, atLeast: least)
          return .success((run, state.files[run.file]!))
        } catch {
          return .failure(error)
        }
      }
      switch taken {
      case .success(let place): return place
      case .failure(.noFile): try addFile(room: wanted)
      case .failure(.limit):
        if !hasGivenBack {
          hasGivenBack = true
          if giveBack(keeping: 0) { continue }
        }
        guard wanted > least else {
          throw TaskError(
            .diskFull,
            "spilled values would take more than the limit of \(ByteCount(limit ?? 0)); raise --spill-limit, "
              + "or allow more --memory so that less is spilled",
            file: folder)
        }
        wanted = least
      }
    }
  }

  private func addFile(room blocks: Int) throws {
    let number = state.withLock { state in
      defer { state.nextFile += 1 }
      return state.nextFile
    }
    try FilePublisher.makeFolder(folder)
    let file = try DirectFile(path(of: number), creating: true, direct: isDirect)
    state.withLock { state in
      state.space.addFile(number, room: blocks)
      state.files[number] = file
    }
  }
}

/// Learns how long a value is.
private final class CountingSink: ByteSink {
  var byteCount = 0
  func write(_ bytes: UnsafeRawBufferPointer) { byteCount += bytes.count }
}

/// Writes records one behind another to a run of blocks, through the staging block.
private final class RunSink: ByteSink {
  private let block: AlignedBlock
  private let file: DirectFile
  /// Where the staging block's first byte goes.
  private var offset: Int
  private var filled = 0
  /// Something was written to the file, or could not be.
  private var isFlushed = false
  /// Bytes that the value being written still has to give.
  private var expected = 0
  private let hash = RunningHash()

  init(_ block: AlignedBlock, file: DirectFile, at offset: Int) {
    self.block = block
    self.file = file
    self.offset = offset
  }

  var position: Int { offset + filled }

  func write(_ value: any TaskValue, _ fingerprint: Fingerprint, _ length: Int) throws {
    hash.reset()
    expected = length
    try value.write(to: self)
    guard expected == 0 else { throw lengthChanged }
    let padding = SpillSeal.padded(length) - length
    memset(block.base + filled, 0, padding)  // never reaches over the staging block's end, nor does a seal
    hash.update(block.base + filled, padding)
    filled += padding
    if filled == block.count { try flush() }
    SpillSeal.write(
      to: block.base + filled, kind: type(of: value).kind, length: length, fingerprint: fingerprint,
      valueHash: hash.value)
    filled += SpillSeal.byteCount
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard bytes.count <= expected else { throw lengthChanged }
    expected -= bytes.count
    var rest = bytes
    while rest.count > 0 {
      if filled == block.count { try flush() }
      let count = min(rest.count, block.count - filled)
      memcpy(block.base + filled, rest.baseAddress!, count)
      hash.update(block.base + filled, count)
      filled += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Forgets what was written from `position` on.
  /// - Returns: false if the file was touched: then the whole run is in doubt.
  func goBack(to position: Int) -> Bool {
    guard position >= offset, !isFlushed else { return false }
    filled = position - offset
    return true
  }

  /// Fills the last block with zeros and writes what is left.
  func finish() throws {
    let whole = SpillBlock.count(for: filled) * SpillBlock.byteCount
    memset(block.base + filled, 0, whole - filled)
    filled = whole
    try flush()
  }

  private func flush() throws {
    guard filled > 0 else { return }
    isFlushed = true
    try file.write(UnsafeRawBufferPointer(start: block.base, count: filled), at: offset)
    offset += filled
    filled = 0
  }

  private var lengthChanged: TaskError {
    TaskError(.cannotWrite, "a value wrote more or fewer bytes than the first time: its write(to:) is at fault")
  }
}
