extension TaskGraph {
  /// `order` changed so that, among tasks whose inputs stand before, those of higher priority come first.
  ///
  /// A task has the highest priority of itself and of all that needs it, as in Snakemake. Where no stage has a priority,
  /// the order stays as it is.
  ///
  /// - Complexity: O((tasks + edges) · log tasks) where there are priorities.
  public func prioritized(_ order: [TaskID], _ included: [Bool], consumers: Consumers) -> [TaskID] {
    guard stages.contains(where: { $0.policy.priority != 0 }) else { return order }
    var priority = tasks.map { Int32(stages[stageNumber(of: $0)].policy.priority) }
    for task in tasks.reversed() where included[Int(task)] {
      for input in inputs(of: task) { priority[Int(input)] = max(priority[Int(input)], priority[Int(task)]) }
    }
    // Places by priority, then by the order's own rank: a heap of places gives the earliest task that can stand next.
    let sorted = order.indices.sorted { (-priority[Int(order[$0])], $0) < (-priority[Int(order[$1])], $1) }
    var place = [Int32](repeating: 0, count: taskCount)
    for (index, position) in sorted.enumerated() { place[Int(order[position])] = Int32(index) }
    var waiting = tasks.map { task in inputs(of: task).reduce(Int32(0)) { $0 + (included[Int($1)] ? 1 : 0) } }
    var ready = RankQueue(capacity: order.count)
    for task in order where waiting[Int(task)] == 0 { ready.insert(place[Int(task)]) }
    var result: [TaskID] = []
    result.reserveCapacity(order.count)
    while let next = ready.removeFirst() {
      let task = order[sorted[Int(next)]]
      result.append(task)
      for consumer in consumers[task] where included[Int(consumer)] {
        waiting[Int(consumer)] -= 1
        if waiting[Int(consumer)] == 0 { ready.insert(place[Int(consumer)]) }
      }
    }
    return result
  }
}
