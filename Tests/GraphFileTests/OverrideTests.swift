import Graph
import Testing

@testable import GraphFile

@Suite struct OverrideTests {
  let parameters = "parameters: {input: data, count: 2, words: [a], output: out}"

  @Test(arguments: [
    "*.json", "[x]*.json", "[a, b]", "{a}", "a: b", "!x", "@x", "&x", "", " x ", "\"q\"", "~", "null", "${count}",
    "- a",
  ])
  func `In place of a single value the text is taken as it stands`(text: String) throws {
    #expect(
      try arguments("label: ${input}", parameters: parameters, [Override("input", text)])["label"] == .string(text))
  }

  @Test(arguments: [
    ("[b, 'c d', 1]", ["b", "c d", "1"]), ("[]", []), ("b", ["b"]), ("a, b", ["a, b"]), ("*.json", ["*.json"]),
    ("[x]*.json", ["[x]*.json"]), ("a: b", ["a: b"]), ("[[a]]", ["[[a]]"]), ("[a", ["[a"]), ("", [""]),
    ("{a}", ["{a}"]),
  ])
  func `In place of a list a list in brackets is a list, and anything else is its one item`(
    text: String, words: [String]
  ) throws {
    #expect(
      try arguments("words: ${words}", parameters: parameters, [Override("words", text)])["words"] == .strings(words))
  }

  @Test func `The last of two counts`() throws {
    let overrides = [Override("count", "3"), Override("count", "4")]
    #expect(try arguments("count: ${count}", parameters: parameters, overrides)["count"] == .integer(4))
  }

  @Test func `A name that the file does not have is an error of its own`() throws {
    let text = parameters + "\ntasks: {a: {op: numbers.make}}"
    let error = try #require(throws: GraphFileError.self) { try build(text, [Override("imput", "x")]) }
    #expect(error.code == .unknownOverride)
    #expect(
      error.description
        == "/data/p.yaml: cannot set \"imput\": the file has no such parameter; did you mean \"input\"?")
    #expect(
      complaints(text, [Override("zebra", "x")])
        == ["cannot set \"zebra\": the file has no such parameter; its parameters are input, count, words and output"])
    #expect(
      complaints("tasks: {a: {op: numbers.make}}", [Override("x", "x")])
        == ["cannot set \"x\": the file has no such parameter; it has no parameters"])
  }

  @Test func `A value that does not fit says that it was set`() {
    let text = parameters + "\ntasks: {a: {op: numbers.make, with: {count: \"${count}\"}}}"
    #expect(
      complaints(text, [Override("count", "many")]) == [
        "2:45: task \"a\": parameter \"count\" wants an integer, 0 to 1000, and got \"many\" "
          + "(from parameter \"count\", as it was set)"
      ])
  }
}
