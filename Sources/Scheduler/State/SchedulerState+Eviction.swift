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

  /// Large results that are to be written when room is needed, by the last plan.
  fileprivate var planned: Set<TaskID> = []
  /// Seconds, as of the last measurement.
  var now = 0.0
  /// Which unit waits for others that run, how long it may, and whether nothing at all is written meanwhile.
  fileprivate var wait = (task: TaskID(-1), until: 0.0, isWhole: false)

  /// How long a unit waits rather than have so many bytes written: as long as a slow disk, or one that others use, takes
  /// to write and to read them, 125 MB/s. Who waits so long and then writes has lost as much again at most (the ski rental
  /// problem).
  fileprivate static func patience(_ bytes: Int) -> Double { 0.02 + Double(bytes) / 62.5e6 }

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
  /// What is on disk already goes first: writing costs more than reading again. For the rest results are written, but
  /// what units that run will give back is waited for, if it does not take longer than writing would.
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
    guard short > 0 else { return freed }
    var victims = chooseVictims(for: task, short)
    // Of large ones the best may be what is being made, or read, just now: then nothing is written meanwhile.
    let isLarge = victims.contains { bytes[Int($0)] >= leastPlanned }
    if running > 0, waits(task, bytes: victims.reduce(0) { $0 + bytes[Int($1)] }, isWhole: isLarge) {
      for victim in victims.reversed() { listFirst(victim) }
      short -= toBeGivenBack()
      victims = eviction.wait.isWhole || short <= 0 ? [] : chooseVictims(for: task, short)
    }
    for victim in victims { startSpilling(victim) }
    return freed
  }

  /// Whether a unit that fits lets those before it in the order go first: they wait for units that run, and would find no
  /// room.
  mutating func holdsBack(_ task: TaskID, _ needed: Int) -> Bool {
    guard eviction.hasBeenShort, running > 0, needed >= leastPlanned else { return false }
    var first: TaskID?
    for head in runningHeads {
      for consumer in consumers[fused.last(of: head)]
      where status[Int(consumer)] == .waiting && rank[Int(consumer)] < rank[Int(first ?? task)] {
        first = consumer
      }
    }
    guard let first else { return false }
    let reserve = estimate(ofUnit: first, inputs[first].map { bytes[Int($0)] }).own
    guard needed + reserve > budget.available + toBeGivenBack() else { return false }
    return waits(task, bytes: needed, isWhole: true)
  }

  /// Whether a unit still waits for units that run, rather than have so many bytes written.
  private mutating func waits(_ task: TaskID, bytes: Int, isWhole: Bool) -> Bool {
    if eviction.wait.task != task { eviction.wait = (task, eviction.now + Eviction.patience(bytes), isWhole) }
    return eviction.now < eviction.wait.until
  }

  /// Results to write: those whose next use is furthest; of these, the largest that turn out not to be needed stay. Where
  /// large ones are among them, what a look at the coming units says to write takes their place.
  private mutating func chooseVictims(for task: TaskID, _ bytesShort: Int) -> [TaskID] {
    var short = bytesShort
    var chosen: [TaskID] = []
    while short > 0, let victim = nextVictim(.dirty) {
      pins[Int(victim)] += 1  // lest it is chosen twice
      chosen.append(victim)
      short -= bytes[Int(victim)]
    }
    for victim in chosen { pins[Int(victim)] -= 1 }
    let victims = withoutNeedless(chosen, -short)
    let isPlanned = victims.contains { bytes[Int($0)] >= leastPlanned }
    for victim in chosen.reversed() where isPlanned || !victims.contains(victim) { listFirst(victim) }
    return isPlanned ? choosePlannedVictims(for: task, bytesShort) : victims
  }

  private mutating func choosePlannedVictims(for task: TaskID, _ bytesShort: Int) -> [TaskID] {
    let candidates = dirtyResidents().filter { pins[Int($0)] == 0 && bytes[Int($0)] > 0 }
    func plannedBytes() -> Int {
      candidates.reduce(0) { $0 + (eviction.planned.contains($1) ? bytes[Int($1)] : 0) }
    }
    if plannedBytes() < bytesShort { eviction.planned = planSpills(for: task) }
    // The planned ones, then small ones, both the furthest next use first; if all that is not enough, the smallest.
    let ranked = candidates.map { task in
      let size = bytes[Int(task)]
      let isPlanned = eviction.planned.contains(task)
      let kind = isPlanned ? 0 : size < leastPlanned ? 1 : 2
      return (task: task, kind: kind, key: kind == 2 ? size : -Int(nextUse(of: task)))
    }
    var short = bytesShort
    var chosen: [TaskID] = []
    for candidate in ranked.sorted(by: { ($0.kind, $0.key, $0.task) < ($1.kind, $1.key, $1.task) }) where short > 0 {
      chosen.append(candidate.task)
      short -= bytes[Int(candidate.task)]
    }
    return withoutNeedless(chosen, -short)
  }

  /// Leaves out what is not needed, the largest first.
  private func withoutNeedless(_ chosen: [TaskID], _ bytesTooMany: Int) -> [TaskID] {
    var tooMany = bytesTooMany
    guard tooMany > 0 else { return chosen }
    let needless = chosen.sorted { bytes[Int($0)] > bytes[Int($1)] }.filter { task in
      guard bytes[Int(task)] <= tooMany else { return false }
      tooMany -= bytes[Int(task)]
      return true
    }
    return needless.isEmpty ? chosen : chosen.filter { !needless.contains($0) }
  }

  /// Results that lie in memory only and can be written.
  func dirtyResidents() -> [TaskID] {
    var seen = Set<TaskID>()
    return eviction.residents.filter {
      residence[Int($0)] == .memory && !eviction.unspillable.contains($0) && seen.insert($0).inserted
    }
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
      if bytes[Int(victim)] <= missing, bytes[Int(victim)] < leastPlanned || eviction.planned.contains(victim) {
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
