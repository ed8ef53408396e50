import Graph
import Testing

@testable import GraphFile

@Suite struct DefaultsTests {
  @Test func `What a task does not say, the defaults say`() throws {
    let text = """
      parameters: {tries: 3}
      pools: {disk: 2}
      resources: {gpu: 4}
      defaults: {retries: "${tries}", retryDelay: 2, timeout: 60, priority: 5, pool: disk, memory: 64MB, keep: true, resources: {gpu: 2}}
      tasks:
        a: {op: numbers.make}
        b: {op: numbers.make, retries: 0, pool: null, keep: ~, timeout: null, memory: 1MB, resources: null}
      """
    let stages = try build(text).graph.stages
    let (a, b) = (stages[0].policy, stages[1].policy)
    #expect([a.retries, a.priority, a.memory] == [3, 5, 64 << 20])
    #expect([a.retryDelay, a.timeout] == [2, 60])
    #expect(a.takes == [LimitName(.pool, "disk"): 1, LimitName(.resource, "gpu"): 2])
    #expect(stages.map(\.keep) == [true, nil])
    #expect([b.retries, b.priority, b.memory] == [0, 5, 1 << 20])
    #expect(b.timeout == nil)
    #expect(b.takes.isEmpty)
  }

  @Test(arguments: [
    (
      "{op: x}",
      "1:12: \"defaults\": \"op\" is each task's own; it can hold keep, retries, retryDelay, timeout, priority, pool, resources and memory"
    ),
    ("{retires: 2}", "1:12: \"retires\" is no key of \"defaults\"; did you mean \"retries\"?"),
    ("{retries: many}", "1:21: \"defaults\": \"retries\" wants an integer, 0 to 1000, and got \"many\""),
    ("{timeout: 0}", "1:21: \"defaults\": \"timeout\" wants a number of seconds above 0, and got \"0\""),
    ("{memory: [1]}", "1:20: \"defaults\": \"memory\" wants a text, and this is a list"),
    ("{pool: disc}", "1:18: \"defaults\": there is no pool \"disc\"; did you mean \"disk\"?"),
    ("{resources: {gpu: 9}}", "1:23: \"defaults\": it takes 9 of resource \"gpu\", and there are 4"),
    (
      "{resources: {gpu: x}}",
      "1:29: \"defaults\": \"resources\": \"gpu\" wants an integer, 1 to 1000000, and got \"x\""
    ),
    (
      "{memory: \"${item}\"}",
      "1:20: \"defaults\": \"memory\": ${item} does not name a parameter of this file: only a task with \"foreach\" or \"matrix\" has such values"
    ),
    ("[retries]", "1:11: \"defaults\" maps keys of tasks to values, and this is a list"),
    ("{keep: }", "1:18: \"defaults\": \"keep\" has no value"),
  ])
  func `A mistake in the defaults is told once`(defaults: String, message: String) {
    #expect(
      complaints(
        "defaults: \(defaults)\npools: {disk: 2}\nresources: {gpu: 4}\n"
          + "tasks:\n  a: {op: numbers.make}\n  b: {op: numbers.make}\n") == [message])
  }

  @Test func `A task's own options say what they got, and from which parameter`() {
    #expect(
      complaints("parameters: {n: many}\ntasks: {a: {op: numbers.make, retries: \"${n}\", keep: yes}}\n") == [
        "2:40: task \"a\": \"retries\" wants an integer, 0 to 1000, and got \"many\" (from parameter \"n\" on line 1)",
        "2:54: task \"a\": \"keep\" wants true or false, and got \"yes\"",
      ])
  }
}
