import Graph

extension SchedulerState {
  /// Results of less than this follow Bélády's rule alone: what that writes too much is less than one of them.
  var leastPlanned: Int { budget.capacity / 64 }

  /// Looks ahead from a unit that does not fit: which of the large results in memory are to be written?
  ///
  /// Sizes that are not known yet are estimates, as for admission. Whenever what was planned is not enough, another plan
  /// is made, from what is known by then.
  mutating func planSpills(for task: TaskID) -> Set<TaskID> {
    var plan = SpillPlan()
    var tasks: [TaskID] = []
    var numbers: [TaskID: Int] = [:]
    func add(_ task: TaskID, _ bytes: Int) -> Int {
      numbers[task] = tasks.count
      tasks.append(task)
      plan.values.append(SpillPlan.Value(bytes: bytes, uses: [], isUsedLater: false))
      return tasks.count - 1
    }
    for resident in dirtyResidents() where bytes[Int(resident)] >= leastPlanned {
      guard tasks.count < SpillPlan.mostValues / 2 else { break }
      _ = add(resident, bytes[Int(resident)])
    }
    let inMemory = tasks.count
    var sizes: [TaskID: Int] = [:]
    for head in runningHeads {
      let last = fused.last(of: head)
      let output = estimate(ofUnit: head, inputs[head].map { bytes[Int($0)] }).output
      sizes[last] = output
      guard output >= leastPlanned, usesLeft[Int(last)] > 0, !isStoredAnyway(last) else { continue }
      plan.steps.append(SpillPlan.Step(need: 0, output: add(last, output)))
    }
    for rank in Int(rank[Int(task)])..<order.count {
      let head = order[rank]
      switch status[Int(head)] {
      case .waiting, .ready, .delayed: break
      case .outside, .running, .done, .failed, .skipped, .cancelled: continue
      }
      guard plan.steps.count < SpillPlan.mostSteps, tasks.count < SpillPlan.mostValues else { break }
      var step = SpillPlan.Step(need: 0)
      var inputSizes: [Int] = []
      for (position, input) in inputs[head].enumerated() {
        let size = sizes[input] ?? bytes[Int(input)]
        inputSizes.append(size)
        guard !inputs[head].prefix(position).contains(input) else { continue }
        step.need += size
        guard let number = numbers[input] else { continue }
        step.inputs.append(number)
        plan.values[number].uses.append(Int32(plan.steps.count))
      }
      let (own, output) = estimate(ofUnit: head, inputSizes)
      step.need += own
      let last = fused.last(of: head)
      sizes[last] = output
      if output >= leastPlanned, usesLeft[Int(last)] > 0, !isStoredAnyway(last) { step.output = add(last, output) }
      plan.steps.append(step)
    }
    for (number, task) in tasks.enumerated() {
      plan.values[number].isUsedLater = plan.values[number].uses.count < Set(consumers[task].filter(isToRun)).count
      // Only units that run read it still: it goes with them.
      if plan.values[number].uses.isEmpty, !plan.values[number].isUsedLater { plan.values[number].bytes = 0 }
    }
    return Set(plan.victims(inMemory: inMemory, capacity: budget.capacity).map { tasks[$0] })
  }

  private func isToRun(_ task: TaskID) -> Bool {
    switch status[Int(task)] {
    case .waiting, .ready, .delayed: true
    case .outside, .running, .done, .failed, .skipped, .cancelled: false
    }
  }

  /// Whether the result is on disk as soon as it is there.
  private func isStoredAnyway(_ task: TaskID) -> Bool {
    graph.isKept(graph.stages[graph.stageNumber(of: task)]) && graph.outlives(task)
  }

  /// What the units that run will give back when they end, as far as is known.
  func toBeGivenBack() -> Int {
    runningHeads.reduce(0) { sum, head in
      var sizes: [Int] = []
      var given = bytes[Int(head)]
      let inputs = inputs[head]
      for (position, input) in inputs.enumerated() {
        sizes.append(bytes[Int(input)])
        guard !inputs.prefix(position).contains(input) else { continue }
        if Int(usesLeft[Int(input)]) == inputs.count(where: { $0 == input }) { given += bytes[Int(input)] }
      }
      let last = fused.last(of: head)
      if usesLeft[Int(last)] > 0 { given -= min(bytes[Int(head)], estimate(ofUnit: head, sizes).output) }
      return sum + given
    }
  }

  /// What a unit takes itself, and what its result does.
  func estimate(ofUnit head: TaskID, _ inputSizes: [Int]) -> (own: Int, output: Int) {
    var (own, passed) = (0, 0)
    var sizes = parts.bytes(for: head).map { [$0] } ?? inputSizes
    var task = head
    while true {
      let stage = graph.stageNumber(of: task)
      let estimate = estimate(task, stage, sizes)
      let output = corrected(estimate.output, stage)
      own = max(own, passed + output + estimate.scratch)
      passed = output
      guard let next = fused.next(after: task) else {
        return (own + (extraBytes.isEmpty ? 0 : extraBytes[head] ?? 0), output)
      }
      sizes = [output]
      task = next
    }
  }
}
