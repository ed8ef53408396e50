import CMemory
import Graph

/// One thread that fires tasks.
///
/// Move-only: it belongs to its thread.
struct DataflowWorker: ~Copyable {
  private let number: Int
  private let run: DataflowRun
  private let body: Body
  private let flow: DataflowGraph
  private let context: WorkerContext
  /// What a task gets, kept for its capacity.
  private var arguments: [any TaskValue] = []
  /// Readers of the task that just ended which can run now, but for the first.
  private var ready: [Int32] = []
  private var done = 0

  init(_ number: Int, _ run: DataflowRun) {
    self.number = number
    self.run = run
    flow = run.flow
    context = WorkerContext(
      graph: run.graph, current: CurrentTask(), memoryLimit: MemoryBudget.unbounded, scratchStore: nil,
      placedFiles: nil,
      rejectsPath: { _ in nil }, logPath: { _ in "" }, isStopping: { [run] in run.stops })
    // A list of its own: references to the graph's are counted in one place for all workers.
    body = Body(stages: run.graph.stages.map { $0 }, context: context)
  }

  mutating func work() {
    let own = run.deques[number]
    while !run.hasEnded, let first = own.pop() ?? run.find(for: number) {
      var place = first
      while place >= 0, !run.hasEnded { place = fire(place) }
    }
    run.finished(done)
  }

  /// Runs a task and hands its result on.
  ///
  /// - Returns: the first of its readers that can run now; -1 where there is none.
  private mutating func fire(_ place: Int32) -> Int32 {
    let inputs = flow.inputs(of: place)
    let readers = flow.readers(of: place)
    prefetch(inputs)
    prefetch(readers)
    takeInputs(inputs)
    do {
      if readers.isEmpty {
        _ = try body.run(flow.node(place), arguments)
      } else {
        // Right where its readers look for it.
        flow.value(place).initialize(to: try body.run(flow.node(place), arguments))
      }
    } catch {
      context.discardRejects()
      clearArguments()
      run.failed(place, (error as? TaskError) ?? TaskError(.failed, "\(error)"))
      return -1
    }
    clearArguments()
    done += 1
    guard !readers.isEmpty else { return -1 }
    flow.node(place).pointee.missing.store(-1, ordering: .relaxed)
    return tell(readers)
  }

  /// Counters are changed one after the other; their cache lines come all at once.
  @inline(__always)
  private func prefetch(_ places: UnsafeBufferPointer<Int32>) {
    for place in places.prefix(16) { graphrun_prefetch(flow.node(place)) }
  }

  @inline(__always)
  private mutating func takeInputs(_ inputs: UnsafeBufferPointer<Int32>) {
    for input in inputs {
      let node = flow.node(input)
      // The last reader has it for itself.
      if node.pointee.uses.load(ordering: .acquiring) == 1 {
        node.pointee.uses.store(0, ordering: .relaxed)
        arguments.append(flow.value(input).move())
      } else {
        arguments.append(flow.value(input).pointee)
        if node.pointee.uses.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
          flow.value(input).deinitialize(count: 1)
        }
      }
    }
  }

  /// One by one, which for a few is cheaper than `removeAll`.
  @inline(__always)
  private mutating func clearArguments() {
    while !arguments.isEmpty { arguments.removeLast() }
  }

  /// An input of these readers is there now.
  @inline(__always)
  private mutating func tell(_ readers: UnsafeBufferPointer<Int32>) -> Int32 {
    var next: Int32 = -1
    for reader in readers {
      let node = flow.node(reader)
      guard
        node.pointee.inputCount == 1
          || node.pointee.missing.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0
      else { continue }
      if next < 0 { next = reader } else { ready.append(reader) }
    }
    if !ready.isEmpty {
      run.share(ready.reversed(), by: number)
      ready.removeAll(keepingCapacity: true)
    }
    return next
  }

  /// Apart from what changes, so that neither a stage's body nor the inputs are copied for a call: all workers count
  /// references to a body in the same place.
  private struct Body {
    let stages: [Stage]
    let context: WorkerContext

    @inline(never)
    func run(_ node: UnsafeMutablePointer<DataflowGraph.Node>, _ inputs: [any TaskValue]) throws -> any TaskValue {
      let task = node.pointee.task
      let stage = Int(node.pointee.stage)
      context.begin(task, of: task, attempt: 1, timeout: nil)
      let role = stages[stage].role(Int(task - stages[stage].firstTask))
      return try stages[stage].body.run(role, inputs: inputs, context: context)
    }
  }
}
