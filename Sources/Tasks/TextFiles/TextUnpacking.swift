import CZlib
import CZstd
import Graph

/// Unpacks gzip members, one behind the other, as one text.
///
/// As in Python, zero bytes behind the last member are passed over and an empty file is an empty text.
final class GzipSource: TextByteSource {
  private let source: any TextByteSource
  private let path: String
  private var input = SourceBuffer()
  /// On the heap: zlib's state points back to it.
  private let stream: UnsafeMutablePointer<z_stream>
  private var isInMember = false
  private var memberCount = 0
  private var unpacked = 0

  init(_ source: any TextByteSource, path: String) throws {
    self.source = source
    self.path = path
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      stream.deallocate()
      throw TaskError(.outOfMemory, "there is no memory to unpack the file", file: path)
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func read(into place: UnsafeMutableRawPointer, most: Int) throws -> Int {
    while true {
      if input.unread.isEmpty, try !input.refill(from: source) {
        guard !isInMember else { throw PackedFileError.cutOff("gzip", path, unpacked: unpacked) }
        return 0
      }
      if !isInMember {
        if memberCount > 0 { input.use(input.bytes.prefix { $0 == 0 }.count) }
        guard !input.unread.isEmpty else { continue }
        inflateReset(stream)
        isInMember = true
      }
      let made = try inflateOnce(into: place, most: most)
      if made > 0 { return made }
    }
  }

  private func inflateOnce(into place: UnsafeMutableRawPointer, most: Int) throws -> Int {
    let bytes = input.bytes
    let room = min(most, Int(UInt32.max))
    // zlib does not write to its input; the type is older than `const`.
    stream.pointee.next_in = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: Bytef.self)
    stream.pointee.avail_in = UInt32(bytes.count)
    stream.pointee.next_out = place.assumingMemoryBound(to: Bytef.self)
    stream.pointee.avail_out = UInt32(room)
    let result = inflate(stream, Z_NO_FLUSH)
    input.use(bytes.count - Int(stream.pointee.avail_in))
    let made = room - Int(stream.pointee.avail_out)
    unpacked += made
    switch result {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END:
      isInMember = false
      memberCount += 1
    case Z_MEM_ERROR: throw TaskError(.outOfMemory, "there is no memory to unpack the file", file: path)
    default:
      throw PackedFileError.damaged(
        "gzip", path, unpacked: unpacked, isFirst: memberCount == 0,
        cause: stream.pointee.msg.map { String(cString: $0) })
    }
    return made
  }
}

/// Unpacks zstd frames, one behind the other, as one text; skippable frames are passed over.
final class ZstdSource: TextByteSource {
  private let source: any TextByteSource
  private let path: String
  private var input = SourceBuffer()
  private let context: OpaquePointer
  /// Whether a frame has begun and not ended.
  private var isInFrame = false
  /// Whether the last call left no room, so that there may be more without more input.
  private var hasMore = false
  private var frameCount = 0
  private var unpacked = 0

  init(_ source: any TextByteSource, path: String) throws {
    self.source = source
    self.path = path
    guard let context = ZSTD_createDCtx() else {
      throw TaskError(.outOfMemory, "there is no memory to unpack the file", file: path)
    }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  func read(into place: UnsafeMutableRawPointer, most: Int) throws -> Int {
    while true {
      if input.unread.isEmpty, !hasMore, try !input.refill(from: source) {
        guard !isInFrame else { throw PackedFileError.cutOff("zstd", path, unpacked: unpacked) }
        return 0
      }
      let bytes = input.bytes
      var from = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
      var to = ZSTD_outBuffer(dst: place, size: most, pos: 0)
      let result = ZSTD_decompressStream(context, &to, &from)
      guard ZSTD_isError(result) == 0 else { throw failure(result) }
      input.use(from.pos)
      isInFrame = result != 0
      if !isInFrame { frameCount += 1 }
      hasMore = isInFrame && to.pos == to.size
      unpacked += to.pos
      if to.pos > 0 { return to.pos }
    }
  }

  private func failure(_ result: Int) -> TaskError {
    let cause = String(cString: ZSTD_getErrorName(result))
    switch ZSTD_getErrorCode(result) {
    case ZSTD_error_memory_allocation:
      return TaskError(.outOfMemory, "there is no memory to unpack the file", file: path, cause: cause)
    case ZSTD_error_frameParameter_windowTooLarge:
      return TaskError(
        .tooLarge, "the file wants a window of more than 128 MB to unpack; pack it again without --long or --ultra",
        file: path, cause: cause)
    default:
      return PackedFileError.damaged("zstd", path, unpacked: unpacked, isFirst: frameCount == 0, cause: cause)
    }
  }
}

/// What is said about packed files that cannot be unpacked.
enum PackedFileError {
  static func cutOff(_ kind: String, _ path: String, unpacked: Int) -> TaskError {
    TaskError(
      .badInput,
      "the \(kind) data is cut off: the file ends after \(unpacked) bytes of text, in the middle; "
        + "get the whole file, then resume",
      file: path)
  }

  /// - Parameter isFirst: whether nothing was unpacked whole before.
  static func damaged(_ kind: String, _ path: String, unpacked: Int, isFirst: Bool, cause: String?) -> TaskError {
    if isFirst, unpacked == 0 {
      return TaskError(
        .badInput, "the file is no \(kind) data; if it is plain text, say compression: none or take the ending off",
        file: path, cause: cause)
    }
    return TaskError(
      .badInput, "the \(kind) data is damaged after \(unpacked) bytes of text; get the file again, then resume",
      file: path, cause: cause)
  }
}
