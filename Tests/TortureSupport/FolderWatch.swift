import Foundation

/// Sees what happens in folders as it happens, so that a kill can hit a commit or a spill in its middle.
final class FolderWatch {
  /// What a process is caught at.
  enum Target: String, CaseIterable, Sendable {
    /// Pages go into the state file's log.
    case commit
    /// The log goes into the state file: at its creation, when it grows long, and at the end.
    case checkpoint
    /// A spill file is made or written.
    case spill
    /// A result that is to stay is written or gets its name.
    case publish
    /// A spill file goes.
    case sweep
  }

  private let file: Int32
  private var names: [Int32: String] = [:]

  /// - Parameter state: the state folder; it and the folders in it are made if they are not there yet.
  init(state: String) throws {
    file = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    for (name, folder) in [("state", state), ("spill", state + "/spill"), ("results", state + "/results")] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let watch = inotify_add_watch(
        file, folder, UInt32(IN_MODIFY) | UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_TO))
      if watch >= 0 { names[watch] = name }
    }
  }

  deinit { close(file) }

  /// Waits at most a millisecond, and takes what has happened since the last call.
  func next() -> [Target] {
    var poll = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
    guard Glibc.poll(&poll, 1, 1) > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    let count = read(file, &bytes, bytes.count)
    var targets: [Target] = []
    var offset = 0
    bytes.withUnsafeBytes { raw in
      while offset + 16 <= count {
        let watch = raw.loadUnaligned(fromByteOffset: offset, as: Int32.self)
        let mask = raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
        let length = Int(raw.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
        let name = String(decoding: raw[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 }, as: UTF8.self)
        offset += 16 + length
        if let target = target(names[watch], name, isGone: mask & UInt32(IN_DELETE) != 0) { targets.append(target) }
      }
    }
    return targets
  }

  private func target(_ folder: String?, _ name: String, isGone: Bool) -> Target? {
    switch (folder, name) {
    case ("state", "state.sqlite-wal") where !isGone: .commit
    case ("state", "state.sqlite") where !isGone: .checkpoint
    case ("spill", _): isGone ? .sweep : .spill
    case ("results", _) where !isGone: .publish
    default: nil
    }
  }
}
