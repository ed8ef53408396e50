import Foundation
import Graph
import Synchronization

/// Keeps values on disk that do not fit into memory: few large files, direct access, everything checksummed.
///
/// `SpillSpace` decides where a value goes, `DirectFile` moves the bytes, and the store brings them together. One
/// thread writes at a time (others wait); reading, freeing and asking are open to any thread at any time. An extent
/// that is being read must not be freed meanwhile, which is for the caller to see to; if it is, the reader gets an
/// error and not another's value, for every extent names its value's fingerprint.
///
/// Nothing is synced: what was written survives a killed process, and after a power cut the checksums tell what did
/// not. Nothing is compressed: see docs/spilling.md.
///
/// Memory: one staging block of 1 MiB for writing, one of 76 KiB for each thread that reads small values.
final class SpillStore: Sendable {
  struct Item {
    let fingerprint: Fingerprint
    let value: any TaskValue
  }

  struct State {
    var space: SpillSpace
    var files: [Int: DirectFile] = [:]
    var nextFile: Int
    var bytesTotal = 0
  }

  let folder: String
  let limit: Int?
  let isDirect: Bool
  let state: Mutex<State>
  /// Held while writing.
  let staging: Mutex<AlignedBlock>
  /// Blocks for reading small values that no thread is using.
  let readBlocks = Mutex<[AlignedBlock]>([])

  /// Retained for reuse at least, before free space goes back to the file system: giving it back is slow (measured:
  /// 12–20 ms for 64 MiB on ext4 mounted with discard), and what comes back must be allocated again.
  private static let leastRetained = 256 << 20
  /// A block more than a mebibyte: a value of just that and its seal take one write.
  static let stagingBytes = (1 << 20) + SpillBlock.byteCount

  /// - Parameters:
  ///   - folder: where the files go; made when the first is.
  ///   - limit: bytes that all files together may take on disk; `nil` for no limit.
  ///   - fileBytes: size of a file, unless one value is larger.
  ///   - direct: past the page cache, where the file system can.
  init(folder: String, limit: Int?, fileBytes: Int = 1 << 30, direct: Bool = true) {
    self.folder = folder
    self.limit = limit
    isDirect = direct
    let space = SpillSpace(fileBytes: fileBytes, limitBytes: limit)
    // Files of dead runs keep their numbers: a number never names two files.
    state = Mutex(State(space: space, nextFile: (SpillStore.fileNumbers(in: folder).max() ?? -1) + 1))
    staging = Mutex(AlignedBlock(byteCount: SpillStore.stagingBytes))
  }

  func path(of file: Int) -> String { "\(folder)/\(SpillExtent.fileName(file))" }

  /// Bytes that values take now.
  var bytesNow: Int { state.withLock { $0.space.taken * SpillBlock.byteCount } }

  /// Bytes that the files take on disk: values, and space that is kept to be used again.
  var bytesOnDisk: Int { state.withLock { $0.space.onDisk * SpillBlock.byteCount } }

  /// Bytes written since the store was made.
  var bytesTotal: Int { state.withLock { $0.bytesTotal } }

  // MARK: Giving up space

  /// Frees one user's claim on an extent: no file is touched, so any thread may call it.
  func free(_ extent: SpillExtent) { state.withLock { $0.space.free(extent) } }

  /// Gives free space back to the file system if much has gathered: more than 256 MiB and half of what is in use.
  ///
  /// May take long; for the thread that spills, now and then. Costs nothing when there is little.
  func trim() {
    let most = state.withLock { max(SpillStore.leastRetained / SpillBlock.byteCount, $0.space.taken / 2) }
    giveBack(keeping: most * SpillBlock.byteCount)
  }

  /// - Returns: whether the disk has more room now.
  @discardableResult
  func giveBack(keeping bytes: Int) -> Bool {
    let (dropped, runs) = state.withLock { state in
      let (numbers, runs) = state.space.giveBack(keeping: bytes / SpillBlock.byteCount)
      return (numbers.compactMap { state.files.removeValue(forKey: $0) }, runs.map { ($0, state.files[$0.file]) })
    }
    for file in dropped { unlink(file.path) }
    var isMore = !dropped.isEmpty
    for (run, file) in runs {
      let isGone = file?.giveBack(run.bytes) ?? false
      isMore = isMore || isGone
      state.withLock { $0.space.didGiveBack(run, isGone: isGone) }
    }
    return isMore
  }

  /// The run is over: removes all files that this store wrote or adopted. Extents freed later are ignored.
  func removeAll() {
    let files = state.withLock { state in
      state.space.removeAll()
      defer { state.files = [:] }
      return Array(state.files.values)
    }
    for file in files { unlink(file.path) }
  }

  /// What is wrong with the book of free space; `nil` if nothing is. For tests.
  func problem(whenInUse extents: [SpillExtent]) -> String? {
    state.withLock { $0.space.problem(whenInUse: extents) }
  }
}

extension SpillSpace.Run {
  var bytes: Range<Int> { blocks.lowerBound * SpillBlock.byteCount..<blocks.upperBound * SpillBlock.byteCount }
}
