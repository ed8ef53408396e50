import GRDBSQLite

/// What SQLite sees of the machine: no file, and no time of day, since a result must not depend on when it was made.
///
/// A copy of the default under a name of its own, for one connection, which must end before it.
final class SealedFileSystem {
  let name: String
  private let system: UnsafeMutablePointer<sqlite3_vfs>
  private let storedName: UnsafeMutablePointer<CChar>
  private let clockWasAsked: UnsafeMutablePointer<Bool>

  /// Whether a query asked for the time, as `datetime('now')` does.
  var wasAskedForTime: Bool { clockWasAsked.pointee }

  /// - Returns: `nil` if SQLite has no default, or no memory.
  init?() {
    guard let standard = sqlite3_vfs_find(nil) else { return nil }
    system = .allocate(capacity: 1)
    system.initialize(to: standard.pointee)
    name = "graphrun-\(UInt(bitPattern: system))"
    storedName = .allocate(capacity: name.utf8.count + 1)
    for (index, byte) in (Array(name.utf8) + [0]).enumerated() { storedName[index] = CChar(bitPattern: byte) }
    clockWasAsked = .allocate(capacity: 1)
    clockWasAsked.initialize(to: false)
    system.pointee.zName = UnsafePointer(storedName)
    system.pointee.pNext = nil
    system.pointee.pAppData = UnsafeMutableRawPointer(clockWasAsked)
    system.pointee.xOpen = { _, _, file, _, _ in
      file?.pointee.pMethods = nil
      return SQLITE_CANTOPEN
    }
    system.pointee.xDelete = { _, _, _ in SQLITE_IOERR }
    system.pointee.xAccess = { _, _, _, found in
      found?.pointee = 0
      return SQLITE_OK
    }
    system.pointee.xCurrentTime = { system, _ in SealedFileSystem.noteClock(system) }
    system.pointee.xCurrentTimeInt64 = { system, _ in SealedFileSystem.noteClock(system) }
    guard sqlite3_vfs_register(system, 0) == SQLITE_OK else {
      free()
      return nil
    }
  }

  private static func noteClock(_ system: UnsafeMutablePointer<sqlite3_vfs>?) -> Int32 {
    system?.pointee.pAppData.assumingMemoryBound(to: Bool.self).pointee = true
    return SQLITE_ERROR
  }

  private func free() {
    system.deallocate()
    storedName.deallocate()
    clockWasAsked.deallocate()
  }

  deinit {
    sqlite3_vfs_unregister(system)
    free()
  }
}
