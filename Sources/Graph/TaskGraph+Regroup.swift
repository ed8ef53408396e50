// A regrouping is one stage, or two. `NAME` has one task for each partition that comes out, which reads its members. Where
// the members have to agree on something, `NAME.agreement` finds it in the first partition of each input, and every task
// of `NAME` gets it in front of its members:
//
//   old[0] ─┬───────────────────── all[0]
//           ├── all.agreement ──┬─ all[0] all[1] all[2]
//   old[1] ─│───────────────────│─ all[1]
//   new[0] ─┴───────────────────┴─ all[2]
//
// The agreement is for the second stage only, and nothing keeps it.

extension TaskGraph {
  /// What the stage is called that finds what the members of a regrouping agree on.
  public static func agreementName(of name: String) -> String { name + ".agreement" }

  mutating func addRegrouping(
    _ name: String, op definition: OpDefinition, _ op: any RegroupOp, arguments: OpArguments, of sources: [Stage],
    keep: Bool?, policy: TaskPolicy
  ) throws {
    func task(_ source: Stage, _ partition: Int) -> TaskID { source.results.lowerBound + TaskID(partition) }
    let plan = try op.plan(sources.map { $0.isBag ? $0.partitions : .numbered(1) })
    guard !plan.groups.isEmpty else {
      throw GraphError(.wrongInputs, "there is no partition to take records from", stage: name)
    }
    let edges = plan.groups.reduce(0) { $0 + $1.members.count + 1 }
    guard plan.groups.count + taskCount < Int(Int32.max), edges + inputList.count < Int(Int32.max) else {
      throw GraphError(
        .tooLarge, "\(plan.groups.count) partitions are more than a graph can have; take fewer, larger ones",
        stage: name)
    }
    var inputs = sources.map(\.number)
    var agreement: TaskID?
    if op.agrees {
      let first = TaskGraph.agreementName(of: name)
      try checkFree(first, of: name)
      try addStage(
        first, op: definition, arguments: arguments, body: AgreementBody(op: op), layout: .single, inputs: inputs,
        keep: false, policy: policy
      ) { _, list in for source in sources { list.append(task(source, 0)) } }
      agreement = stages[stages.count - 1].firstTask
      inputs.append(stages.count - 1)
    }
    try addStage(
      name, op: definition, arguments: arguments, body: RegroupBody(op: op, plan: plan),
      layout: .bag(plan.partitions), inputs: inputs, keep: keep, policy: policy
    ) { index, list in
      if let agreement { list.append(agreement) }
      let group = plan.groups[index]
      for member in group.members { list.append(task(sources[group.bag], member)) }
    }
  }
}

/// Finds what partitions agree on.
struct AgreementBody: TaskBody {
  let op: any RegroupOp

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimateAgreement(inputBytes: inputBytes)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    try op.agreement(on: inputs, context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] { [.text(name: "half", value: "agreement")] }
}

/// Makes one partition of the members of its group.
struct RegroupBody: TaskBody {
  let op: any RegroupOp
  let plan: RegroupPlan

  func estimate(_ role: TaskRole, inputBytes: [Int], memoryLimit: Int) -> MemoryEstimate {
    op.estimate(plan.groups[role.partitionIndex], inputBytes: op.agrees ? Array(inputBytes.dropFirst()) : inputBytes)
  }

  func run(_ role: TaskRole, inputs: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    let index = role.partitionIndex
    return try op.regroup(
      op.agrees ? Array(inputs.dropFirst()) : inputs, as: plan.groups[index], agreement: op.agrees ? inputs[0] : nil,
      partition: plan.partitions[index], context: context)
  }

  func identity(_ role: TaskRole) -> [IdentityPart] {
    let group = plan.groups[role.partitionIndex]
    return group.pieceCount == 1 ? [] : [.number(group.piece), .number(group.pieceCount)]
  }
}
