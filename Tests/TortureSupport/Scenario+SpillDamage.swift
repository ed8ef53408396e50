import Foundation

/// Where a value's bytes lie in a spill file.
struct SpilledPlace {
  var task: String
  var file: String
  var offset: Int
  var bytes: Int
}

/// Ways to spoil spilled values.
enum Damage {
  /// Finds values by their content, so that no spill format needs to be known: the first words of a debug value follow
  /// from its identity.
  static func find(_ values: [(task: String, result: DebugGraph.Result)], in folder: String) -> [SpilledPlace] {
    var places: [SpilledPlace] = []
    for name in Files.names(in: folder) {
      let path = folder + "/" + name
      guard let content = FileManager.default.contents(atPath: path) else { continue }
      for (task, result) in values where result.bytes >= 64 {
        let begin = (0..<3).reduce(into: Data()) { data, index in
          withUnsafeBytes(of: splitMix64(result.identity &+ UInt64(index)).littleEndian) { data.append(contentsOf: $0) }
        }
        guard let range = content.range(of: begin), range.lowerBound + result.bytes <= content.count else { continue }
        places.append(SpilledPlace(task: task, file: path, offset: range.lowerBound, bytes: result.bytes))
      }
    }
    return places
  }

  /// One bit in each of at most three values.
  static func flipBit(in places: [SpilledPlace], random: inout TortureRandom) throws -> [SpilledPlace] {
    let chosen = Array(places.shuffled(using: &random).prefix(3))
    for place in chosen {
      let file = open(place.file, O_RDWR)
      guard file >= 0 else { throw ChildProcess.Failure(description: "\(place.file) cannot be opened") }
      defer { close(file) }
      let offset = off_t(place.offset + Int.random(in: 0..<place.bytes, using: &random))
      var byte: UInt8 = 0
      guard pread(file, &byte, 1, offset) == 1 else {
        throw ChildProcess.Failure(description: "\(place.file): no byte")
      }
      byte ^= 1 << UInt8.random(in: 0..<8, using: &random)
      guard pwrite(file, &byte, 1, offset) == 1 else {
        throw ChildProcess.Failure(description: "\(place.file): not written")
      }
    }
    return chosen
  }

  /// Cuts the file of the first value in the value's middle; all that lies behind is lost too.
  static func cut(_ places: [SpilledPlace]) throws -> [SpilledPlace] {
    guard let first = places.min(by: { ($0.file, $0.offset) < ($1.file, $1.offset) }) else { return [] }
    let end = first.offset + first.bytes / 2
    guard truncate(first.file, off_t(end)) == 0 else {
      throw ChildProcess.Failure(description: "\(first.file) cannot be cut")
    }
    return places.filter { $0.file == first.file && $0.offset + $0.bytes > end }
  }
}

extension Scenario {
  /// Kills a run that has spilled, spoils what it spilled, and resumes it.
  ///
  /// While the nap goes on, the whole bag waits to be mixed with it, and nearly all of it lies on disk, on record:
  ///
  ///     bag ──┬──────────────→ mixed → sum
  ///           └→ mean → nap ──↗
  static func spillDamage(
    _ bench: Bench, _ random: inout TortureRandom,
    _ damage: ([SpilledPlace], inout TortureRandom) throws -> [SpilledPlace]
  ) throws -> String {
    let graph = holdingGraph(&random, nap: 4)
    try bench.write(graph)
    let child = try bench.start(["run", bench.dagFile, "--memory", "40MB", "--workers", "1"])
    // The nap begins when the reduction is done; what was spilled until then is soon on record.
    var database: StateConnection?
    var quiet = 0
    var spilled = 0
    child.wait(until: 60) {
      usleep(20_000)
      if database == nil { database = try? StateConnection(bench.state + "/state.sqlite", isReadOnly: true) }
      let now = (try? database?.number("SELECT count(*) FROM v1_results WHERE store = 'spill'")).flatMap { $0 } ?? 0
      quiet = Int(now) > 0 && Int(now) == spilled ? quiet + 1 : 0
      spilled = Int(now)
      return quiet >= 30
    }
    database = nil
    guard bench.expect(!child.hasEnded, "it ended without a spilled value on record: this tests nothing") else {
      bench.report(.other, try bench.finish(child).said)
      return ""
    }
    child.kill()
    guard let before = try bench.look() else {
      bench.report(.lost, "there is no state file")
      return ""
    }
    let results = graph.results()
    let bag = zip(graph.keys(0, of: results[0]!), results[0]!.all).map { (task: $0, result: $1) }
    let onRecord = bag.filter { before.spilled.contains($0.task) }
    let places = Damage.find(onRecord, in: bench.state + "/spill")
    guard bench.expect(places.count > 3, "only \(places.count) of \(onRecord.count) spilled values are found") else {
      return ""
    }
    let spoiled = try damage(places, &random)
    let resumed = try bench.run("resume", bench.dagFile)
    bench.expect(resumed.isDone, "resume after the damage: \(resumed.said)", kind: .lost)
    let after = try bench.look()
    let tasks = Set(spoiled.map(\.task))
    let ranAgain = Set((after?.attempts ?? []).filter { $0.run > before.lastRun && $0.outcome == "done" }.map(\.task))
    let missed = tasks.subtracting(ranAgain).sorted()
    bench.expect(missed.isEmpty, "damaged, and not computed again: \(missed.joined(separator: ", "))", kind: .wrong)
    let whole = Set(places.map(\.task)).subtracting(tasks)
    let needless = whole.intersection(ranAgain).sorted()
    bench.expect(
      needless.isEmpty, "not damaged, and computed again: \(needless.prefix(5).joined(separator: ", "))",
      kind: .computedAgain)
    let events = (after?.events ?? []).filter { $0.run > before.lastRun && $0.kind.contains("damage") }
    bench.expect(!events.isEmpty, "no event tells of the damage; there are: \((after?.events ?? []).map(\.kind))")
    try bench.expectClean()
    try expectResults(of: graph, bench)
    return "\(tasks.count) of \(places.count) spilled values damaged, found and computed again"
  }
}
