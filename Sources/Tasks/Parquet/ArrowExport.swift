import CArrow
import Graph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// Tables over the Arrow C data interface. The columns' memory is shared: who takes the array keeps the buffers.

/// Memory of one node of a schema or an array; freed when its owner lets the node go.
private final class ExportedNode {
  let buffers: UnsafeMutablePointer<UnsafeRawPointer?>
  let children: UnsafeMutablePointer<UnsafeMutablePointer<ArrowArray>?>
  let schemas: UnsafeMutablePointer<UnsafeMutablePointer<ArrowSchema>?>
  private let childCount: Int
  private let texts: [UnsafeMutablePointer<CChar>?]
  /// What `buffers` point into.
  private let owners: [Buffer]

  init(owners: [Buffer] = [], places: [UnsafeRawPointer?] = [], children count: Int, texts: [String] = []) {
    buffers = .allocate(capacity: max(places.count, 1))
    for (index, place) in places.enumerated() { (buffers + index).initialize(to: place) }
    children = .allocate(capacity: max(count, 1))
    children.initialize(repeating: nil, count: max(count, 1))
    schemas = .allocate(capacity: max(count, 1))
    schemas.initialize(repeating: nil, count: max(count, 1))
    childCount = count
    self.owners = owners
    self.texts = texts.map { strdup($0) }
  }

  /// The text's bytes, for as long as the node lasts.
  func text(_ number: Int) -> UnsafePointer<CChar>? { UnsafePointer(texts[number]) }

  deinit {
    for index in 0..<childCount {
      if let child = children[index] {
        child.pointee.release?(child)
        child.deallocate()
      }
      if let schema = schemas[index] {
        schema.pointee.release?(schema)
        schema.deallocate()
      }
    }
    buffers.deallocate()
    children.deallocate()
    schemas.deallocate()
    for text in texts { free(text) }
  }
}

extension ArrowSchema {
  /// The schema of a table: a structure with a field for each column.
  init(_ table: Table) {
    self.init(
      format: "+s", name: "", children: zip(table.names, table.columns).map { ArrowSchema(name: $0, $1.type) }, flags: 0
    )
  }

  private init(name: String, _ type: ColumnType) {
    let (format, children): (String, [ArrowSchema]) =
      switch type {
      case .int8: ("c", [])
      case .int32: ("i", [])
      case .int64: ("l", [])
      case .float32: ("f", [])
      case .float64: ("g", [])
      case .bool: ("b", [])
      case .date: ("tdD", [])
      case .timestamp: ("tsu:", [])
      case .utf8: ("u", [])
      case .list(let item): ("+l", [ArrowSchema(name: "element", item)])
      case .vector(let item, let width): ("+w:\(width)", [ArrowSchema(name: "element", item)])
      case .structure(let fields): ("+s", fields.map { ArrowSchema(name: $0.name, $0.type) })
      }
    self.init(format: format, name: name, children: children, flags: Int64(ARROW_FLAG_NULLABLE))
  }

  private init(format: String, name: String, children: [ArrowSchema], flags: Int64) {
    let node = ExportedNode(children: children.count, texts: [format, name])
    for (index, child) in children.enumerated() {
      let place = UnsafeMutablePointer<ArrowSchema>.allocate(capacity: 1)
      place.initialize(to: child)
      node.schemas[index] = place
    }
    self.init()
    self.format = node.text(0)
    self.name = node.text(1)
    self.flags = flags
    n_children = Int64(children.count)
    self.children = node.schemas
    release = { schema in
      guard let schema, let owner = schema.pointee.private_data else { return }
      schema.pointee.release = nil
      Unmanaged<ExportedNode>.fromOpaque(owner).release()
    }
    private_data = Unmanaged.passRetained(node).toOpaque()
  }
}

extension ArrowArray {
  /// A table as an array of structures.
  init(_ table: Table) throws {
    self.init(
      count: table.count, nullCount: 0, owners: [], places: [nil],
      children: try table.columns.map { try ArrowArray($0) })
  }

  private init(_ column: Column) throws {
    var owners: [Buffer] = []
    var places: [UnsafeRawPointer?] = [column.validity?.base]
    if let validity = column.validity { owners.append(validity) }
    var children: [ArrowArray] = []
    func add(_ buffer: Buffer) {
      owners.append(buffer)
      places.append(buffer.base)
    }
    switch column.storage {
    case .fixed(let values): add(values)
    case .strings(let offsets, let bytes):
      add(offsets)
      add(bytes)
    case .lists(let offsets, let items):
      add(offsets)
      children = [try ArrowArray(items)]
    case .padded(let padded): children = [try ArrowArray(padded.filled().items!)]
    case .structures(let fields): children = try fields.map { try ArrowArray($0) }
    }
    self.init(count: column.count, nullCount: column.nullCount, owners: owners, places: places, children: children)
  }

  private init(
    count: Int, nullCount: Int, owners: [Buffer], places: [UnsafeRawPointer?], children: [ArrowArray]
  ) {
    let node = ExportedNode(owners: owners, places: places, children: children.count)
    for (index, child) in children.enumerated() {
      let place = UnsafeMutablePointer<ArrowArray>.allocate(capacity: 1)
      place.initialize(to: child)
      node.children[index] = place
    }
    self.init()
    length = Int64(count)
    null_count = Int64(nullCount)
    n_buffers = Int64(places.count)
    buffers = node.buffers
    n_children = Int64(children.count)
    self.children = node.children
    release = { array in
      guard let array, let owner = array.pointee.private_data else { return }
      array.pointee.release = nil
      Unmanaged<ExportedNode>.fromOpaque(owner).release()
    }
    private_data = Unmanaged.passRetained(node).toOpaque()
  }
}
