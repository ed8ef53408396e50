import Graph
import Testing

@testable import Tasks

/// What placeholders in a command become.
@Suite struct CommandTemplateTests {
  private let values = CommandTemplate.Values(inputs: ["/d/a b.tar.gz", "/d/it's"], output: "/o/.x", index: 7)

  private func text(_ text: String, _ use: CommandTemplate.Use = .shell, params: [String: String] = [:]) throws
    -> String
  {
    try CommandTemplate(text, use: use, of: "run", params: params).text(values)
  }

  @Test("For the shell each value is one word, whatever it holds; elsewhere it is put in as it is")
  func quoting() throws {
    #expect(
      try text("{input} {inputs} {output} {name} {stem} {index}")
        == #"'/d/a b.tar.gz' '/d/a b.tar.gz' '/d/it'\''s' /o/.x 'a b.tar.gz' 'a b.tar' 7"#)
    #expect(try text("-o={input}", .word) == "-o=/d/a b.tar.gz")
    #expect(try text("{params.a}{params.b}", params: ["a": "", "b": "~"]) == "'''~'")
    #expect(try text("{params.a}", params: ["a": "{input}"]) == "'{input}'", "what is put in is not read again")
  }

  @Test(
    "Other braces are themselves",
    arguments: [
      "awk '{print $1}'", "a{b,c}", "{}", "{ input }", "${input}", "{1}", "}{", "{", "{input", #"{"a": {"b": 1}}"#,
    ])
  func braces(text: String) throws {
    #expect(try self.text(text) == text)
  }

  @Test("Two pairs of braces stand for one")
  func escapes() throws {
    #expect(try text("{{input}} '{{no.such-thing}}' {{ {{}}") == "{input} '{no.such-thing}' {{ {{}}")
  }

  @Test(
    "In quotes of the user's a placeholder is refused, and nowhere else",
    arguments: [
      ("'{input}'", false), ("\"{input}\"", false), ("\"a\\\"{input}\"", false), ("echo \"$(cat '{input}')\"", false),
      ("'a'{input}'b'", true), ("\"$(cat {input})\"", true), ("\"`cat {input}`\"", true), ("\\\"{input}", true),
      ("true # don't\ncat {input}", true), ("\"$((1+2))\" {input}", true), ("\"$(a \"$(b)\" {input})\"", true),
      ("a#'{input}'", false),
    ])
  func insideQuotes(text: String, isRight: Bool) {
    #expect(((try? self.text(text)) != nil) == isRight, "\(text)")
  }

  @Test("A path's escaped characters are themselves")
  func paths() throws {
    #expect(try text(#"/a\[1\]/\{stem\}/{stem}\x"#, .path) == #"/a[1]/{stem}/a b.tar\x"#)
    #expect(throws: ParameterError.self) { try text("/o/{input}", .path) }
  }
}
