import Foundation
import Graph
import Scheduler
import Tasks

// Bags and files: what is written appears under its final name only when it is whole.

extension Bag {
  /// Writes every partition to a file of its own.
  ///
  /// - Parameters:
  ///   - paths: absolute, one for each partition.
  ///   - write: writes a partition's elements, and says how many there were.
  /// - Returns: the paths, when all are written.
  func written(
    label: String, identity: Node.Identity, paths: [String],
    _ write: @escaping @Sendable (BlockReader<Element>, any ByteSink, _ path: String) throws -> Int
  ) -> Delayed<[String]> {
    precondition(paths.count == partitionCount, "\(paths.count) paths for \(partitionCount) partitions")
    let bag = self
    let input = node
    let files = Node(
      label: label, layout: .bag(partitions), inputs: [Node.Input(node: input)], identity: identity, cost: .stage,
      valueTypes: [], typeName: "file", touchesFiles: true,
      dependencies: { partition, _ in [Node.Reference(node: input, partition: partition)] },
      partitionIdentity: { [.text(name: "path", value: paths[$0])] }, outputPath: { paths[$0] },
      memory: Node.memoryOfSummary,
      run: { role, scope in
        let next = try scope.blocks(of: bag, role.partition)
        return try scope.context.writeFile(at: paths[role.partition]) { sink in
          try write(
            {
              try scope.context.checkCancellation()
              return try next()
            }, sink, paths[role.partition])
        }
      })
    return Delayed<[String]>(
      label: label + "-paths", inputs: [files], identity: .parameters(""), memory: Node.memoryOfSummary,
      arePartsOfIt: true
    ) { scope in
      (0..<paths.count).map { (scope.result(of: files, $0) as! WrittenFile).path }
    }
  }

  /// Computes the bag once and keeps its partitions on disk: what is made from the result starts there.
  ///
  /// With a state folder the partitions of a bag with a name lie in it, and a later run of the program finds them. Others
  /// are gone with the last bag that was made from the result.
  ///
  /// - Throws: as `compute(_:options:)`.
  public func persist(_ options: ComputeOptions = ComputeOptions()) async throws -> Bag {
    let (paths, folder) = try await persistFiles(options)
    let identities = try paths.map { try ElementsFile.identity($0) }
    return Bag(
      label: "persisted", partitions: .numbered(paths.count), identity: .parameters(""), cost: .view,
      touchesFiles: true, partitionIdentity: { [.file(identities[$0])] }
    ) { partition, _ in
      // The folder lives as long as somebody may read from it.
      try withExtendedLifetime(folder) {
        guard try ElementsFile.identity(paths[partition]) == identities[partition] else {
          throw TaskError(
            .cannotRead, "it was written anew since it was persisted; give each persisted bag a name of its own",
            file: paths[partition])
        }
        return try ElementsFile.reader(paths[partition])
      }
    }
  }

  fileprivate func persistFiles(_ options: ComputeOptions) async throws -> (paths: [String], folder: PersistFolder) {
    let folder: PersistFolder
    if let state = options.state, let name = node.options.name {
      folder = PersistFolder(path: "\(Paths.absolute(state))/persisted/\(Paths.fileName(name))", isOwned: false)
    } else {
      folder = try PersistFolder(in: options.temporaryFolder)
    }
    let paths = (0..<partitionCount).map { "\(folder.path)/\($0).elements" }
    let files = written(label: "persist", identity: .parameters(""), paths: paths) { next, sink, _ in
      try ElementsFile.write(next, to: sink)
    }
    return (try await files.compute(options), folder)
  }

  /// The elements one after the other, in order, without ever holding more than a block of them.
  ///
  /// All are computed before the first is given, and wait on disk; in a state folder as those of `persist(_:)`.
  ///
  /// - Returns: a sequence whose first `next()` throws as `compute(_:options:)`.
  public func elements(_ options: ComputeOptions = ComputeOptions()) -> BagElements<Element> {
    BagElements(bag: self, options: options)
  }
}

/// A bag's elements as an asynchronous sequence; see `Bag.elements(_:)`.
public struct BagElements<Element: Codable & Sendable>: AsyncSequence, Sendable {
  let bag: Bag<Element>
  let options: ComputeOptions

  /// Starts from the first element; each iterator computes the bag anew, or takes over what the state folder has.
  public func makeAsyncIterator() -> Iterator { Iterator(bag: bag, options: options) }

  /// Gives the elements one by one.
  public struct Iterator: AsyncIteratorProtocol {
    private let bag: Bag<Element>
    private let options: ComputeOptions
    private var files: (paths: [String], folder: PersistFolder)?
    private var partition = 0
    private var read: BlockReader<Element>?
    private var block = ContiguousArray<Element>()
    private var position = 0

    init(bag: Bag<Element>, options: ComputeOptions) {
      self.bag = bag
      self.options = options
    }

    /// The next element; `nil` at the end.
    /// - Throws: at the first call as `compute(_:options:)`; later `TaskError` with code `.cannotRead` if the files are
    ///   damaged.
    public mutating func next() async throws -> Element? {
      if files == nil { files = try await bag.persistFiles(options) }
      while position == block.count {
        if let more = try read?() {
          block = more
          position = 0
          continue
        }
        guard partition < files!.paths.count else { return nil }
        read = try ElementsFile.reader(files!.paths[partition])
        partition += 1
      }
      defer { position += 1 }
      return block[position]
    }
  }
}

/// A folder for persisted partitions; removed with its last user, if it is nobody else's.
final class PersistFolder: Sendable {
  let path: String
  private let isOwned: Bool

  init(path: String, isOwned: Bool) {
    self.path = path
    self.isOwned = isOwned
  }

  convenience init(in parent: String) throws {
    self.init(path: try Paths.makeTemporaryFolder(in: parent), isOwned: true)
  }

  deinit { if isOwned { try? FileManager.default.removeItem(atPath: path) } }
}

enum Paths {
  static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }

  /// A name as one component of a path.
  static func fileName(_ name: String) -> String {
    let safe =
      name.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-_ "))) ?? ""
    return safe.isEmpty ? "_" : safe
  }

  /// - Throws: `SchedulerError` if none can be made there.
  static func makeTemporaryFolder(in parent: String) throws -> String {
    var template = Array((parent + "/graphrun-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw SchedulerError(
        .state,
        "no folder can be made in \(parent) (\(String(cString: strerror(errno)))); name another as "
          + "ComputeOptions.temporaryFolder")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// A partition's elements in a file: encoded blocks, each with its length (8 bytes) and XXH3-64 (8 bytes) before it.
enum ElementsFile {
  static func write<Element: Codable>(_ next: BlockReader<Element>, to sink: any ByteSink) throws -> Int {
    var count = 0
    while let block = try next() {
      guard !block.isEmpty else { continue }
      var builder = BufferBuilder()
      try ElementCodec.encode(block, to: &builder)
      try sink.write(value: builder.count)
      try sink.write(value: StableHash.of(builder.bytes))
      try sink.write(builder.bytes)
      count += block.count
    }
    return count
  }

  static func reader<Element: Codable>(_ path: String) throws -> BlockReader<Element> {
    let file = try ReadFile(path)
    let damaged = TaskError(
      .cannotRead, "the persisted elements are damaged; remove the file and compute again", file: path)
    return {
      guard let header = try file.read(16) else { return nil }
      let length = header.bytes.loadUnaligned(as: Int.self)
      guard length > 0, length < 1 << 40, let bytes = try file.read(length),
        StableHash.of(bytes.bytes) == header.bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      else { throw damaged }
      var reader = BinaryReader(bytes.bytes)
      return try ElementCodec.decode(Element.self, from: &reader)
    }
  }

  static func identity(_ path: String) throws -> FileIdentity {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw TaskError(.cannotRead, "it cannot be read", file: path, cause: String(cString: strerror(errno)))
    }
    return FileIdentity(
      path: path, byteCount: Int(status.st_size),
      modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
  }

  /// An open file, read from its beginning to its end.
  private final class ReadFile {
    private let path: String
    private let descriptor: Int32
    private var left: Int

    init(_ path: String) throws {
      self.path = path
      descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw TaskError(.cannotRead, "it cannot be read", file: path, cause: String(cString: strerror(errno)))
      }
      var status = stat()
      left = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    deinit { close(descriptor) }

    /// - Returns: `nil` at the end of the file.
    func read(_ count: Int) throws -> Buffer? {
      guard left > 0 else { return nil }
      guard count <= left, let base = malloc(Swift.max(count, 1)) else {
        throw TaskError(.cannotRead, "the file ends early", file: path)
      }
      let buffer = Buffer(adoptingHeap: base, count: count)
      var done = 0
      while done < count {
        let got = Foundation.read(descriptor, base + done, count - done)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { throw TaskError(.cannotRead, "the file ends early", file: path) }
        done += got
      }
      left -= count
      return buffer
    }
  }
}
