#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An immutable run of bytes that many values may share; freed with its last owner.
///
/// Large buffers must be given back to the kernel when freed, so that the process shrinks when the
/// budget says it does: they come from `malloc` under the thresholds that `MemoryTuning` sets.
///
/// - Note: `@unchecked Sendable` holds because the bytes are never written after `init` and the owner
///   keeps them mapped until `deinit`.
public final class Buffer: @unchecked Sendable {
  public let base: UnsafeRawPointer
  public let count: Int
  private let owner: Owner

  private enum Owner {
    case heap
    case parent(Buffer)
    case custom(@Sendable () -> Void)
  }

  private init(base: UnsafeRawPointer, count: Int, owner: Owner) {
    self.base = base
    self.count = count
    self.owner = owner
  }

  /// Takes bytes that `release` frees, such as a memory map.
  public convenience init(base: UnsafeRawPointer, count: Int, release: @escaping @Sendable () -> Void) {
    self.init(base: base, count: count, owner: .custom(release))
  }

  /// Takes over `count` bytes that `malloc` gave.
  public convenience init(adoptingHeap base: UnsafeMutableRawPointer, count: Int) {
    self.init(base: UnsafeRawPointer(base), count: count, owner: .heap)
  }

  /// A copy of `bytes`.
  public convenience init(_ bytes: some Sequence<UInt8>) {
    var builder = BufferBuilder()
    let isCopied: Void? = bytes.withContiguousStorageIfAvailable { builder.append(UnsafeRawBufferPointer($0)) }
    if isCopied == nil { for byte in bytes { builder.append(byte) } }
    let (base, count) = builder.take()
    self.init(adoptingHeap: base, count: count)
  }

  deinit {
    switch owner {
    case .heap: free(UnsafeMutableRawPointer(mutating: base))
    case .parent: break
    case .custom(let release): release()
    }
  }

  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// The bytes as elements of `type`. The base must be aligned for it, which holds for whole buffers.
  public func elements<T: BitwiseCopyable>(of type: T.Type) -> UnsafeBufferPointer<T> {
    UnsafeBufferPointer(start: base.assumingMemoryBound(to: T.self), count: count / MemoryLayout<T>.stride)
  }

  /// The whole buffer that this one is a part of, which stays in memory as long as the part does; itself if it is none.
  public var root: Buffer {
    if case .parent(let parent) = owner { return parent.root }
    return self
  }

  /// A part that shares these bytes.
  public func slice(_ range: Range<Int>) -> Buffer {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice outside the buffer")
    return Buffer(base: base + range.lowerBound, count: range.count, owner: .parent(self))
  }
}

/// Grows a run of bytes, then turns it into a `Buffer` without a copy.
public struct BufferBuilder: ~Copyable {
  /// Where the bytes begin; another place after each call that makes room.
  public private(set) var base: UnsafeMutableRawPointer
  /// Bytes written.
  public private(set) var count = 0
  /// Bytes that have room without another allocation.
  public private(set) var capacity: Int

  /// An empty run with room for `capacity` bytes, at least 64.
  ///
  /// - Note: Like all that makes room here, it ends the process where the kernel refuses the memory.
  public init(capacity: Int = 64) {
    self.capacity = max(capacity, 64)
    base = BufferBuilder.checked(LargeMemory.allocate(self.capacity), self.capacity)
  }

  deinit { free(base) }

  private static func checked(_ pointer: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer {
    guard let pointer else { fatalError("the kernel refused \(size) bytes of memory") }
    return pointer
  }

  /// Makes room for `additional` bytes; large runs grow in place where the kernel can remap them.
  @inline(__always)
  public mutating func reserve(_ additional: Int) {
    if count + additional > capacity { grow(to: count + additional) }
  }

  @inline(never)
  private mutating func grow(to needed: Int) {
    capacity = max(needed, capacity + capacity / 2 + 64)
    base = BufferBuilder.checked(LargeMemory.reallocate(base, to: capacity), capacity)
  }

  /// Appends a value as it lies in memory, unaligned.
  /// - Complexity: O(1), spread over all calls.
  @inline(__always)
  public mutating func append<T: BitwiseCopyable>(_ value: T) {
    reserve(MemoryLayout<T>.size)
    (base + count).storeBytes(of: value, as: T.self)
    count += MemoryLayout<T>.size
  }

  /// Appends a copy of `bytes`.
  /// - Complexity: O(bytes), spread over all calls.
  @inline(__always)
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count)
    memcpy(base + count, source, bytes.count)
    count += bytes.count
  }

  /// Appends the UTF-8 of `text`, without its length.
  /// - Complexity: O(bytes), spread over all calls.
  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  /// Writes up to `most` bytes directly: `body` gets the place and returns how many it wrote.
  @inline(__always)
  public mutating func appendDirect(most: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int) {
    reserve(most)
    count += body((base + count).assumingMemoryBound(to: UInt8.self))
  }

  /// Forgets what was written and keeps the room.
  public mutating func removeAll() { count = 0 }

  /// Forgets what was written behind the first bytes.
  public mutating func truncate(to length: Int) { count = min(count, max(length, 0)) }

  /// The bytes so far, valid until the builder changes or ends.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  fileprivate mutating func take() -> (UnsafeMutableRawPointer, Int) {
    let taken = (base, count)
    capacity = 64
    count = 0
    base = BufferBuilder.checked(malloc(64), 64)
    return taken
  }

  /// The bytes so far as a buffer; surplus room of more than an eighth is given back.
  public consuming func finish() -> Buffer {
    if capacity - count > max(count / 8, 64) {
      capacity = max(count, 64)
      base = BufferBuilder.checked(LargeMemory.reallocate(base, to: capacity), capacity)
    }
    let (base, count) = take()
    return Buffer(adoptingHeap: base, count: count)
  }
}
