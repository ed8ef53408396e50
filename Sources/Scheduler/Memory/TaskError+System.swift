import Foundation
import Graph

extension TaskError {
  /// What a failed write to `path` means.
  static func writing(_ path: String, _ code: Int32) -> TaskError {
    let cause = String(cString: strerror(code))
    switch code {
    case ENOSPC, EDQUOT:
      return TaskError(.diskFull, "the disk is full; free space there, then resume", file: path, cause: cause)
    case EACCES, EPERM, EROFS:
      return TaskError(
        .cannotWrite, "writing there is not allowed; change the permissions or the output folder", file: path,
        cause: cause)
    default: return TaskError(.cannotWrite, "it cannot be written", file: path, cause: cause)
    }
  }

  static func reading(_ path: String, _ code: Int32) -> TaskError {
    TaskError(.cannotRead, "it cannot be read", file: path, cause: String(cString: strerror(code)))
  }
}
