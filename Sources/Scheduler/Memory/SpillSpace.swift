// Which blocks of the spill files are taken: a book without files, locks or clocks.
//
// Every file is a line of 4 KiB blocks, each of them taken or in a hole. Values that are not small have blocks of
// their own; small ones lie one behind another and may share the blocks at their ends, so only blocks with more
// than one user are counted (`users`). A hole is either retained, which means that the disk still holds old bytes
// there, or not: never written or given back. Retained holes are used first: writing to them costs no new space, and
// on the disk this was measured on it is up to 1.7 times as fast. Holes of one kind that touch are one.
//
// Space comes from the first hole that is long enough, lowest file first, so that the last files run empty. A run
// of small values is content with less than it asks for: else old holes would never be used again.

struct SpillSpace {
  /// Blocks one behind another in one file.
  struct Run: Hashable {
    let file: Int
    let blocks: Range<Int>
    var count: Int { blocks.count }
  }

  struct Hole: Hashable {
    var start: Int
    var count: Int
    var isRetained: Bool
    var end: Int { start + count }
  }

  struct File {
    let number: Int
    let capacity: Int
    /// In order, none touching another of its kind.
    var holes: [Hole]
    /// Blocks with more than one user, and how many.
    var users: [Int32: Int32] = [:]
    /// Taken by values, or being written.
    var taken = 0
    /// On their way back to the file system: neither taken nor in a hole.
    var returning = 0
    var retained: Int
    /// No hole is longer; kept loosely, so that files without room are passed over at once.
    var longest: Int
    /// Not while extents of a dead run are still being adopted: what is not yet adopted looks free.
    var isWritable: Bool
  }

  enum Refusal: Error, Equatable {
    /// No hole is long enough: a file must be added.
    case noFile
    /// It would take the files beyond the limit.
    case limit
  }

  /// Blocks of a file, unless one value needs more.
  let blocksPerFile: Int
  /// Blocks that the files may take on disk together.
  let limit: Int
  /// By number.
  var files: [File] = []
  /// Values of several blocks that were adopted for more than one task: how often beyond the first time.
  var extraUsers: [SpillExtent: Int] = [:]
  private(set) var taken = 0
  private(set) var retained = 0
  private(set) var returning = 0

  /// A run of small values takes a hole of this many blocks even if it asks for more.
  private static let partOfRun = 16

  init(fileBytes: Int, limitBytes: Int?) {
    blocksPerFile = max(1, fileBytes / SpillBlock.byteCount)
    limit = limitBytes.map { max(0, $0 / SpillBlock.byteCount) } ?? .max
  }

  /// Blocks on disk.
  var onDisk: Int { taken + retained + returning }

  func index(of file: Int) -> Int? {
    var low = 0
    var high = files.count
    while low < high {
      let middle = (low + high) / 2
      if files[middle].number < file { low = middle + 1 } else { high = middle }
    }
    return low < files.count && files[low].number == file ? low : nil
  }

  /// Adds an empty file with room for at least `blocks`. Numbers only grow.
  mutating func addFile(_ number: Int, room blocks: Int) {
    precondition(files.last.map { $0.number < number } ?? true, "spill files are added in order")
    let capacity = max(blocksPerFile, blocks)
    files.append(
      File(
        number: number, capacity: capacity, holes: [Hole(start: 0, count: capacity, isRetained: false)], retained: 0,
        longest: capacity, isWritable: true))
  }

  // MARK: Taking space

  /// Takes `wanted` blocks one behind another, or at least `least` of them where a hole offers those.
  /// - Complexity: O(holes) in files that may have room.
  mutating func take(_ wanted: Int, atLeast least: Int) throws(Refusal) -> Run {
    let enough = min(wanted, max(least, SpillSpace.partOfRun))
    var part: (file: Int, hole: Int)?
    var fresh: (file: Int, hole: Int)?
    for file in files.indices where files[file].isWritable && files[file].longest >= enough {
      var longest = 0
      for (index, hole) in files[file].holes.enumerated() {
        longest = max(longest, hole.count)
        if hole.isRetained {
          if hole.count >= wanted { return take(file, index, wanted) }
          if hole.count >= enough, part == nil { part = (file, index) }
        } else if hole.count >= wanted, fresh == nil {
          fresh = (file, index)
        }
      }
      files[file].longest = longest
    }
    if let part { return take(part.file, part.hole, files[part.file].holes[part.hole].count) }
    guard wanted <= limit - min(limit, onDisk) else { throw .limit }
    guard let fresh else { throw .noFile }
    return take(fresh.file, fresh.hole, wanted)
  }

  private mutating func take(_ file: Int, _ hole: Int, _ count: Int) -> Run {
    let start = files[file].holes[hole].start
    carve(file, hole, start..<start + count)
    return Run(file: files[file].number, blocks: start..<start + count)
  }

  /// Takes `blocks`, which lie within the hole.
  mutating func carve(_ file: Int, _ index: Int, _ blocks: Range<Int>) {
    let hole = files[file].holes[index]
    var rest: [Hole] = []
    if hole.start < blocks.lowerBound {
      rest.append(Hole(start: hole.start, count: blocks.lowerBound - hole.start, isRetained: hole.isRetained))
    }
    if blocks.upperBound < hole.end {
      rest.append(Hole(start: blocks.upperBound, count: hole.end - blocks.upperBound, isRetained: hole.isRetained))
    }
    files[file].holes.replaceSubrange(index...index, with: rest)
    if hole.isRetained { addRetained(-blocks.count, file) }
    files[file].taken += blocks.count
    taken += blocks.count
  }

  /// Notes which values were written to a run, in the order they lie in, and frees the blocks that none reached.
  mutating func settle(_ run: Run, _ extents: [SpillExtent]) {
    guard let file = index(of: run.file) else { return }
    var reached = run.blocks.lowerBound
    for extent in extents {
      let blocks = extent.blocks
      if blocks.lowerBound < reached { addUser(file, blocks.lowerBound) }
      reached = blocks.upperBound
    }
    if reached < run.blocks.upperBound { release(Run(file: run.file, blocks: reached..<run.blocks.upperBound)) }
  }

  // MARK: Freeing

  /// One user of the extent less; its blocks become a hole when it was the last of each.
  mutating func free(_ extent: SpillExtent) {
    guard let file = index(of: extent.file) else { return }
    if let extra = extraUsers[extent] {
      extraUsers[extent] = extra > 1 ? extra - 1 : nil
      return
    }
    let blocks = extent.blocks
    var alone = blocks
    if isSharedLosingOne(file, blocks.lowerBound) { alone = alone.dropFirst() }
    if blocks.count > 1, isSharedLosingOne(file, blocks.upperBound - 1) { alone = alone.dropLast() }
    if !alone.isEmpty { release(Run(file: extent.file, blocks: alone)) }
  }

  private mutating func isSharedLosingOne(_ file: Int, _ block: Int) -> Bool {
    guard let count = files[file].users[Int32(block)] else { return false }
    files[file].users[Int32(block)] = count > 2 ? count - 1 : nil
    return true
  }

  mutating func addUser(_ file: Int, _ block: Int) { files[file].users[Int32(block), default: 1] += 1 }

  private mutating func release(_ run: Run) {
    guard let file = index(of: run.file) else { return }
    files[file].taken -= run.count
    taken -= run.count
    precondition(files[file].taken >= 0, "an extent was freed twice")
    insert(Hole(start: run.blocks.lowerBound, count: run.count, isRetained: true), file)
  }

  mutating func addRetained(_ count: Int, _ file: Int) {
    files[file].retained += count
    retained += count
  }

  private mutating func insert(_ new: Hole, _ file: Int) {
    if new.isRetained { addRetained(new.count, file) }
    var hole = new
    var index = firstHole(file, endingAfter: hole.start)
    var replaced = index..<index
    if index > 0, files[file].holes[index - 1].end == hole.start,
      files[file].holes[index - 1].isRetained == hole.isRetained
    {
      hole.start = files[file].holes[index - 1].start
      hole.count += files[file].holes[index - 1].count
      replaced = index - 1..<index
    }
    if index < files[file].holes.count {
      precondition(files[file].holes[index].start >= new.end, "an extent was freed twice")
      if files[file].holes[index].start == new.end, files[file].holes[index].isRetained == hole.isRetained {
        hole.count += files[file].holes[index].count
        index += 1
        replaced = replaced.lowerBound..<index
      }
    }
    files[file].holes.replaceSubrange(replaced, with: CollectionOfOne(hole))
    files[file].longest = max(files[file].longest, hole.count)
  }

  /// The first hole that does not end at or before `block`.
  func firstHole(_ file: Int, endingAfter block: Int) -> Int {
    let holes = files[file].holes
    var low = 0
    var high = holes.count
    while low < high {
      let middle = (low + high) / 2
      if holes[middle].end <= block { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: Giving back

  /// Files without a value, longest hole first of the others, until no more than `most` blocks are retained.
  ///
  /// What it names is in nobody's hand until `didGiveBack`; the files it names are out of the book.
  mutating func giveBack(keeping most: Int) -> (files: [Int], runs: [Run]) {
    var dropped: [Int] = []
    for index in files.indices.reversed() where files.count > 1 {
      let file = files[index]
      guard retained > most || file.retained == 0, file.isWritable, file.taken == 0, file.returning == 0 else {
        continue
      }
      retained -= file.retained
      dropped.append(file.number)
      files.remove(at: index)
    }
    guard retained > most else { return (dropped, []) }
    var holes: [(file: Int, hole: Hole)] = []
    for index in files.indices where files[index].isWritable {
      holes += files[index].holes.lazy.filter(\.isRetained).map { (index, $0) }
    }
    holes.sort { $0.hole.count > $1.hole.count }
    var runs: [Run] = []
    for (file, hole) in holes {
      guard retained > most else { break }
      files[file].holes.remove(at: firstHole(file, endingAfter: hole.start))
      addRetained(-hole.count, file)
      files[file].returning += hole.count
      returning += hole.count
      runs.append(Run(file: files[file].number, blocks: hole.start..<hole.end))
    }
    return (dropped, runs)
  }

  /// - Parameter isGone: whether the file system took the blocks; if not, they stay on disk, to be used again.
  mutating func didGiveBack(_ run: Run, isGone: Bool) {
    guard let file = index(of: run.file) else { return }
    files[file].returning -= run.count
    returning -= run.count
    insert(Hole(start: run.blocks.lowerBound, count: run.count, isRetained: !isGone), file)
  }

  mutating func removeAll() {
    self = SpillSpace(copyingSettingsOf: self)
  }

  private init(copyingSettingsOf other: SpillSpace) {
    blocksPerFile = other.blocksPerFile
    limit = other.limit
  }
}
