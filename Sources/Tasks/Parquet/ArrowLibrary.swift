import CArrow
import Graph
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whether this program reads and writes Parquet files.
public enum ParquetSupport {
  /// The version of Arrow C++ that does it.
  ///
  /// - Throws: `TaskError` with code `.failed` if there is none, saying how to get it.
  public static func arrowVersion() throws -> String { try ArrowLibrary.load().version }
}

/// Arrow C++ and its Parquet library: loaded when a Parquet file is first met, and then kept.
struct ArrowLibrary: @unchecked Sendable {
  // Pointers to constant functions that may be called from any thread.
  let functions: UnsafePointer<pq_functions>

  private static let loaded = Mutex<Result<ArrowLibrary, TaskError>?>(nil)

  /// - Throws: `TaskError` with code `.failed` if this program has none, saying how to get it.
  static func load() throws -> ArrowLibrary {
    try loaded.withLock { result in
      if let result { return try result.get() }
      let found = find()
      result = found
      return try found.get()
    }
  }

  /// The version of Arrow C++.
  var version: String { String(cString: functions.pointee.arrow_version) }

  private static func find() -> Result<ArrowLibrary, TaskError> {
    #if canImport(Darwin)
      let name = "libgraphrun-arrow.dylib"
    #else
      let name = "libgraphrun-arrow.so"
    #endif
    var message = pq_message()
    // Beside the program, as `make` builds it; else wherever the system looks for libraries.
    let folder = programFolder()
    let beside = folder.map { "\($0)/\(name)" }
    let path = beside.flatMap { access($0, R_OK) == 0 ? $0 : nil } ?? name
    if let functions = graphrun_arrow_load(path, &message) {
      return .success(ArrowLibrary(functions: functions))
    }
    return .failure(
      TaskError(
        .failed,
        "this program has no Parquet: build it with \"make\", which brings Arrow C++, and keep \(name) beside it, "
          + "as docs/parquet.md says",
        cause: text(of: message)))
  }

  private static func programFolder() -> String? {
    #if os(Linux)
      var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
      guard readlink("/proc/self/exe", &path, Int(PATH_MAX)) > 0 else { return nil }
      return parent(of: String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    #else
      return CommandLine.arguments.first.map(parent(of:))
    #endif
  }
}

/// The library's words.
func text(of message: pq_message) -> String {
  withUnsafeBytes(of: message.text) { bytes in
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
