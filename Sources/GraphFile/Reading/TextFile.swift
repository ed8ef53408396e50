#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A DAG file is written by people or made by a program for thousands of tasks; more than this is some other file.
private let largestFile = 64 << 20

/// Reads a whole file.
/// - Returns: the bytes, or why there are none.
func readBytes(of path: String) -> Result<[UInt8], UnreadableFile> {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return .failure(UnreadableFile(errno)) }
  defer { close(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 64 << 10)
  while true {
    let count = read(file, &chunk, chunk.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else { return .failure(UnreadableFile(errno)) }
    if count == 0 { return .success(bytes) }
    bytes += chunk[..<count]
    guard bytes.count <= largestFile else {
      return .failure(UnreadableFile(message: "is larger than 64 MB: that is no DAG file"))
    }
  }
}

/// Why a file's bytes cannot be had.
package struct UnreadableFile: Error {
  let message: String

  package init(message: String) { self.message = message }

  init(_ number: Int32) {
    message =
      switch number {
      case ENOENT: "there is no such file"
      case EISDIR: "this is a folder, not a DAG file"
      case EACCES: "the file may not be read: permission denied"
      default: "the file cannot be read: " + String(cString: strerror(number))
      }
  }
}

/// Where the first byte that is no UTF-8 stands.
func firstInvalidUTF8(in bytes: [UInt8]) -> (position: Position, byte: UInt8)? {
  var low = 0
  var decoded: [Unicode.Scalar] = []
  var decoder = UTF8()
  var iterator = bytes.makeIterator()
  while true {
    switch decoder.decode(&iterator) {
    case .scalarValue(let scalar):
      decoded.append(scalar)
      low += UTF8.width(scalar)
    case .emptyInput: return nil
    case .error: return (position(of: decoded.count, in: decoded), low < bytes.count ? bytes[low] : 0)
    }
  }
}

func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

func currentFolder() -> String {
  guard let path = getcwd(nil, 0) else { return "/" }
  defer { free(path) }
  return String(cString: path)
}
