import Graph
import Testing

@testable import GraphFile

@Suite struct WhenTests {
  private func stages(_ when: String, parameters: String = "{format: csv, fast: true, words: [a, b c], empty: ''}")
    throws
    -> [String]
  {
    try build(
      "parameters: \(parameters)\ntasks:\n  x: {op: numbers.make}\n  y:\n    op: numbers.make\n    when: \(when)\n"
    )
    .graph.stages.map(\.name)
  }

  @Test(arguments: [
    "true", "${fast}", "${format} == csv", "${format}==csv", "${format} != parquet", "${format} in [parquet, csv]",
    "${format} == 'csv'", "\"'b c' in ${words}\"", "\"b c in ${words}\"", "a in ${words}", "x-${format} == x-csv",
    "[\"${fast}\", \"${format} == csv\"]", "${empty} == ''", "\"${format} in [json, '${format}']\"", "it's != its",
    "\"${words} in [x]\"",
  ])
  func `A task is there where its condition holds`(when: String) throws {
    guard !when.contains("${words} in") else {
      #expect(throws: GraphFileError.self) { try stages(when) }
      return
    }
    #expect(try stages(when) == ["x", "y"])
  }

  @Test(arguments: [
    "false", "${format} == parquet", "${format} != csv", "${format} in [parquet, json]", "c in ${words}",
    "[\"${fast}\", \"${format} == json\"]", "${fast} == false", "CSV == ${format}",
  ])
  func `And is not there where it does not`(when: String) throws { #expect(try stages(when) == ["x"]) }

  @Test(arguments: [
    (
      "${format}",
      "wants true, false, \"${a} == b\", \"${a} != b\" or \"${a} in [b, c]\", and got \"csv\" (from parameter \"format\" on line 1)"
    ),
    ("${format} = csv", "wants true, false, \"${a} == b\", \"${a} != b\" or \"${a} in [b, c]\", and got \"csv = csv\""),
    ("${fromat} == csv", ": ${fromat} does not name a parameter of this file; did you mean \"format\"?"),
    (
      "${format} ==",
      "wants true, false, \"${a} == b\", \"${a} != b\" or \"${a} in [b, c]\", and got \"${format} ==\"; of a list of them all must hold"
    ),
    (
      "${format} == csv == x",
      "wants true, false, \"${a} == b\", \"${a} != b\" or \"${a} in [b, c]\", and got \"${format} == csv == x\"; of a list of them all must hold"
    ),
    ("${words} == a", ": \"${words}\" is a list, and only \"in\" has one, on its right"),
    ("{a: b}", "wants a text, and this is a mapping"),
    ("", "has no value"),
  ])
  func `A condition that cannot be told is answered`(when: String, message: String) {
    let text = "parameters: {format: csv, words: [a]}\ntasks:\n  y:\n    op: numbers.make\n    when: \(when)\n"
    #expect(
      complaints(text) == [
        "5:\(when.isEmpty ? 10 : 11): task \"y\": \"when\"\(message.hasPrefix(":") ? "" : " ")\(message)"
      ])
  }

  @Test func `What is switched off is as if it were not there`() throws {
    let text = """
      parameters: {more: false, count: none}
      tasks:
        a: {op: numbers.make}
        off: {op: numbers.make, when: "${more}", with: {count: "${count}"}}
        reader: {op: numbers.double, from: off, when: "${more}"}
        merged: {op: numbers.merge, from: [a, off]}
        scaled: {op: numbers.scale, from: [a, total, off]}
        total: {op: numbers.sum, from: a}
      """
    let built = try build(text)
    #expect(built.graph.stages.map(\.name) == ["a", "merged", "total", "scaled"])
    #expect(built.switchedOff == ["off", "reader"])
    #expect(built.entryCount == 6)
    #expect(try build(text, [Override("more", "true"), Override("count", "2")]).graph.stages.count == 6)
  }

  @Test func `Names are checked also where a task is off`() {
    #expect(
      complaints(
        "tasks:\n  a: {op: numbers.make}\n  b: {op: numbers.mak, when: false}\n"
          + "  c: {op: numbers.make, with: {cuont: 1}, when: false}\n") == [
          "3:11: task \"b\": there is no operation \"numbers.mak\"; did you mean \"numbers.make\"?",
          "4:32: task \"c\": numbers.make has no parameter \"cuont\"; did you mean \"count\"?",
        ])
  }

  @Test func `Who needs what is switched off is told so`() {
    let text =
      "tasks:\n  a: {op: numbers.make, when: false}\n  b: {op: numbers.make}\n  t: {op: numbers.sum, from: b}\n"
    #expect(
      complaints(text + "  c: {op: numbers.sum, from: a}\n") == [
        "5:30: task \"c\": \"from\" names \"a\", which the \"when\" of its entry on line 2 switches off: "
          + "switch this task off too, or let it read {oneOf: [a, …]}"
      ])
    // Left out, the next would slip into its place.
    #expect(
      complaints(text + "  c: {op: numbers.scale, from: [b, a, b]}\n").first?.hasPrefix("5:36: task \"c\"") == true)
    #expect(
      complaints(text + "  c: {op: numbers.merge, from: a}\n") == [
        "5:26: task \"c\": numbers.merge needs \"from\" to name numbers (bag or value, one or more), and \"from\" names 0"
      ])
  }

  @Test func `One of several is read, whichever is on`() throws {
    let text = """
      parameters: {format: csv, also: false}
      tasks:
        csv: {op: numbers.make, when: "${format} == csv"}
        parquet: {op: numbers.make, when: ["${format} == parquet"]}
        both: {op: numbers.make, when: "${also}"}
        read: {op: numbers.double, from: {oneOf: [csv, parquet, both]}}
        scaled: {op: numbers.merge, from: [read, {oneOf: [csv, parquet]}]}
      """
    func input(_ overrides: [Override]) throws -> [String] {
      let graph = try build(text, overrides).graph
      return try #require(graph.stage(named: "read")).inputs.map { graph.stages[$0].name }
    }
    #expect(try input([]) == ["csv"])
    #expect(try input([Override("format", "parquet")]) == ["parquet"])
    #expect(
      complaints(text, [Override("format", "json")]) == [
        "6:36: task \"read\": \"from\": of \"csv\", \"parquet\" and \"both\" none is switched on: \"when\" must leave one",
        "7:44: task \"scaled\": \"from\": of \"csv\" and \"parquet\" none is switched on: \"when\" must leave one",
      ])
    #expect(
      complaints(text, [Override("also", "true")]) == [
        "6:36: task \"read\": \"from\": of \"oneOf\", \"csv\" and \"both\" are switched on: \"when\" must leave one"
      ])
    #expect(
      complaints("tasks:\n  a: {op: numbers.make}\n  b: {op: numbers.sum, from: {oneOf: [a]}}\n")
        == ["3:38: task \"b\": \"from\": \"oneOf\" lists two tasks or more"])
  }

  @Test func `Instances are switched one by one`() throws {
    let text = """
      parameters: {skip: fr}
      tasks:
        a: {foreach: [de, fr, it], op: numbers.make, when: "${item} != ${skip}"}
        b: {foreach: [de, fr, it], op: numbers.double, from: "a@${item}", when: "${item} != ${skip}"}
        all: {op: numbers.merge, from: b}
      """
    let built = try build(text)
    #expect(built.graph.stages.map(\.name) == ["a@de", "a@it", "b@de", "b@it", "all"])
    #expect(built.switchedOff == ["a@fr", "b@fr"])
    #expect(
      complaints(text.replacing("from: \"a@${item}\", when: \"${item} != ${skip}\"", with: "from: \"a@${item}\"")) == [
        "4:56: task \"b@fr\": \"from\" names \"a@fr\", which the \"when\" of its entry on line 3 switches off: "
          + "switch this task off too, or let it read {oneOf: [a@fr, …]}"
      ])
  }
}
