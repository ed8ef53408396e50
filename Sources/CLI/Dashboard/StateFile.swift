import Foundation
import GRDB

/// A state file opened for looking at it, whatever its circumstances.
///
/// Beside a run that writes, and after one that was killed, SQLite's own way of reading a write-ahead log does. It
/// needs a `-shm` file, though: where that cannot be made (a copy in a read-only folder) the file is opened as one
/// that never changes, or, when a log lies beside it, both are copied to where SQLite can work.
final class StateFile {
  /// The schema whose views this program reads.
  static let schemaVersion = 2

  let path: String
  let queue: DatabaseQueue
  private let temporaryFolder: String?

  /// - Parameters:
  ///   - path: the SQLite file, or the state folder that holds it.
  ///   - prepare: called with each connection.
  init(_ path: String, prepare: @escaping @Sendable (Database) throws -> Void) throws(StatusError) {
    let file = try StateFile.located(path)
    self.path = file
    do {
      (queue, temporaryFolder) = try StateFile.open(file, prepare)
      let version = try queue.read { db in try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0 }
      guard version <= StateFile.schemaVersion else {
        throw StatusError(
          .newerSchema,
          "\(file) was written by a newer graphrun: its schema is \(version), and this program knows up to "
            + "\(StateFile.schemaVersion); upgrade graphrun to look at it")
      }
      guard try queue.read({ db in try db.viewExists("v1_runs") }) else {
        let isEmpty = try queue.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0 } == 0
        throw isEmpty
          ? StatusError(.noRun, "nothing has run yet: \(file) is empty")
          : StatusError(.notAState, "\(file) is an SQLite file, but no graphrun state: it has no view v1_runs")
      }
    } catch let error as StatusError {
      throw error
    } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
      throw StatusError(.notAState, "\(file) is no SQLite file, so it is no graphrun state")
    } catch let error as DatabaseError {
      throw StatusError(
        .unreadable, "\(file) cannot be read: \(error.message ?? "SQLite error \(error.resultCode.rawValue)")")
    } catch {
      throw StatusError(.unreadable, "\(file) cannot be read: \(error)")
    }
  }

  deinit {
    if let temporaryFolder { try? FileManager.default.removeItem(atPath: temporaryFolder) }
  }

  private static func located(_ path: String) throws(StatusError) -> String {
    var isFolder: ObjCBool = false
    var file = path
    var exists = FileManager.default.fileExists(atPath: file, isDirectory: &isFolder)
    if exists, isFolder.boolValue {
      file += "/state.sqlite"
      exists = FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) && !isFolder.boolValue
    }
    guard exists else { throw StatusError(.missing, "there is no state file \(file): nothing has run there yet") }
    guard access(file, R_OK) == 0 else {
      throw StatusError(.unreadable, "\(file) cannot be read: \(String(cString: strerror(errno)))")
    }
    return file
  }

  private static func open(
    _ file: String, _ prepare: @escaping @Sendable (Database) throws -> Void
  ) throws -> (DatabaseQueue, temporaryFolder: String?) {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.label = "status"
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { db in
      // Temporary views and sorting must not touch the disk: it may be full.
      try db.execute(sql: "PRAGMA temp_store = MEMORY")
      try prepare(db)
    }
    do {
      return (try DatabaseQueue(path: file, configuration: configuration), nil)
    } catch let error as DatabaseError where isRefused(error) {
      if !hasLog(file), let queue = try? DatabaseQueue(path: immutable(file), configuration: configuration) {
        return (queue, nil)
      }
      let folder = try copied(file)
      do {
        return (try DatabaseQueue(path: folder + "/state.sqlite", configuration: configuration), folder)
      } catch {
        try? FileManager.default.removeItem(atPath: folder)
        throw error
      }
    }
  }

  private static func isRefused(_ error: DatabaseError) -> Bool {
    [.SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_IOERR, .SQLITE_PERM].contains(error.resultCode.primaryResultCode)
  }

  private static func hasLog(_ file: String) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: file + "-wal")
    return (attributes?[.type] as? FileAttributeType) == .typeRegular && (attributes?[.size] as? Int ?? 0) > 0
  }

  private static func immutable(_ file: String) -> String {
    let allowed = CharacterSet.urlPathAllowed.subtracting(CharacterSet(charactersIn: ";"))
    let encoded = file.addingPercentEncoding(withAllowedCharacters: allowed) ?? file
    return "file:\(encoded)?immutable=1"
  }

  private static func copied(_ file: String) throws -> String {
    let folder = NSTemporaryDirectory() + "/graphrun-status-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    do {
      try FileManager.default.copyItem(atPath: file, toPath: folder + "/state.sqlite")
      if hasLog(file) {
        try FileManager.default.copyItem(atPath: file + "-wal", toPath: folder + "/state.sqlite-wal")
      }
    } catch {
      try? FileManager.default.removeItem(atPath: folder)
      throw error
    }
    return folder
  }
}
