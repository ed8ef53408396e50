import Graph

/// `sequence.pad`: lists of one length, with the semantics of Keras's `pad_sequences`.
struct PadSequences: PartitionOp {
  enum Truncating: String, CaseIterable { case error, pre, post }

  let column: String
  let into: String
  /// `nil`: the longest there is.
  let length: Int?
  let padding: PaddedLists.Padding
  let truncating: Truncating

  init(_ arguments: OpArguments) throws {
    column = arguments.require(OpArguments.string, "column")
    into = arguments.string("into") ?? column
    let length = arguments.require(OpArguments.string, "length")
    self.length = length == "max" ? nil : Int(length)
    guard length == "max" || (self.length.map { $0 > 0 && $0 <= PaddedLists.greatestWidth } ?? false) else {
      throw ParameterError("length", "\"\(length)\" is neither a number from 1 to \(PaddedLists.greatestWidth) nor max")
    }
    padding = PaddedLists.Padding(
      side: PaddedLists.Side(rawValue: arguments.require(OpArguments.string, "padding")) ?? .pre,
      value: Int32(arguments.require(OpArguments.integer, "value")))
    truncating = Truncating(rawValue: arguments.require(OpArguments.string, "truncating")) ?? .pre
  }

  /// Nothing is filled in yet; only where lists are cut, they are copied.
  func estimate(inputBytes: [Int]) -> MemoryEstimate {
    MemoryEstimate(output: inputBytes[0] + 4096, scratch: inputBytes[0] / 2 + 4096)
  }

  func apply(_ inputs: [any TaskValue], partition: Partition, context: any TaskContext) throws -> any TaskValue {
    let file = partition.file?.path
    let table = try Table.from(inputs[0], file: file)
    let lists = try IntegerLists.of(table, column, for: "sequence.pad", file: file)
    let source = table[column]!
    guard lists.width == nil else {
      throw TaskError(
        .wrongType, "column \"\(column)\" is padded already: it holds \(source.type)", file: file)
    }
    let width = try length ?? longest(inputs, file: file)
    var cut: Column?
    if (0..<lists.count).contains(where: { lists[$0].count > width }) {
      // What lies under a null does not count.
      let isTooLong = { (row: Int) in !lists.isNull(row) && lists[row].count > width }
      if truncating == .error, let row = (0..<lists.count).first(where: isTooLong) {
        throw TaskError(
          .badRecord,
          "it has \(lists[row].count) items, more than the length of \(width); give a greater length, or set truncating: pre "
            + "or post to keep its end or its beginning", file: file, record: partition.record(row))
      }
      cut = try shortened(lists, to: width)
    }
    let inner = Column(type: .list(.int32), count: source.count, storage: (cut ?? source).storage)
    let padded = Column(
      type: .vector(.int32, width: width), count: source.count, nullCount: source.nullCount, validity: source.validity,
      storage: .padded(PaddedLists(lists: inner, width: width, padding: padding)))
    // In the place of the lists.
    let columns = zip(table.names, table.columns).map { name, old in
      ByteText(name) == ByteText(column) ? (name: into, column: padded) : (name: name, column: old)
    }
    guard columns.map(\.name).firstRepeated == nil else {
      throw TaskError(.invalidParameter, "there is a column \"\(into)\" already; give into another name", file: file)
    }
    return Table(columns)
  }

  private func longest(_ inputs: [any TaskValue], file: String?) throws -> Int {
    guard inputs.count > 1 else {
      throw TaskError(
        .invalidParameter,
        "length: max has to know the longest of all partitions: give it as in from: [encoded, lengths], from a task with "
          + "op: sequence.lengths")
    }
    let table = try Table.from(inputs[1])
    let lengths = try table.column("length", file: file)
    let longest = (0..<lengths.count).compactMap { lengths.integer(at: $0) }.max() ?? 0
    guard longest <= PaddedLists.greatestWidth else {
      throw TaskError(
        .tooLarge,
        "the longest list has \(longest) items, and vectors have at most \(PaddedLists.greatestWidth); give a length")
    }
    return max(Int(longest), 1)
  }

  private func shortened(_ lists: IntegerLists, to width: Int) throws -> Column {
    var offsets = BufferBuilder(capacity: (lists.count + 1) * 4)
    var items = BufferBuilder()
    offsets.append(Int32(0))
    for row in 0..<lists.count {
      let own = lists[row]
      let kept = truncating == .pre ? own.suffix(width) : own.prefix(width)
      items.append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: kept)))
      offsets.append(Int32(truncatingIfNeeded: items.count / 4))
    }
    let column = Column(type: .int32, count: items.count / 4, storage: .fixed(items.finish()))
    return Column(type: .list(.int32), count: lists.count, storage: .lists(offsets: offsets.finish(), items: column))
  }

  static let definition = OpDefinition(
    name: "sequence.pad", version: 1,
    summary: "makes lists of one length: shorter ones are filled up, longer ones are cut or refused",
    inputs: [
      OpInput("table", summary: "a table with a column of lists of int32, as text.encode makes them"),
      OpInput(
        "lengths", .value, isOptional: true, summary: "for length: max: how long lists are, from sequence.lengths"),
    ],
    parameters: [
      OpParameter("column", .string, default: .string("ids"), summary: "the column of lists"),
      OpParameter("into", .string, isOptional: true, summary: "the column's new name; its own if left out"),
      OpParameter(
        "length", .string, summary: "how many items each is to have, or max: as many as the longest of all partitions"),
      OpParameter(
        "padding", .choice(PaddedLists.Side.allCases.map(\.rawValue)), default: .string("pre"),
        summary: "fill up in front (pre) or behind (post)"),
      OpParameter(
        "truncating", .choice(Truncating.allCases.map(\.rawValue)), default: .string("pre"),
        summary: "of longer ones cut off what is in front (pre) or behind (post), or fail and name the first (error)"),
      OpParameter(
        "value", .integer(Int(Int32.min)...Int(Int32.max)), default: .integer(0), summary: "what fills up"),
    ],
    output: """
      the table with vectors in the place of the lists; a null stays null. They are filled in where they are written or looked \
      at, and take no more memory until then
      """,
    example: """
      padded:
        op: sequence.pad
        from: encoded
        with: {length: "253", padding: post, truncating: error}
      """,
    maker: .perPartition { try PadSequences($0) })
}
