import Testing

@testable import BagRunner

@Suite struct JSONTests {
  @Test(
    arguments: [
      "null", "true", "-0.0", "1", "-9223372036854775808", "1.0", "1e+16", "NaN", "-Infinity", "[]", "[1, 1.0, true]",
      #""a\"\\\n\u0001é😀""#, #"{"b": [1], "a": {}}"#,
    ])
  func `what is read is written as it was`(text: String) throws {
    #expect(JSONWriter.text(try JSONReader.read(text)) == text)
  }

  @Test func `integers and floats stay apart`() throws {
    #expect(try JSONReader.read("[1, 1.0, 1e0, 10E-1]").repr == "[1, 1.0, 1.0, 1.0]")
  }

  @Test func `escapes`() throws {
    #expect(try JSONReader.read(#""\ud83d\ude00\u00e9\/\b""#) == .str("😀é/\u{8}"))
  }

  @Test func `tuples and keys are written as Python does`() {
    var dict = PythonDict()
    dict[.int(1)] = .tuple([.none, .bool(false)])
    dict[.float(0.5)] = .float(.infinity)
    dict[.none] = .str("\u{7F}")
    #expect(JSONWriter.text(.dict(dict)) == "{\"1\": [null, false], \"0.5\": Infinity, \"null\": \"\u{7F}\"}")
  }

  @Test(
    arguments: [
      ("", "ends early"), ("[1,]", "no value starts here"), ("[1 2]", "',' or ends with ']'"), ("01", "starts with 0"),
      ("1.", "digits are missing"), ("-", "digits are missing"), ("[1] x", "behind the end"), (#"{"a" 1}"#, "':'"),
      (#"{a: 1}"#, "a key is a string"), ("\"a\nb\"", "must be escaped"), (#""\ud800""#, "other half"),
      (#""\ud800\u0041""#, "other half"),
      (#""\x""#, "no escape"), (#""abc"#, "does not end"), ("nul", "no value"),
      ("9223372036854775808", "does not fit 64 bits"),
      (#""\u12g4""#, "hexadecimal"), (String(repeating: "[", count: 600), "512 deep"),
    ])
  func `what is no JSON is named`(text: String, problem: String) throws {
    let error = try #require(throws: JSONReader.Problem.self) { try JSONReader.read(text) }
    #expect(error.description.contains(problem))
  }

  @Test func `places are lines and columns`() throws {
    let error = try #require(throws: JSONReader.Problem.self) { try JSONReader.read("[1,\n  x]") }
    #expect(error.line == 2 && error.column == 3)
  }
}
