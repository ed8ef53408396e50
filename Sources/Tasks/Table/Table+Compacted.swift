import Graph

// A table that was read back from disk is one buffer, and its columns are parts of it. Whoever takes some of the columns holds
// the whole buffer, and nobody would know of the rest: the budget counts what a table says it takes. So what a task gives
// is looked through, and columns are copied where the buffers that they hold have much in them that is not theirs.

extension Table {
  public func compacted() -> Table {
    var used: [ObjectIdentifier: (total: Int, used: Int)] = [:]
    for column in columns {
      column.forEachBuffer { buffer in
        let root = buffer.root
        guard root !== buffer else { return }
        used[ObjectIdentifier(root), default: (root.count, 0)].used += buffer.count
      }
    }
    let loose = Set(used.filter { Table.isLoose(used: $1.used, of: $1.total) }.map(\.key))
    guard !loose.isEmpty else { return self }
    return Table(
      names: names,
      columns: columns.map { column in
        column.mappingBuffers { loose.contains(ObjectIdentifier($0.root)) ? Buffer($0.bytes) : $0 }
      }, count: count)
  }

  /// Whether so much of a buffer is not used that the rest is better copied.
  private static func isLoose(used: Int, of total: Int) -> Bool { total - used > used / 4 + 4096 }
}

extension Column {
  fileprivate func forEachBuffer(_ body: (Buffer) -> Void) {
    if let validity { body(validity) }
    switch storage {
    case .fixed(let values): body(values)
    case .strings(let offsets, let bytes):
      body(offsets)
      body(bytes)
    case .lists(let offsets, let items):
      body(offsets)
      items.forEachBuffer(body)
    case .padded(let padded): padded.lists.forEachBuffer(body)
    case .structures(let fields): for field in fields { field.forEachBuffer(body) }
    }
  }

  fileprivate func mappingBuffers(_ body: (Buffer) -> Buffer) -> Column {
    let storage: Storage =
      switch self.storage {
      case .fixed(let values): .fixed(body(values))
      case .strings(let offsets, let bytes): .strings(offsets: body(offsets), bytes: body(bytes))
      case .lists(let offsets, let items): .lists(offsets: body(offsets), items: items.mappingBuffers(body))
      case .padded(let padded):
        .padded(
          PaddedLists(lists: padded.lists.mappingBuffers(body), width: padded.width, padding: padded.padding))
      case .structures(let fields): .structures(fields.map { $0.mappingBuffers(body) })
      }
    return Column(
      type: type, count: count, nullCount: nullCount, validity: validity.map(body), storage: storage)
  }
}
