import Graph

/// `npy.write`: one column as NumPy's arrays on disk, a file for every partition or one for all.
struct NpyWrite: SinkOp {
  private let names: OutputNames?
  private let rows: NpyRows
  let placed: (any PlacedSinkOp)?

  init(_ arguments: OpArguments) throws {
    rows = NpyRows(
      column: arguments.require(OpArguments.string, "column"),
      type: arguments.string("dtype").flatMap(NpyType.init(rawValue:)))
    if let path = try OutputNames.joinedPath(arguments) {
      names = nil
      placed = NpyPlaced(path: path, rows: rows)
    } else {
      names = try OutputNames(arguments)
      placed = nil
    }
  }

  func paths(for partitions: Partitions) throws -> [String] { try names?.paths(for: partitions) ?? [] }

  func estimate(inputBytes: [Int]) -> MemoryEstimate { NpyRows.estimate }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws
    -> Int
  {
    let source = try rows.source(of: value, partition)
    try source.form.head(records: source.count).withUnsafeBytes { try sink.write($0) }
    try rows.write(source, to: sink, context: context)
    return source.count
  }

  static let definition = OpDefinition(
    name: "npy.write", version: 1,
    summary: "writes a column as an array that NumPy reads: a file for every partition, or one for all",
    inputs: [
      OpInput("table", .any, summary: "a table with a column of numbers, or of vectors as sequence.pad makes them")
    ],
    parameters: [
      OutputNames.path, OutputNames.directoryOrNot, OutputNames.name,
      OpParameter("column", .string, default: .string("ids"), summary: "the column to write"),
      OpParameter(
        "dtype", .choice(NpyType.allCases.map(\.rawValue)), isOptional: true,
        summary: "the array's type; the column's own if left out. A number that it cannot hold is an error"),
    ],
    output: """
      the files' paths, sizes and record counts; little-endian, version 1.0, an axis for the records and one for the items of \
      vectors; numpy.load(…, mmap_mode="r") reads it. One file for all is written by all workers at once
      """,
    example: """
      written:
        op: npy.write
        from: padded
        with: {path: out/domains.npy, dtype: uint8}
      """,
    maker: .sink { try NpyWrite($0) })
}

/// What an array's items are.
enum NpyType: String, CaseIterable {
  case int8, uint8, int16, uint16, int32, int64, float32, float64

  var code: String {
    switch self {
    case .int8: "|i1"
    case .uint8: "|u1"
    case .int16: "<i2"
    case .uint16: "<u2"
    case .int32: "<i4"
    case .int64: "<i8"
    case .float32: "<f4"
    case .float64: "<f8"
    }
  }

  var byteCount: Int {
    switch self {
    case .int8, .uint8: 1
    case .int16, .uint16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }
}

/// An array's type and second axis.
struct NpyForm: Hashable {
  let type: NpyType
  /// `nil` for an array of one axis.
  let width: Int?

  var rowByteCount: Int { type.byteCount * (width ?? 1) }
  var text: String { (width.map { "vectors of \($0) " } ?? "") + type.rawValue }

  /// Of one length, whatever the number of records: so that it can be written when all else is.
  static let headByteCount = 128

  /// Source: NumPy, `numpy/lib/format.py`, version 1.0.
  func head(records: Int) -> [UInt8] {
    NpyForm.head(code: type.code, shape: width.map { "(\(records), \($0))" } ?? "(\(records),)")
  }

  /// - Parameters:
  ///   - code: NumPy's for the items' type.
  ///   - shape: as Python writes it.
  static func head(code: String, shape: String) -> [UInt8] {
    let text = "{'descr': '\(code)', 'fortran_order': False, 'shape': \(shape), }"
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    let rest = NpyForm.headByteCount - 10
    bytes += [UInt8(rest & 255), UInt8(rest >> 8)]
    bytes += Array(text.utf8)
    bytes += [UInt8](repeating: 0x20, count: NpyForm.headByteCount - 1 - bytes.count)
    return bytes + [0x0A]
  }
}

/// Which column is written, and as what.
private struct NpyRows {
  let column: String
  /// `nil`: the column's own.
  let type: NpyType?

  private static let blockByteCount = 512 << 10
  static let estimate = MemoryEstimate(output: 256, scratch: blockByteCount * 2 + 65_536)

  struct Source {
    let column: Column
    let name: String
    /// Of vectors.
    let lists: IntegerLists?
    let form: NpyForm
    let partition: Partition
    var count: Int { column.count }
  }

  func source(of value: any TaskValue, _ partition: Partition) throws -> Source {
    let file = partition.file?.path
    let column = try Table.from(value, file: file).column(column, file: file)
    let own: NpyType?
    var width: Int?
    switch column.type {
    case .int8: own = .int8
    case .int32: own = .int32
    case .int64: own = .int64
    case .float32: own = .float32
    case .float64: own = .float64
    case .vector(_, let items): (own, width) = (.int32, items)
    default: own = nil
    }
    guard let own else {
      throw TaskError(
        .wrongType,
        "column \"\(self.column)\" holds \(column.type), and an array has numbers, or vectors as sequence.pad makes them; "
          + "name another column", file: file)
    }
    let type = self.type ?? own
    let isFloat = [NpyType.float32, .float64].contains(own)
    guard !isFloat || type == own || type == .float64 else {
      throw TaskError(
        .wrongType,
        "column \"\(self.column)\" holds \(column.type), which \(type.rawValue) cannot hold; give another dtype",
        file: file)
    }
    if column.nullCount > 0 {
      let row = (0..<column.count).first { column.isNull($0) }!
      throw TaskError(
        .badRecord, "column \"\(self.column)\" is null, and arrays have no nulls; filter such records out before",
        file: file, record: partition.record(row))
    }
    return Source(
      column: column, name: self.column, lists: width == nil ? nil : IntegerLists(column),
      form: NpyForm(type: type, width: width), partition: partition)
  }

  func write(_ source: Source, to sink: any ByteSink, context: any TaskContext) throws {
    switch source.form.type {
    case .int8: try write(source, as: Int8.self, to: sink, context)
    case .uint8: try write(source, as: UInt8.self, to: sink, context)
    case .int16: try write(source, as: Int16.self, to: sink, context)
    case .uint16: try write(source, as: UInt16.self, to: sink, context)
    case .int32: try write(source, as: Int32.self, to: sink, context)
    case .int64: try write(source, as: Int64.self, to: sink, context)
    case .float32: try writeNumbers(source, as: Float.self, to: sink, context)
    case .float64: try writeNumbers(source, as: Double.self, to: sink, context)
    }
  }

  private func write<Number: FixedWidthInteger & BitwiseCopyable>(
    _ source: Source, as type: Number.Type, to sink: any ByteSink, _ context: any TaskContext
  ) throws {
    guard let lists = source.lists, let width = source.form.width else {
      return try blocks(of: source, to: sink, context) { row, place in
        guard let number = Number(exactly: source.column.integer(at: row)!) else { return false }
        place.storeBytes(of: number, as: Number.self)
        return true
      }
    }
    let range = Int32(clamping: Number.min)...Int32(clamping: Number.max)
    let isWide = Number.bitWidth >= 32
    try blocks(of: source, to: sink, context) { row, place in
      guard isWide || lists.fits(row, in: range) else { return false }
      place.withMemoryRebound(to: Number.self, capacity: width) { lists.fill(row, into: $0) }
      return true
    }
  }

  /// Whole numbers that the type does not hold exactly do not fit; floats are of the type, or wider as `float64`.
  private func writeNumbers<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ source: Source, as type: Number.Type, to sink: any ByteSink, _ context: any TaskContext
  ) throws {
    if let lists = source.lists, let width = source.form.width {
      var row32 = [Int32](repeating: 0, count: width)
      return try blocks(of: source, to: sink, context) { row, place in
        row32.withUnsafeMutableBufferPointer { lists.fill(row, into: $0.baseAddress!) }
        for index in 0..<width {
          guard let number = Number(exactly: row32[index]) else { return false }
          place.storeBytes(of: number, toByteOffset: index * MemoryLayout<Number>.stride, as: Number.self)
        }
        return true
      }
    }
    try blocks(of: source, to: sink, context) { row, place in
      if let whole = source.column.integer(at: row) {
        guard let number = Number(exactly: whole) else { return false }
        place.storeBytes(of: number, as: Number.self)
      } else {
        place.storeBytes(of: Number(source.column.number(at: row)!), as: Number.self)
      }
      return true
    }
  }

  /// - Parameter body: writes a record's bytes; false where the type cannot hold it.
  private func blocks(
    of source: Source, to sink: any ByteSink, _ context: any TaskContext,
    _ body: (Int, UnsafeMutableRawPointer) -> Bool
  ) throws {
    let size = source.form.rowByteCount
    let most = max(NpyRows.blockByteCount / max(size, 1), 1)
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: most * size, alignment: 64)
    defer { block.deallocate() }
    var row = 0
    while row < source.count {
      try context.checkCancellation()
      let end = min(row + most, source.count)
      for index in row..<end where !body(index, block.baseAddress! + (index - row) * size) {
        throw TaskError(
          .badRecord,
          "column \"\(source.name)\" holds a number that \(source.form.type.rawValue) cannot hold; give another dtype",
          file: source.partition.file?.path, record: source.partition.record(index))
      }
      try sink.write(UnsafeRawBufferPointer(rebasing: block[..<((end - row) * size)]))
      row = end
    }
  }
}

/// All partitions in one file, each straight to its place.
private struct NpyPlaced: PlacedSinkOp {
  let path: String
  let rows: NpyRows

  func headByteCount(form: String) -> Int { NpyForm.headByteCount }

  func size(of value: any TaskValue, partition: Partition, context: any TaskContext) throws -> PlacedSize {
    let source = try rows.source(of: value, partition)
    return PlacedSize(
      records: source.count, bytes: source.count * source.form.rowByteCount, form: source.form.text)
  }

  func mismatch(of partition: Partition, form: String, others: String) -> String {
    "partition \(partition.label) holds \(form), and those before it \(others): one array cannot hold both"
  }

  func estimate(inputBytes: Int) -> MemoryEstimate { NpyRows.estimate }

  func write(_ value: any TaskValue, partition: Partition, to sink: any ByteSink, context: any TaskContext) throws {
    try rows.write(rows.source(of: value, partition), to: sink, context: context)
  }

  func head(records: Int, form: String) throws -> [UInt8] {
    let words = form.split(separator: " ")
    guard let type = words.last.flatMap({ NpyType(rawValue: String($0)) }) else {
      throw TaskError(.failed, "\"\(form)\" is no array's form", file: path)
    }
    return NpyForm(type: type, width: words.count > 1 ? Int(words[2]) : nil).head(records: records)
  }
}
