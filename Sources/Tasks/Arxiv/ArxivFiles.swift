import Graph
import Synchronization

/// The files of `arxiv.read`, and what tasks that read blocks of one file learn for each other.
///
/// All of it follows from the files alone: whoever asks first only spares the others the work.
final class ArxivFiles: Sendable {
  let blocks: FileBlocks
  /// `nil`: told from each file's beginning.
  private let layout: ArxivLayout?
  /// By file.
  private let borders: [KeyedBorders]
  private let lineNumbers: [LineNumbers]
  private let layouts: Mutex<[Known]>

  private struct Known {
    var foreseen: ArxivLayout?
    var found: ArxivLayout?
  }

  init(_ blocks: FileBlocks, layout: ArxivLayout?) {
    self.blocks = blocks
    self.layout = layout
    let files = blocks.blocks.map { blocks.pieces[$0.lowerBound].file }
    borders = blocks.blocks.map { numbers in
      KeyedBorders(blocks.pieces[numbers.lowerBound].file, blocks: numbers.compactMap { blocks.pieces[$0].block })
    }
    lineNumbers = files.map { LineNumbers($0) }
    layouts = Mutex(Array(repeating: Known(), count: files.count))
  }

  /// The records of a partition that is a block of a keyed file.
  func records(of partition: Partition, context: any TaskContext) throws -> KeyedBorders.Content {
    let number = blocks.fileNumbers[partition.index]
    return try borders[number].block(partition.index - blocks.blocks[number].lowerBound, context: context)
  }

  func lineNumbers(for partition: Partition) -> LineNumbers { lineNumbers[blocks.fileNumbers[partition.index]] }

  /// - Throws: `TaskError` with code `.cannotRead`.
  func layout(of partition: Partition) throws -> ArxivLayout {
    if let layout { return layout }
    let number = blocks.fileNumbers[partition.index]
    if let found = layouts.withLock({ $0[number].found }) { return found }
    let file = try InputFile(blocks.piece(of: partition).file)
    let found = try ArxivFiles.recognize(file, most: 1 << 20)
    layouts.withLock { $0[number].found = found }
    return found
  }

  /// The layout, as far as it can be told for little: small files are taken for keyed, which needs more memory.
  func foreseenLayout(of partition: Partition) -> ArxivLayout {
    if let layout { return layout }
    let number = blocks.fileNumbers[partition.index]
    let known = layouts.withLock { $0[number] }
    if let layout = known.found ?? known.foreseen { return layout }
    let identity = blocks.piece(of: partition).file
    guard identity.byteCount > 4 << 20, let file = try? InputFile(identity),
      let foreseen = try? ArxivFiles.recognize(file, most: 16_384)
    else { return .keyed }
    layouts.withLock { $0[number].foreseen = foreseen }
    return foreseen
  }

  private static func recognize(_ file: borrowing InputFile, most: Int) throws -> ArxivLayout {
    let count = min(most, file.identity.byteCount)
    return try withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 16) { head in
      try file.read(0..<count, into: head.baseAddress!)
      try file.checkUnchanged()
      return ArxivLayout(
        recognizing: UnsafeRawBufferPointer(rebasing: head[..<count]).assumingMemoryBound(to: UInt8.self))
    }
  }
}
