import Foundation
import GRDB
import Graph

/// What earlier runs left: results that can be used again, and what the last run looked like.
struct PriorState: Sendable {
  struct StoredResult: Sendable {
    enum Store: String, Sendable {
      /// In the state file.
      case inline
      /// In a spill file, until the run succeeds.
      case spill
      /// In a file of its own that stays.
      case kept
      /// The result is a file of the user's; `value` describes it.
      case output
    }

    var store: Store
    var kind: String
    var value: Buffer?
    var path: String?
    var bytes: Int
  }

  /// A stage as the last run that had it saw it.
  struct StageRecord: Sendable {
    var run: Int64
    var number: Int
    var op: String
    var version: Int
    /// JSON texts by name.
    var parameters: [String: String]
    var inputs: [String]
    /// Files it read, by path.
    var files: [String: FileIdentity]
  }

  struct RunRecord: Sendable {
    var id: Int64
    var name: String
    var state: String
    var file: String
    var folder: String
    var settings: String
  }

  var results: [Fingerprint: StoredResult] = [:]
  var stages: [String: StageRecord] = [:]
  var lastRun: RunRecord?

  /// Reads everything a plan needs.
  static func read(_ db: Database) throws -> PriorState {
    var state = PriorState()
    if let row = try Row.fetchOne(db, sql: "SELECT id, name, state, file, folder, settings FROM run ORDER BY id DESC LIMIT 1") {
      state.lastRun = RunRecord(
        id: row[0], name: row[1], state: row[2], file: row[3], folder: row[4], settings: row[5])
    }
    let results = try Row.fetchCursor(db, sql: "SELECT fingerprint, store, kind, value, path, bytes FROM result ORDER BY id")
    while let row = try results.next() {
      guard let bytes = row[0] as Data?, let fingerprint = Fingerprint(bytes: bytes),
        let store = StoredResult.Store(rawValue: row[1])
      else { continue }
      state.results[fingerprint] = StoredResult(
        store: store, kind: row[2], value: (row[3] as Data?).map { Buffer($0) }, path: row[4], bytes: row[5])
    }
    let stages = try Row.fetchCursor(
      db,
      sql: """
        SELECT run, number, name, op, op_version, parameters, inputs FROM stage
        WHERE (name, run) IN (SELECT name, max(run) FROM stage GROUP BY name)
        """)
    while let row = try stages.next() {
      let record = StageRecord(
        run: row[0], number: row[1], op: row[3], version: row[4], parameters: try parseParameters(row[5]),
        inputs: (try? JSONDecoder().decode([String].self, from: Data((row[6] as String).utf8))) ?? [], files: [:])
      state.stages[row[2]] = record
    }
    for (name, record) in state.stages {
      let files = try Row.fetchCursor(
        db, sql: "SELECT path, bytes, modified FROM input_file WHERE run = ? AND stage = ?",
        arguments: [record.run, record.number])
      while let row = try files.next() {
        let path: String = row[0]
        state.stages[name]?.files[path] = FileIdentity(path: path, byteCount: row[1], modified: row[2])
      }
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
