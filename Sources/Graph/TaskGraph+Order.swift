// The order of a run.
//
// A run's order is fixed before it starts, because eviction needs to know when a value is used next (Bélády's rule:
// drop what is needed last). A good order holds few results at once: its *pressure* is low. Finding the lowest is
// register allocation and NP-hard on graphs; on trees it is easy (Sethi and Ullman, "The generation of optimal code
// for arithmetic expressions", JACM 17, 1970): the input that takes most room goes first.
//
// One observation carries the rest. Call a task that can run *free* if no more is held after it than before: nobody
// needs its result, or it is the last to need one of its inputs. Running a free task at once never costs anything:
// move it forward in any order, and what was held between its new and its old place becomes no more, the rest stays.
// Results that are small beside others, such as counts, weigh nothing: who gives one is free as soon as it can run.
// So every rule below only chooses between tasks that are not free, and free ones run as soon as they can. That alone
// turns going level by level through random layers of 100 tasks from 136 held results into 108.
//
// No one rule is best for every graph, so several are tried and the order of the lowest pressure is kept:
//
// - depth first: each task behind the last of its inputs, heavy inputs first. Optimal on trees.
// - by number, as the DAG file has it, and level by level. Good for wide layers.
// - greedy: go on with a task that has been begun, the one that costs least at the moment, where a cost is what would
//   be held more, how many inputs are missing, or how far it is from the sources, in three combinations. Finds local
//   groups in graphs of many overlapping reductions; does not depend on how the file numbers its tasks. Small graphs
//   are tried some more times, with ties decided by lot, always the same: which of equals goes first can matter. Where
//   it does not, as in a shuffle whose tasks are all alike, a few times show it.
//
// The first three take linear time and are all that large graphs get; the greedy ones need a heap, so they are for
// graphs of at most `OrderSearch.greedyLimit` tasks and edges. An order is given up as soon as it is beaten, and a
// large graph is done with the first order that holds no more than the inputs of one task.
//
// Invariant: an order holds every included task once, each after those of its inputs that are included.
// See also Dask's `order.py`, whose notion of pressure this is, and whose orders the tests compare with.

extension TaskGraph {
  /// How many results an order keeps waiting for their consumers.
  public struct Pressure: Hashable, Comparable, Sendable {
    /// The most results held after any step.
    public var peak = 0
    /// Summed over all steps: what remains equal at the peak may differ here.
    public var sum = 0

    public static func < (a: Pressure, b: Pressure) -> Bool { (a.peak, a.sum) < (b.peak, b.sum) }
  }

  /// The included tasks in the order of the lowest pressure among the candidates.
  ///
  /// - Parameters:
  ///   - included: whether each task runs; the results of others are taken as being at hand.
  ///   - consumers: what `consumers()` gives.
  /// - Complexity: O(tasks + edges).
  public func ordered(_ included: [Bool], consumers: Consumers) -> [TaskID] {
    var search = OrderSearch(self, included)
    search.run()
    return search.bestOrder()
  }

  /// What each rule makes of the graph, for tests and for comparing rules. Rules that give up are missing.
  package func candidateOrders(_ included: [Bool]) -> [(rule: OrderRule, order: [TaskID])] {
    OrderRule.allCases.compactMap { rule in
      var search = OrderSearch(self, included)
      return search.attempt(rule) ? (rule, search.bestOrder()) : nil
    }
  }

  /// What `order` would hold: after each task, inputs that nothing later needs are dropped and the
  /// task's own result is counted if anything included needs it.
  public func pressure(of order: [TaskID], _ included: [Bool], consumers: Consumers) -> Pressure {
    var uses = usesLeft(included, consumers: consumers)
    var held = 0
    var pressure = Pressure()
    for task in order {
      for input in inputs(of: task) where included[Int(input)] {
        uses[Int(input)] -= 1
        if uses[Int(input)] == 0, !isWeightless(input) { held -= 1 }
      }
      if uses[Int(task)] > 0, !isWeightless(task) { held += 1 }
      pressure.peak = max(pressure.peak, held)
      pressure.sum += held
    }
    return pressure
  }

  /// Whether the task's result does not count among those that are held.
  func isWeightless(_ task: TaskID) -> Bool { stage(of: task).body.hasSmallResults }

  /// For every task, by how many included tasks its result is yet to be used.
  public func usesLeft(_ included: [Bool], consumers: Consumers) -> [Int32] {
    tasks.map { task in consumers[task].reduce(0) { $0 + (included[Int($1)] ? 1 : 0) } }
  }

  /// Whether every included task stands in `order` once, behind its included inputs.
  public func isTopological(_ order: [TaskID], _ included: [Bool]) -> Bool {
    var placed = [Bool](repeating: false, count: taskCount)
    for task in order {
      guard included[Int(task)], !placed[Int(task)] else { return false }
      for input in inputs(of: task) where included[Int(input)] && !placed[Int(input)] { return false }
      placed[Int(task)] = true
    }
    return zip(placed, included).allSatisfy { $0 == $1 }
  }
}
