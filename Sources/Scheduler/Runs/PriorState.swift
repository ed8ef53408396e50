import Foundation
import GRDB
import Graph

/// What earlier runs of a DAG file were like.
struct PriorState: Sendable {
  /// A stage as the last run that had it saw it.
  struct StageRecord: Sendable {
    var run: Int64
    var op: String
    var version: Int
    /// JSON texts by name.
    var parameters: [String: String]
    var inputs: [String]
    /// Files that it has read in any run, as they were the last time, by path.
    var files: [String: FileIdentity]
  }

  var stages: [String: StageRecord] = [:]
  var lastRun: RunRecord?
  /// Tasks that failed in the last run.
  var failed: [TaskKey] = []
  /// How often tasks have failed, in all runs.
  var failures: [TaskKey: Int] = [:]
  /// Whether any task has set records aside.
  var hasRejects = false

  /// Reads everything a plan needs.
  ///
  /// Several DAG files may share a state folder: what a task was like last time is asked of the same file's runs only.
  /// - Parameter file: the DAG file, absolute.
  static func read(_ db: Database, file: String) throws -> PriorState {
    var state = PriorState()
    state.lastRun = try RunRecord.last(in: db, of: file)
    state.hasRejects = try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM reject)") ?? false
    let failures = try Row.fetchCursor(
      db,
      sql: """
        SELECT s.name, f.level, f.idx, f.run, f.retried, count(*) FROM failure f
        JOIN stage s ON s.run = f.run AND s.number = f.stage
        WHERE f.run IN (SELECT id FROM run WHERE file = ?)
        GROUP BY s.name, f.level, f.idx, f.run, f.retried
        """, arguments: [file])
    while let row = try failures.next() {
      let key = TaskKey(stage: row[0], role: TaskRole(level: row[1], index: row[2]))
      state.failures[key, default: 0] += row[5] as Int
      if row[3] as Int64 == state.lastRun?.id, !(row[4] as Bool) { state.failed.append(key) }
    }
    let stages = try Row.fetchCursor(
      db,
      sql: """
        SELECT run, name, op, op_version, parameters, inputs FROM stage
        WHERE (name, run) IN (
          SELECT name, max(run) FROM stage WHERE run IN (SELECT id FROM run WHERE file = ?) GROUP BY name)
        """, arguments: [file])
    while let row = try stages.next() {
      let record = StageRecord(
        run: row[0], op: row[2], version: row[3], parameters: try parseParameters(row[4]),
        inputs: (try? JSONDecoder().decode([String].self, from: Data((row[5] as String).utf8))) ?? [], files: [:])
      state.stages[row[1]] = record
    }
    // A file that an earlier run read is known, though the last one may have read others: the newest row counts.
    let files = try Row.fetchCursor(
      db,
      sql: """
        SELECT s.name, f.path, f.bytes, f.modified FROM input_file f JOIN stage s ON s.run = f.run AND s.number = f.stage
        WHERE f.run IN (SELECT id FROM run WHERE file = ?) ORDER BY f.run
        """, arguments: [file])
    while let row = try files.next() {
      let path: String = row[1]
      state.stages[row[0]]?.files[path] = FileIdentity(path: path, byteCount: row[2], modified: row[3])
    }
    return state
  }

  private static func parseParameters(_ text: String) throws -> [String: String] {
    guard let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else { return [:] }
    return object.compactMapValues { $0 as? String }
  }

  /// A stage's parameters as they are stored: a JSON object of JSON texts.
  static func parametersText(_ parameters: [String: ParameterValue]) -> String {
    let fields = parameters.sorted { $0.key < $1.key }.map { "\(jsonQuoted($0.key)):\(jsonQuoted($0.value.json))" }
    return "{" + fields.joined(separator: ",") + "}"
  }
}

/// A run as the state file has it.
public struct RunRecord: Sendable {
  public let id: Int64
  public let name: String
  /// As in the view `v1_runs`.
  public let state: String
  /// The DAG file, absolute.
  public let file: String
  /// Where the command was given.
  public let folder: String
  /// JSON, as given to the run.
  public let settings: String

  /// The settings of a Swift program's run: no command can do the same again, only the program, which is its `file`.
  public static let programSettings = #"{"program":true}"#

  public var isOfProgram: Bool { settings == RunRecord.programSettings }

  /// - Parameter file: of this DAG file; `nil` for whichever ran last.
  static func last(in db: Database, of file: String?) throws -> RunRecord? {
    let row = try Row.fetchOne(
      db,
      sql: """
        SELECT id, name, state, file, folder, settings FROM run WHERE file = coalesce(?, file) ORDER BY id DESC LIMIT 1
        """, arguments: [file])
    return row.map {
      RunRecord(id: $0[0], name: $0[1], state: $0[2], file: $0[3], folder: $0[4], settings: $0[5])
    }
  }
}
