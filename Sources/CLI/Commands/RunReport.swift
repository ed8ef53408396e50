import Foundation
import Graph
import GraphFile
import Scheduler

/// What stands below a run when it has ended.
struct RunReport {
  let lines: [String]

  init(_ summary: RunSummary, pipeline: Pipeline, resume: String, stateFolder: StateFolder) {
    switch summary.outcome {
    case .upToDate:
      lines = [
        "\(pipeline.name) is up to date: nothing to do (\(Format.counted(pipeline.graph.taskCount, "task")))"
      ]
    case .done: lines = RunReport.done(summary, pipeline)
    case .failed: lines = RunReport.failed(summary, resume, stateFolder)
    case .interrupted:
      lines = [
        "interrupted after \(Format.duration(summary.last.elapsedSeconds)): "
          + "\(Format.count(summary.last.done)) of \(Format.count(summary.last.planned)) tasks done",
        "go on with: \(resume)",
      ]
    }
  }

  private static func done(_ summary: RunSummary, _ pipeline: Pipeline) -> [String] {
    let last = summary.last
    let reused = last.reused > 0 ? ", \(Format.counted(last.reused, "result")) reused" : ""
    let spilled = last.spilledTotal > 0 ? ", spilled \(ByteCount(last.spilledTotal))" : ""
    var lines = [
      "done in \(Format.duration(last.elapsedSeconds)): \(Format.counted(last.done, "task"))\(reused), "
        + "peak memory \(ByteCount(summary.peakResident)) of \(ByteCount(last.memoryLimit))\(spilled)"
    ]
    if last.retried > 0 {
      lines.append(
        "\(Format.counted(last.retried, "attempt")) failed and \(last.retried == 1 ? "was" : "were") tried again")
    }
    let folders = Dictionary(grouping: summary.written) { file in
      String(file.path[..<(file.path.lastIndex(of: "/") ?? file.path.startIndex)])
    }
    for (folder, files) in folders.sorted(by: { $0.key < $1.key }) {
      let bytes = ByteCount(files.reduce(0) { $0 + $1.fileByteCount })
      let counted = files.compactMap(\.records)
      let records = counted.isEmpty ? "" : "\(Format.counted(counted.reduce(0, +), "record")), "
      lines.append(
        "wrote \(Format.counted(files.count, "file")), \(records)"
          + "\(bytes) to \(Paths.shown(folder))/")
    }
    if !summary.rejects.isEmpty {
      let records = summary.rejects.reduce(0) { $0 + $1.records }
      let first = Paths.shown(summary.rejects[0].path)
      let rest = summary.rejects.count > 1 ? " and \(Format.count(summary.rejects.count - 1)) more" : ""
      lines.append("set aside \(Format.counted(records, "record")): \(first)\(rest)")
    }
    let values = pipeline.graph.stages.filter { !$0.isBag && pipeline.graph.isKept($0) }
    for stage in values.prefix(shownValues) {
      lines.append(
        "value \(stage.name): " + HostProgram.line("result", stage.name, "--file", Paths.shown(pipeline.path)))
    }
    if values.count > shownValues { lines.append("… and \(Format.counted(values.count - shownValues, "value")) more") }
    return lines
  }

  private static let shownFailures = 5
  private static let shownValues = 10

  private static func failed(_ summary: RunSummary, _ resume: String, _ stateFolder: StateFolder) -> [String] {
    let last = summary.last
    var lines: [String] = []
    for failure in summary.failures.prefix(shownFailures) {
      lines.append("failed: \(failure.key) (\(failure.op))")
      if let file = failure.error.file ?? failure.label { lines.append("  file    \(Paths.shown(file))") }
      if let record = failure.error.record { lines.append("  record  \(record)") }
      lines.append("  cause   \(failure.error.message)" + (failure.error.cause.map { " (\($0))" } ?? ""))
      if !failure.skipped.isEmpty {
        let names = failure.skipped.prefix(4).map(\.description).joined(separator: ", ")
        let more = failure.skippedCount > 4 ? " and \(Format.count(failure.skippedCount - 4)) more" : ""
        lines.append("  skipped \(names)\(more)")
      }
    }
    if summary.failures.count > shownFailures {
      lines.append(
        "and \(Format.count(summary.failures.count - shownFailures)) more: "
          + HostProgram.line("status", "--dashboard", "failures"))
    }
    let left = last.planned - last.done - last.failed - last.skipped
    lines.append(
      "run \(summary.run ?? 0) failed after \(Format.duration(last.elapsedSeconds)): \(Format.counted(last.done, "task")) done, "
        + "\(Format.count(last.failed)) failed, \(Format.count(last.skipped)) skipped"
        + (left > 0 ? ", \(Format.count(left)) not started" : ""))
    lines.append("log: \(Paths.shown(stateFolder.database))")
    lines.append("when the cause is mended, go on with: \(resume)")
    return lines
  }
}

/// A run's end for programs: `graphrun run --json`.
struct Outcome: Encodable {
  struct Failure: Encodable {
    var task: String
    var op: String
    var code: String
    var message: String
    var file: String?
    var record: String?
    var cause: String?
    /// The first of them, and how many there are.
    var skipped: [String]
    var skippedCount: Int
  }

  struct Written: Encodable {
    var path: String
    var bytes: Int
    var records: Int?
  }

  var run: Int64?
  var outcome: String
  var planned: Int
  var done: Int
  var reused: Int
  var failed: Int
  var skipped: Int
  var seconds: Double
  var peakMemory: Int
  var memoryLimit: Int
  var spilledBytes: Int
  var rejects: Int
  var written: [Written]
  var failures: [Failure]
  /// The command that goes on, where there is something left to do.
  var resume: String?

  init(_ summary: RunSummary, resume: String) {
    run = summary.run
    outcome = summary.outcome == .upToDate ? "up-to-date" : summary.outcome.rawValue
    planned = summary.last.planned
    done = summary.last.done
    reused = summary.last.reused
    failed = summary.last.failed
    skipped = summary.last.skipped
    seconds = summary.last.elapsedSeconds
    peakMemory = summary.peakResident
    memoryLimit = summary.last.memoryLimit
    spilledBytes = summary.last.spilledTotal
    rejects = summary.rejects.reduce(0) { $0 + $1.records }
    written = summary.written.sorted { $0.path < $1.path }.map {
      Written(path: $0.path, bytes: $0.fileByteCount, records: $0.records)
    }
    failures = summary.failures.map {
      Failure(
        task: $0.key.description, op: $0.op, code: $0.error.code.rawValue, message: $0.error.message,
        file: $0.error.file ?? $0.label, record: $0.error.record, cause: $0.error.cause,
        skipped: $0.skipped.map(\.description), skippedCount: $0.skippedCount)
    }
    self.resume = summary.outcome == .failed || summary.outcome == .interrupted ? resume : nil
  }
}
