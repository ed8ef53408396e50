import Graph
import Testing

@testable import GraphFile

@Suite struct SubstitutionTests {
  let parameters = """
    parameters:
      word: alpha
      number: 7
      id: 0704.0001
      words: [a, b]
      both: "${word}-${number}"
      more: ["${words}", "${word}", c]
      plain: $5 and $${word}
    """

  @Test func `A whole reference keeps the parameter's type`() throws {
    #expect(try arguments("count: ${number}", parameters: parameters)["count"] == .integer(7))
    #expect(try arguments("label: \"${id}\"", parameters: parameters)["label"] == .string("0704.0001"))
    #expect(try arguments("words: ${words}", parameters: parameters)["words"] == .strings(["a", "b"]))
    #expect(try arguments("words: ${word}", parameters: parameters)["words"] == .strings(["alpha"]))
  }

  @Test func `Inside a longer text the value is inserted as text`() throws {
    #expect(
      try arguments("label: x${word}y${number}${id}", parameters: parameters)["label"] == .string("xalphay70704.0001"))
    #expect(try arguments("count: ${number}1", parameters: parameters)["count"] == .integer(71))
    #expect(try arguments("label: ${both}!", parameters: parameters)["label"] == .string("alpha-7!"))
  }

  @Test func `A list among the items of a list is spliced in`() throws {
    #expect(
      try arguments("words: [x, \"${more}\", \"<${word}>\"]", parameters: parameters)["words"]
        == .strings(["x", "a", "b", "alpha", "c", "<alpha>"]))
  }

  @Test func `A dollar is a dollar, and two before a brace are one`() throws {
    #expect(try arguments("label: ${plain}", parameters: parameters)["label"] == .string("$5 and ${word}"))
    #expect(try arguments("label: a$b$$c$", parameters: parameters)["label"] == .string("a$b$$c$"))
    #expect(try arguments("label: $${word", parameters: parameters)["label"] == .string("${word"))
    #expect(try arguments("label: $$${word}", parameters: parameters)["label"] == .string("$${word}"))
  }

  @Test func `The pipeline shows its parameters as JSON`() throws {
    let pipeline = try build(
      parameters + "\n  more2: [1, \"1\", -0.5e3, true, True, 01, 1., .5]\ntasks: {a: {op: numbers.make}}",
      [Override("number", "8"), Override("words", "[x, 2]")])
    #expect(
      pipeline.parameters.map { "\($0.name)=\($0.json)" } == [
        #"word="alpha""#, "number=8", #"id="0704.0001""#, #"words=["x",2]"#, #"both="alpha-8""#,
        #"more=["x",2,"alpha","c"]"#, #"plain="$5 and ${word}""#,
        #"more2=[1,"1",-0.5e3,true,"True","01","1.",".5"]"#,
      ])
  }

  @Test(arguments: [
    (
      "label: ${wrod}",
      "14:14: task \"made\": parameter \"label\": ${wrod} does not name a parameter of this file; did you mean \"word\"?"
    ),
    ("label: x${}", "14:14: task \"made\": parameter \"label\": ${} does not name a parameter of this file"),
    (
      "label: a${words}b",
      "14:14: task \"made\": parameter \"label\": \"words\" is a list and cannot stand inside a longer text"
    ),
    (
      "label: a${word",
      "14:14: task \"made\": parameter \"label\": \"${\" without \"}\" in \"a${word\"; write \"$${\" for \"${\" itself"
    ),
    (
      "words: [a, \"${wrod}\"]",
      "14:18: task \"made\": parameter \"words\": ${wrod} does not name a parameter of this file; did you mean \"word\"?"
    ),
    (
      "count: ${word}",
      "14:14: task \"made\": parameter \"count\" wants an integer, 0 to 1000, and got \"alpha\" (from parameter \"word\" on line 2)"
    ),
    (
      "label: ${words}",
      "14:14: task \"made\": parameter \"label\" wants a string, and got a list (from parameter \"words\" on line 5)"
    ),
    (
      "mode: ${word}",
      "14:13: task \"made\": parameter \"mode\": \"alpha\" is none of fast, safe (from parameter \"word\" on line 2)"
    ),
    (
      "count: ${big}",
      "14:14: task \"made\": parameter \"count\": 5000 is out of range: integer, 0 to 1000 (from parameter \"big\" on line 9)"
    ),
  ])
  func `A reference that fails is answered at its use`(with: String, message: String) throws {
    do {
      _ = try arguments(with, parameters: parameters + "\n  big: 5000")
      Issue.record("\(with) is accepted")
    } catch {
      #expect(lines(of: error) == [message])
    }
  }

  @Test func `A parameter may use only earlier ones`() {
    #expect(
      complaints("parameters:\n  a: ${b}\n  b: ${b}\n  c: ${a}\ntasks: {t: {op: numbers.make}}\n") == [
        "2:6: parameter \"a\": ${b} does not name an earlier parameter",
        "3:6: parameter \"b\": ${b} does not name an earlier parameter; did you mean \"a\"?",
      ])
  }

  @Test func `A parameter without a value must be given one`() throws {
    let text = "parameters:\n  label:\ntasks: {t: {op: numbers.make, with: {label: \"${label}\"}}}\n"
    #expect(complaints(text) == ["2:3: parameter \"label\" has no value: give it one here, or set it for this run"])
    #expect(try build(text, [Override("label", "x")]).graph.stages[0].parameters["label"] == .string("x"))
  }
}
