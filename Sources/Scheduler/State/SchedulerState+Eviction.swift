import Graph

/// The books of what can leave memory.
struct Eviction {
  /// Results that came into memory, some of which have left it since.
  fileprivate var residents: [TaskID] = []
  /// The best last: made when room is needed, used until it is stale.
  fileprivate var candidates: [Candidate] = []
  fileprivate var usedCandidates = 0
  fileprivate var newResidents = 0
  /// Whether memory has been short: then some results are written before there is need.
  fileprivate var hasBeenShort = false

  /// A result that could leave memory. Small ones come after all others: a disk block for each frees next to nothing.
  fileprivate struct Candidate: Comparable {
    let isLarge: Bool
    let nextUse: Int32
    let task: TaskID

    static let leastLarge = 4096

    static func < (a: Candidate, b: Candidate) -> Bool {
      if a.isLarge != b.isLarge { return b.isLarge }
      return (a.nextUse, a.task) < (b.nextUse, b.task)
    }
  }

  var unspillable: Set<TaskID> = []
  /// In memory and on their way to disk.
  var spillingBytes = 0
  /// In memory and on disk.
  var cleanBytes = 0

  /// What could not be spilled is tried again.
  mutating func letSpillAgain() {
    guard !unspillable.isEmpty else { return }
    newResidents += unspillable.count
    unspillable.removeAll()
  }

  mutating func add(_ task: TaskID) {
    residents.append(task)
    newResidents += 1
  }
}

extension SchedulerState {
  /// Evicts and spills results for a unit that does not fit.
  ///
  /// What is on disk already goes first: writing costs more than reading again. Then the furthest next use decides; of
  /// what it chose, the largest that turn out not to be needed stay.
  /// - Returns: whether memory became free at once, so that the unit is worth another try.
  mutating func makeRoom(for task: TaskID, _ needed: Int) -> Bool {
    let isSource = inputs[task].isEmpty
    var short = needed - budget.available - eviction.spillingBytes
    guard short > 0, !isSource || running == 0 else { return false }
    eviction.hasBeenShort = true
    var freed = false
    // Pinned for the search: what the unit itself reads is no candidate.
    for input in inputs[task] { pins[Int(input)] += 1 }
    defer { for input in inputs[task] { pins[Int(input)] -= 1 } }
    while short > 0, eviction.cleanBytes > 0, let victim = nextVictim(.clean) {
      evict(victim)
      short -= bytes[Int(victim)]
      freed = true
    }
    var chosen: [TaskID] = []
    while short > 0, let victim = nextVictim(.dirty) {
      pins[Int(victim)] += 1  // lest it is chosen twice
      chosen.append(victim)
      short -= bytes[Int(victim)]
    }
    for victim in chosen.sorted(by: { bytes[Int($0)] > bytes[Int($1)] }) {
      pins[Int(victim)] -= 1
      if bytes[Int(victim)] <= -short {
        short += bytes[Int(victim)]
        listFirst(victim)
      } else {
        startSpilling(victim)
      }
    }
    return freed
  }

  private mutating func evict(_ task: TaskID) {
    residence[Int(task)] = .disk
    eviction.cleanBytes -= bytes[Int(task)]
    budget.release(bytes[Int(task)])
    effects.evicted.append(task)
  }

  /// Once memory has been short, keeps a little of it free or on disk already, so that the next unit need not wait for
  /// the disk. Writes nothing larger than what is missing.
  mutating func spillAhead() {
    guard eviction.hasBeenShort else { return }
    let margin = budget.capacity / 32
    var passed: [TaskID] = []
    while passed.count < 8 {
      let missing = margin - budget.available - eviction.cleanBytes - eviction.spillingBytes
      guard missing > 0, let victim = nextVictim(.dirty) else { break }
      if bytes[Int(victim)] <= missing {
        startSpilling(victim)
      } else {
        pins[Int(victim)] += 1
        passed.append(victim)
      }
    }
    for task in passed.reversed() {
      pins[Int(task)] -= 1
      listFirst(task)
    }
  }

  mutating func startSpilling(_ task: TaskID) {
    residence[Int(task)] = .spilling
    eviction.spillingBytes += bytes[Int(task)]
    effects.toSpill.append(task)
  }

  /// Makes a result that is on disk now the first to leave memory: it was chosen for that.
  mutating func listFirst(_ task: TaskID) { eviction.candidates.append(candidate(task)) }

  private func candidate(_ task: TaskID) -> Eviction.Candidate {
    Eviction.Candidate(
      isLarge: bytes[Int(task)] >= Eviction.Candidate.leastLarge, nextUse: nextUse(of: task), task: task)
  }

  private enum VictimKind {
    /// On disk already.
    case clean
    case dirty
  }

  /// The result whose next use is furthest among those that can leave memory.
  private mutating func nextVictim(_ kind: VictimKind) -> TaskID? {
    // A list that is a quarter used or a quarter out of date is made anew: sorting then costs little for each victim.
    let tolerance = max(eviction.candidates.count / 4, 16)
    if eviction.candidates.isEmpty || eviction.usedCandidates > tolerance || eviction.newResidents > tolerance {
      listCandidates()
    }
    for attempt in 0..<2 {
      var passed: [Eviction.Candidate] = []
      defer { eviction.candidates += passed.reversed() }  // in their places again
      while let candidate = eviction.candidates.popLast() {
        let task = candidate.task
        // What costs nothing would free nothing.
        guard isInMemory(task), bytes[Int(task)] > 0, residence[Int(task)] != .spilling,
          !eviction.unspillable.contains(task)
        else {
          continue
        }
        if pins[Int(task)] > 0 || (residence[Int(task)] == .both) != (kind == .clean) {
          passed.append(candidate)
          continue
        }
        eviction.usedCandidates += 1
        return task
      }
      // Perhaps something has come since.
      guard attempt == 0, eviction.newResidents > 0 else { return nil }
      passed = []  // they are among the new ones
      listCandidates()
    }
    return nil
  }

  private func isInMemory(_ task: TaskID) -> Bool {
    switch residence[Int(task)] {
    case .memory, .spilling, .both: true
    case .nowhere, .disk: false
    }
  }

  private mutating func listCandidates() {
    var seen = Set<TaskID>(minimumCapacity: eviction.residents.count)
    let residents = eviction.residents.filter { isInMemory($0) && seen.insert($0).inserted }
    eviction.residents = residents
    eviction.candidates = residents.map { candidate($0) }
    eviction.candidates.sort()
    eviction.usedCandidates = 0
    eviction.newResidents = 0
  }

  /// The rank of the next unit that uses a result.
  private func nextUse(of task: TaskID) -> Int32 {
    var next = Int32.max
    for consumer in consumers[task]
    where status[Int(consumer)] == .waiting || status[Int(consumer)] == .ready || status[Int(consumer)] == .delayed {
      next = min(next, rank[Int(consumer)])
    }
    return next
  }
}
