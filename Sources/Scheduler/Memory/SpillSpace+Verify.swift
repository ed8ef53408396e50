extension SpillSpace {
  struct BlockID: Hashable {
    let file: Int
    let block: Int
  }

  /// What is wrong with the book, given the extents that are in use (one for each user); `nil` if nothing is.
  ///
  /// For tests, and while nothing is being written or given back.
  /// - Complexity: O(blocks in use + holes).
  func problem(whenInUse extents: [SpillExtent]) -> String? {
    var expected: [BlockID: Int] = [:]
    for extent in Set(extents) {
      guard let file = index(of: extent.file), extent.blocks.upperBound <= files[file].capacity else {
        return "\(extent) lies outside the files"
      }
      for block in extent.blocks { expected[BlockID(file: extent.file, block: block), default: 0] += 1 }
    }
    var byPlace: [Int: [SpillExtent]] = [:]
    for extent in Set(extents) { byPlace[extent.file, default: []].append(extent) }
    for neighbours in byPlace.values.map({ $0.sorted { $0.offset < $1.offset } }) {
      for (a, b) in zip(neighbours, neighbours.dropFirst()) where a.end > b.offset { return "\(a) and \(b) overlap" }
    }
    for file in files {
      var last: Hole?
      for hole in file.holes {
        if hole.count <= 0 || hole.start < 0 || hole.end > file.capacity { return "\(hole) lies outside its file" }
        if let last, last.end > hole.start { return "\(last) and \(hole) overlap" }
        if let last, last.end == hole.start, last.isRetained == hole.isRetained { return "\(last), \(hole) are one" }
        if let block = (hole.start..<hole.end).first(where: { expected[BlockID(file: file.number, block: $0)] != nil })
        {
          return "block \(block) of file \(file.number) is used and free"
        }
        if hole.count > file.longest { return "\(hole) is longer than any" }
        last = hole
      }
      let free = file.holes.reduce(0) { $0 + $1.count }
      let used = expected.keys.count { $0.file == file.number }
      if file.taken != used { return "file \(file.number) counts \(file.taken) blocks as taken; \(used) are" }
      if file.taken + free + file.returning != file.capacity { return "file \(file.number) does not add up" }
      if file.retained != file.holes.lazy.filter(\.isRetained).reduce(0, { $0 + $1.count }) {
        return "file \(file.number) counts its retained blocks wrong"
      }
    }
    if taken != files.reduce(0, { $0 + $1.taken }) { return "taken blocks do not add up" }
    if retained != files.reduce(0, { $0 + $1.retained }) { return "retained blocks do not add up" }
    if returning != files.reduce(0, { $0 + $1.returning }) { return "returning blocks do not add up" }
    // A value of several blocks that was adopted again counts once in `users` and again in `extraUsers`.
    var shared: [BlockID: Int] = [:]
    var counts: [SpillExtent: Int] = [:]
    for extent in extents { counts[extent, default: 0] += 1 }
    for (extent, count) in counts {
      let times = count - (extraUsers[extent] ?? 0)
      for block in extent.blocks { shared[BlockID(file: extent.file, block: block), default: 0] += times }
    }
    shared = shared.filter { $0.value != 1 }
    var counted: [BlockID: Int] = [:]
    for file in files {
      for (block, count) in file.users { counted[BlockID(file: file.number, block: Int(block))] = Int(count) }
    }
    if shared != counted { return "blocks are shared by others than counted" }
    return nil
  }
}
