// Taking over what a dead run left.

extension SpillSpace {
  /// Adds a file of a dead run. Nothing is written to it before `endAdoption()`.
  mutating func addDeadFile(_ number: Int, blocksOnDisk: Int) {
    let capacity = max(blocksPerFile, blocksOnDisk)
    var holes: [Hole] = []
    if blocksOnDisk > 0 { holes.append(Hole(start: 0, count: blocksOnDisk, isRetained: true)) }
    if blocksOnDisk < capacity {
      holes.append(Hole(start: blocksOnDisk, count: capacity - blocksOnDisk, isRetained: false))
    }
    let place = files.firstIndex { $0.number > number } ?? files.count
    files.insert(
      File(number: number, capacity: capacity, holes: holes, retained: 0, longest: capacity, isWritable: false),
      at: place)
    addRetained(blocksOnDisk, place)
  }

  /// Takes the blocks of an extent that a dead run wrote.
  ///
  /// A block at its end may belong to its neighbour, too. If it has blocks between its ends and those are taken, the
  /// extent was adopted before, for another task with the same result.
  /// - Returns: false if it cannot have been written beside what is taken already.
  mutating func adopt(_ extent: SpillExtent) -> Bool {
    guard let file = index(of: extent.file), !files[file].isWritable, extent.blocks.upperBound <= files[file].capacity
    else { return false }
    let blocks = extent.blocks
    let inner = blocks.dropFirst().dropLast()
    if !inner.isEmpty {
      let hole = firstHole(file, endingAfter: inner.lowerBound)
      let isFree = hole < files[file].holes.count && files[file].holes[hole].start <= inner.lowerBound
      if !isFree {
        let isTaken = hole == files[file].holes.count || files[file].holes[hole].start >= blocks.upperBound
        guard isTaken, !isInHole(file, blocks.lowerBound) else { return false }
        extraUsers[extent, default: 0] += 1
        return true
      }
      guard files[file].holes[hole].end >= inner.upperBound else { return false }
      carve(file, hole, inner)
    }
    for block in Set([blocks.lowerBound, blocks.upperBound - 1]) {
      if isInHole(file, block) {
        carve(file, firstHole(file, endingAfter: block), block..<block + 1)
      } else {
        addUser(file, block)
      }
    }
    return true
  }

  private func isInHole(_ file: Int, _ block: Int) -> Bool {
    let hole = firstHole(file, endingAfter: block)
    return hole < files[file].holes.count && files[file].holes[hole].start <= block
  }

  mutating func endAdoption() {
    for index in files.indices { files[index].isWritable = true }
  }
}
