/// One piece of a bag: what one task of a per-partition stage works on.
public struct Partition: Hashable, Sendable {
  /// Position in the bag, from 0.
  public let index: Int
  /// What people call it, as a rule the file's name.
  public let label: String
  /// The file it was read from, if it was.
  public let file: FileIdentity?
  /// Which block of the file it is; `nil` for all of it.
  public let block: FileBlock?

  public init(index: Int, label: String, file: FileIdentity? = nil, block: FileBlock? = nil) {
    self.index = index
    self.label = label
    self.file = file
    self.block = block
  }
}

/// Which of the blocks that a file is cut into.
public struct FileBlock: Hashable, Sendable {
  /// From 0.
  public let number: Int
  /// How many the file has.
  public let count: Int

  public init(number: Int, of count: Int) {
    self.number = number
    self.count = count
  }
}

/// The partitions of a bag, in order.
///
/// Those that come from nowhere but their number are made when asked for: a million of them take no memory.
public struct Partitions: RandomAccessCollection, Sendable {
  private enum Storage: Sendable {
    case listed([Partition])
    case numbered(Int)
  }

  private let storage: Storage

  public init(_ partitions: [Partition]) { storage = .listed(partitions) }

  /// `count` partitions labelled by their numbers.
  public static func numbered(_ count: Int) -> Partitions { Partitions(storage: .numbered(count)) }

  private init(storage: Storage) { self.storage = storage }

  public var startIndex: Int { 0 }

  public var endIndex: Int {
    switch storage {
    case .listed(let partitions): partitions.count
    case .numbered(let count): count
    }
  }

  public subscript(index: Int) -> Partition {
    switch storage {
    case .listed(let partitions): partitions[index]
    case .numbered: Partition(index: index, label: "\(index)")
    }
  }

  /// The first `count` of them, or all if they are fewer.
  func first(_ count: Int) -> Partitions {
    switch storage {
    case .listed(let partitions): Partitions(Array(partitions.prefix(count)))
    case .numbered(let all): .numbered(Swift.min(count, all))
    }
  }

  /// The partitions of several bags behind one another, with new numbers and the labels they have.
  static func joined(_ bags: [Partitions]) -> Partitions {
    let count = bags.reduce(0) { $0 + $1.count }
    guard bags.contains(where: \.mayHaveFiles) else { return .numbered(count) }
    var all: [Partition] = []
    all.reserveCapacity(count)
    for bag in bags {
      // What has no name beside its number has its new one.
      for partition in bag {
        all.append(
          Partition(
            index: all.count, label: bag.mayHaveFiles ? partition.label : "\(all.count)", file: partition.file))
      }
    }
    return Partitions(all)
  }

  /// Whether any of them may come from a file.
  var mayHaveFiles: Bool { if case .listed = storage { true } else { false } }
}

/// What tells one state of a file from another without reading it.
public struct FileIdentity: Hashable, Sendable {
  /// Absolute path.
  public let path: String
  public let byteCount: Int
  /// Modification time in nanoseconds since 1970.
  public let modified: Int64

  public init(path: String, byteCount: Int, modified: Int64) {
    self.path = path
    self.byteCount = byteCount
    self.modified = modified
  }

  /// The last component of the path.
  public var name: String { String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]) }
}
