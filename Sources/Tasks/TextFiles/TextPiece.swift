import Graph

/// A file of a partition, or a block of one.
struct TextPiece: Hashable, Sendable {
  let file: FileIdentity
  /// What was settled for the file, never `infer`.
  let compression: TextFileFormat.Compression
  /// The block's planned borders; the lines that begin behind an ending in it, or at 0, are its own. `nil`: the file.
  let block: Range<Int>?

  /// Bytes of the file.
  var byteCount: Int { block?.count ?? file.byteCount }

  /// What people call it: the file's name, and the block's borders behind it.
  var label: String { file.name + (block.map { "[\($0.lowerBound)..<\($0.upperBound)]" } ?? "") }

  /// What tells it from all others: the file as it is, and the block.
  var identity: [IdentityPart] {
    var parts: [IdentityPart] = [.file(file)]
    if let block { parts.append(.text(name: "block", value: "\(block.lowerBound)..<\(block.upperBound)")) }
    return parts
  }

  /// Its blocks where it has several, and is not packed; else itself.
  ///
  /// - Parameter blocksize: in bytes; `nil` for whole files.
  func cut(into blocksize: Int?) -> [TextPiece] {
    guard let blocksize, compression == .none, file.byteCount > blocksize else { return [self] }
    let blocks = blocks(of: blocksize)
    return blocks.count > 1 ? blocks : [self]
  }

  func blocks(of blocksize: Int) -> [TextPiece] {
    let starts = TextPiece.blockStarts(size: file.byteCount, blocksize: blocksize)
    return starts.indices.map { index in
      let end = index + 1 < starts.count ? starts[index + 1] : file.byteCount
      return TextPiece(file: file, compression: .none, block: starts[index]..<end)
    }
  }

  /// Dask's arithmetic: about equal blocks of at least the size asked for, but for the file's last.
  static func blockStarts(size: Int, blocksize: Int) -> [Int] {
    var step = Double(blocksize)
    if size % blocksize != 0, size > blocksize { step = Double(size) / Double(size / blocksize) }
    var starts = [0]
    var place = 0.0
    while Double(size) - place > step * 2 - 1 {
      place += step
      starts.append(Int(place))
    }
    return starts
  }

  /// A partition for each of the pieces, of which a file's follow each other.
  static func partitions(of pieces: [TextPiece]) -> [Partition] {
    var partitions: [Partition] = []
    partitions.reserveCapacity(pieces.count)
    while partitions.count < pieces.count {
      let first = partitions.count
      let file = pieces[first].file
      let count = pieces[first...].prefix { $0.file == file }.count
      for number in 0..<count {
        partitions.append(
          Partition(
            index: first + number, label: pieces[first + number].label, file: file,
            block: count > 1 ? FileBlock(number: number, of: count) : nil))
      }
    }
    return partitions
  }
}
