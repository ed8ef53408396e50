import CZlib
import CZstd
import Graph

/// A sink that has something to write when all was given.
protocol FinishingSink: ByteSink {
  func finish() throws
}

/// Hands everything through.
final class PlainSink: FinishingSink {
  private let sink: any ByteSink
  init(_ sink: any ByteSink) { self.sink = sink }
  func write(_ bytes: UnsafeRawBufferPointer) throws { try sink.write(bytes) }
  func finish() throws {}
}

private let packedBlockByteCount = 128 << 10

/// Packs into one gzip member whose header holds neither time nor name.
final class GzipSink: FinishingSink {
  private let sink: any ByteSink
  private let path: String
  /// On the heap: zlib's state points back to it.
  private let stream: UnsafeMutablePointer<z_stream>
  private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: packedBlockByteCount, alignment: 64)

  /// - Parameter level: 1 to 9; zlib's own default unless given.
  init(_ sink: any ByteSink, path: String, level: Int = 6) throws {
    self.sink = sink
    self.path = path
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let result = deflateInit2_(
      stream, Int32(level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else {
      throw TaskError(.outOfMemory, "there is no memory to pack the file", file: path)
    }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
    output.deallocate()
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      try deflate(part, Z_NO_FLUSH)
      rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
    }
  }

  func finish() throws { try deflate(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH) }

  private func deflate(_ bytes: UnsafeRawBufferPointer, _ flush: Int32) throws {
    // zlib does not write to its input; the type is older than `const`.
    stream.pointee.next_in = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: Bytef.self)
    stream.pointee.avail_in = UInt32(bytes.count)
    var result = Z_OK
    repeat {
      stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
      stream.pointee.avail_out = UInt32(output.count)
      result = CZlib.deflate(stream, flush)
      guard result != Z_STREAM_ERROR else {
        throw TaskError(.cannotWrite, "zlib refuses to go on; run again", file: path)
      }
      let made = output.count - Int(stream.pointee.avail_out)
      if made > 0 { try sink.write(UnsafeRawBufferPointer(rebasing: output[..<made])) }
    } while flush == Z_FINISH ? result != Z_STREAM_END : stream.pointee.avail_out == 0
  }
}

/// Packs into one zstd frame with a checksum.
final class ZstdSink: FinishingSink {
  private let sink: any ByteSink
  private let path: String
  private let context: OpaquePointer
  private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: packedBlockByteCount, alignment: 64)

  /// - Parameter level: 1 to 19; zstd's own default unless given.
  init(_ sink: any ByteSink, path: String, level: Int = 3) throws {
    self.sink = sink
    self.path = path
    guard let context = ZSTD_createCCtx() else {
      throw TaskError(.outOfMemory, "there is no memory to pack the file", file: path)
    }
    self.context = context
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
  }

  deinit {
    ZSTD_freeCCtx(context)
    output.deallocate()
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws { try compress(bytes, ZSTD_e_continue) }

  func finish() throws { try compress(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end) }

  private func compress(_ bytes: UnsafeRawBufferPointer, _ directive: ZSTD_EndDirective) throws {
    var from = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
    while true {
      var to = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
      let left = ZSTD_compressStream2(context, &to, &from, directive)
      guard ZSTD_isError(left) == 0 else {
        throw TaskError(
          .cannotWrite, "zstd refuses to go on; run again", file: path, cause: String(cString: ZSTD_getErrorName(left)))
      }
      if to.pos > 0 { try sink.write(UnsafeRawBufferPointer(rebasing: output[..<to.pos])) }
      if directive == ZSTD_e_end ? left == 0 : from.pos == from.size { return }
    }
  }
}
