import Graph
import Synchronization

/// What an operation finds when it lists its files, kept from then on: its partitions and what is read for each must be of
/// one listing. A DAG file can be checked without its data.
final class Listed<Value: Sendable>: Sendable {
  private let make: @Sendable () throws -> Value
  private let made = Mutex<Value?>(nil)

  init(_ make: @escaping @Sendable () throws -> Value) { self.make = make }

  /// Lists the files, the first time.
  func list() throws -> Value {
    try made.withLock { made in
      if let made { return made }
      let value = try make()
      made = value
      return value
    }
  }

  /// What was listed: there are no partitions to ask for otherwise.
  var value: Value {
    guard let value = made.withLock({ $0 }) else { preconditionFailure("the files were not listed") }
    return value
  }
}

extension Array {
  /// All elements, or so many of them, evenly spread, the first and the last among them.
  ///
  /// - Precondition: `most` is at least 2.
  func spread(most: Int) -> [Element] {
    guard count > most else { return self }
    return (0..<most).map { self[$0 * (count - 1) / (most - 1)] }
  }
}

/// The files of a reading operation, cut into blocks: what makes up its partitions.
struct FileBlocks: Sendable {
  let partitions: Partitions
  /// By partition.
  let pieces: [TextPiece]
  /// By partition: which of the files it is of, from 0.
  let fileNumbers: [Int]
  /// By file: from the first of its partitions to behind the last.
  let blocks: [Range<Int>]

  /// Small enough for two workers' tables in 256 MB, large enough that a task's own cost is nothing.
  private static let defaultBlocksize = "24MB"

  /// - Parameter exception: which files always are whole, as the end of a sentence.
  static func parameter(_ exception: String = "") -> OpParameter {
    OpParameter(
      "blocksize", .string, default: .string(defaultBlocksize), isIdentity: false,
      summary: "about how many bytes of a file make up a partition; none for whole files" + exception)
  }

  /// - Returns: in bytes; `nil` for whole files.
  /// - Throws: `ParameterError` for what is no size.
  static func blocksize(_ arguments: OpArguments) throws -> Int? {
    let text = arguments.require(OpArguments.string, "blocksize")
    if text == "none" { return nil }
    guard let bytes = ByteCount(text)?.bytes, bytes >= 1 else {
      throw ParameterError("blocksize", "\"\(text)\" is no size; write for example 64MB, or none for whole files")
    }
    return bytes
  }

  /// - Parameters:
  ///   - patterns: files, folders and glob patterns.
  ///   - blocksize: in bytes; `nil` for whole files.
  /// - Throws: `ParameterError` where there is nothing to read.
  init(_ patterns: [String], blocksize: Int?) throws {
    let files = try FileListing.partitions(of: patterns).compactMap(\.file)
    var (pieces, numbers, blocks): ([TextPiece], [Int], [Range<Int>]) = ([], [], [])
    for (number, file) in files.enumerated() {
      let own = TextPiece(file: file, compression: .none, block: nil).cut(into: blocksize)
      blocks.append(pieces.count..<(pieces.count + own.count))
      pieces += own
      numbers += Array(repeating: number, count: own.count)
    }
    (self.pieces, fileNumbers, self.blocks) = (pieces, numbers, blocks)
    partitions = Partitions(TextPiece.partitions(of: pieces))
  }

  func piece(of partition: Partition) -> TextPiece { pieces[partition.index] }

  func identity(of partition: Partition) -> [IdentityPart] { pieces[partition.index].identity }
}

/// How many lines a file has before a place, for messages: what was read before a block was never counted.
///
/// Shared by a file's blocks, so that its bytes are counted once whatever the number of messages.
final class LineNumbers: Sendable {
  private let file: FileIdentity
  /// Places up to which lines were counted, ascending.
  private let counted = Mutex<[(offset: Int, lines: Int)]>([(0, 0)])

  init(_ file: FileIdentity) { self.file = file }

  /// Line ends before the byte at `place`.
  ///
  /// - Complexity: O(bytes since the last place before it that was asked for).
  func linesBefore(_ place: Int, context: any TaskContext) throws -> Int {
    guard place > 0 else { return 0 }
    var (offset, lines) = counted.withLock { counted in counted.last { $0.offset <= place } ?? (0, 0) }
    let source = FileRangeSource(try InputFile(file), offset..<place)
    var buffer = SourceBuffer()
    while try buffer.refill(from: source) {
      try context.checkCancellation()
      lines += buffer.bytes.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) }
      buffer.use(buffer.unread.count)
    }
    offset = place
    counted.withLock { counted in
      let next = counted.firstIndex { $0.offset >= offset } ?? counted.count
      if next == counted.count || counted[next].offset > offset { counted.insert((offset, lines), at: next) }
    }
    return lines
  }
}
