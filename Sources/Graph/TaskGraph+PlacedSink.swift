// A sink that writes all partitions to one file, each at its place, becomes four stages. `NAME.sizes` finds what each
// partition takes; `NAME.places` adds that up, one after the other; `NAME.parts` writes each where it goes, as many at a time
// as there are workers; and `NAME` puts the head in front and publishes the file:
//
//   rows[0] ── written.sizes[0] ── written.places[0] ── written.parts[0] ──┐
//                                        │                                 │
//   rows[1] ── written.sizes[1] ── written.places[1] ── written.parts[1] ──┴── written
//
// Each of `NAME.parts` reads its partition, too. The first three stages are for the last only, and nothing keeps them: what was written aside is not looked for again.

extension TaskGraph {
  /// What the stage is called that finds how large the partitions of a file are.
  public static func sizesName(of name: String) -> String { name + ".sizes" }

  /// What the stage is called that finds where the partitions of a file go.
  public static func placesName(of name: String) -> String { name + ".places" }

  mutating func addPlacedSink(
    _ name: String, op definition: OpDefinition, _ op: any PlacedSinkOp, arguments: OpArguments, of source: Stage,
    keep: Bool?, policy: TaskPolicy
  ) throws {
    let sizes = TaskGraph.sizesName(of: name)
    let (places, parts) = (TaskGraph.placesName(of: name), TaskGraph.partsName(of: name))
    try checkFree(sizes, as: "what finds its partitions' sizes", of: name)
    try checkFree(places, as: "what finds its partitions' places", of: name)
    try checkFree(parts, of: name)
    let step = OpDefinition(
      name: definition.name, version: definition.version, summary: definition.summary, inputs: definition.inputs,
      parameters: definition.parameters, output: "the partition's place in the file", example: definition.example,
      maker: .program(.perPartition))
    let layout: Stage.Layout = source.isBag ? .bag(source.partitions) : .single
    func input(_ index: Int) -> TaskID { source.results.lowerBound + TaskID(index) }
    try addStage(
      sizes, op: step, arguments: arguments, body: SizeBody(op: op, partitions: source.partitions),
      layout: layout, inputs: [source.number], keep: false, policy: policy
    ) { index, inputs in inputs.append(input(index)) }
    let sized = stages[stages.count - 1]
    let firstPlace = TaskID(taskCount)
    try addStage(
      places, op: step, arguments: arguments, body: PlaceBody(op: op, partitions: source.partitions),
      layout: layout, inputs: [sized.number], keep: false, policy: policy
    ) { index, inputs in
      inputs.append(sized.firstTask + TaskID(index))
      if index > 0 { inputs.append(firstPlace + TaskID(index) - 1) }
    }
    let placed = stages[stages.count - 1]
    try addStage(
      parts, op: step, arguments: arguments, body: PlacedPartBody(op: op, partitions: source.partitions),
      layout: layout, inputs: [source.number, placed.number], keep: false, policy: policy
    ) { index, inputs in
      inputs.append(input(index))
      inputs.append(placed.firstTask + TaskID(index))
    }
    let written = stages[stages.count - 1]
    try addStage(
      name, op: definition, arguments: arguments, body: PlacedFileBody(op: op), layout: .single,
      inputs: [written.number], keep: keep, policy: policy
    ) { _, inputs in inputs += written.tasks }
  }
}

/// In which a part's bytes are gathered and written.
public enum PlacedBlocks {
  public static let blockByteCount = 1 << 20
  /// One is filled while the others are on their way.
  public static let count = 3
}

/// Where a partition goes.
struct FilePlace: TaskValue {
  static let kind = "place"

  /// Of this partition.
  let own: PlacedSize
  /// Of all before it.
  let before: PlacedSize

  /// It stands for bytes in a file that no later run looks for: it takes next to nothing, and is never kept.
  var byteCount: Int { 0 }
  var isSpillable: Bool { false }

  func write(to sink: any ByteSink) throws {
    throw TaskError(.cannotWrite, "a part of a file that is being written cannot be kept after the run")
  }

  init(contentsOf buffer: Buffer) throws {
    throw TaskError(.corruptValue, "a part of a file that was being written was not kept; it is written again")
  }

  init(own: PlacedSize, before: PlacedSize) {
    self.own = own
    self.before = before
  }

  func preview(limit: Int) -> ValuePreview {
    ValuePreview(
      columns: ["records", "bytes", "at"], rows: [["\(own.records)", "\(own.bytes)", "\(before.bytes)"]], rowCount: 1,
      json: #"{"records":\#(own.records),"bytes":\#(own.bytes),"at":\#(before.bytes)}"#)
  }

  static func from(_ value: any TaskValue) throws -> FilePlace {
    guard let place = value as? FilePlace else {
      throw TaskError(.wrongType, "the input is a \(type(of: value).kind), and no place in a file")
    }
    return place
  }
}

/// Finds what a partition takes.
private struct SizeBody: TaskBody {
  let op: any PlacedSinkOp
  let partitions: Partitions

  var hasSmallResults: Bool { true }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: 0, scratch: op.estimate(inputBytes: inputBytes.reduce(0, +)).scratch)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let own = try op.size(of: inputs[0], partition: partitions[role.partitionIndex], context: context)
    return FilePlace(own: own, before: PlacedSize(records: 0, bytes: 0, form: own.form))
  }

  func identity(_ role: TaskRole) -> [IdentityPart] { [.text(name: "half", value: "size")] }
}

/// Finds where a partition goes, from where the one before it went.
private struct PlaceBody: TaskBody {
  let op: any PlacedSinkOp
  let partitions: Partitions

  var hasSmallResults: Bool { true }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: 0, scratch: 4096)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    var own = try FilePlace.from(inputs[0]).own
    guard inputs.count > 1 else {
      let head = try op.headByteCount(form: own.form)
      return FilePlace(own: own, before: PlacedSize(records: 0, bytes: head, form: own.form))
    }
    let last = try FilePlace.from(inputs[1])
    guard own.form == last.own.form else {
      let partition = partitions[role.partitionIndex]
      throw TaskError(
        .badInput, op.mismatch(of: partition, form: own.form, others: last.own.form), file: partition.file?.path)
    }
    // One text for all of them.
    own.form = last.own.form
    return FilePlace(
      own: own,
      before: PlacedSize(
        records: last.before.records + last.own.records, bytes: last.before.bytes + last.own.bytes, form: own.form))
  }

  func identity(_ role: TaskRole) -> [IdentityPart] { [.text(name: "half", value: "place")] }
}

/// Writes one partition to its place.
private struct PlacedPartBody: TaskBody {
  let op: any PlacedSinkOp
  let partitions: Partitions

  var hasSmallResults: Bool { true }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    var estimate = op.estimate(inputBytes: inputBytes.first ?? 0)
    estimate.scratch += PlacedBlocks.blockByteCount * PlacedBlocks.count
    return estimate
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let place = try FilePlace.from(inputs[1])
    let start = place.before.bytes
    try context.writePart(of: op.path, at: start..<start + place.own.bytes) { sink in
      try op.write(inputs[0], partition: partitions[role.partitionIndex], to: sink, context: context)
    }
    return place
  }

  func identity(_ role: TaskRole) -> [IdentityPart] { [.text(name: "half", value: "part")] }
}

/// Puts the head in front, and publishes the file.
private struct PlacedFileBody: TaskBody {
  let op: any PlacedSinkOp

  var touchesFiles: Bool { true }
  var hasSmallResults: Bool { true }

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    MemoryEstimate(output: 256, scratch: 4096)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let last = try FilePlace.from(inputs[inputs.count - 1])
    let records = last.before.records + last.own.records
    let head = try op.head(records: records, form: last.own.form)
    return try context.publishParts(
      of: op.path, head: head, byteCount: last.before.bytes + last.own.bytes, records: records)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    [.text(name: "half", value: "join"), .text(name: "path", value: op.path)]
  }

  func outputPath(_ role: TaskRole) -> String? { op.path }
}
