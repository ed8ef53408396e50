import Foundation
import GraphRun
import Testing

@testable import BagRunner

// Figures are what CPython 3.11 gives.

private func json(_ text: String) throws -> PythonValue { try JSONReader.read(text) }

/// The Python exception that `body` raises; `nil` if none.
private func raised<T>(_ body: () throws -> T) -> PythonError.Kind? {
  do {
    _ = try body()
    return nil
  } catch {
    return (error as? PythonError)?.type
  }
}

@Suite struct PythonEquality {
  @Test func `1, 1.0 and True are equal and one key`() {
    let one: [PythonValue] = [.int(1), .float(1), .bool(true)]
    for left in one { for right in one { #expect(left == right && left.hashValue == right.hashValue) } }
    #expect(Set(one).count == 1)
    #expect(PythonValue.int(0) == .bool(false))
    #expect(PythonValue.int(0) == .float(-0.0))
    #expect(PythonValue.int(0).hashValue == PythonValue.float(-0.0).hashValue)
    #expect(PythonValue.none != .bool(false))
    #expect(PythonValue.str("1") != .int(1))
  }

  @Test func `integers are compared exactly with floats`() throws {
    let big = 1 << 53
    #expect(PythonValue.int(big + 1) != .float(Double(big)))
    #expect(try PythonValue.float(Double(big)).isLess(than: .int(big + 1)))
    #expect(try !PythonValue.int(big).isLess(than: .float(Double(big))))
    #expect(try PythonValue.int(.max).isLess(than: .float(0x1p63)))
    #expect(try PythonValue.float(-.infinity).isLess(than: .int(.min)))
    #expect(try !PythonValue.float(.nan).isLess(than: .int(1)))
    #expect(try !PythonValue.int(1).isLess(than: .float(.nan)))
    #expect(try PythonValue.int(-1).isLess(than: .float(-0.5)))
  }

  @Test func `strings are equal by code points, not by canonical equivalence`() throws {
    #expect(PythonValue.str("\u{E9}") != .str("e\u{301}"))
    #expect(Set<PythonValue>([.str("\u{E9}"), .str("e\u{301}")]).count == 2)
    // 'Z' < 'a', and a code point beyond the BMP is greater than any in it.
    #expect(try PythonValue.str("Z").isLess(than: .str("a")))
    #expect(try PythonValue.str("\u{FFFF}").isLess(than: .str("\u{1F600}")))
    #expect(try PythonValue.str("").isLess(than: .str("a")))
  }

  @Test func `a list is no tuple, and both are compared element by element`() throws {
    #expect(PythonValue.list([.int(1)]) != .tuple([.int(1)]))
    #expect(PythonValue.tuple([.int(1), .bool(true)]) == .tuple([.float(1), .int(1)]))
    #expect(try PythonValue.list([.int(1), .int(2)]).isLess(than: .list([.int(1), .int(3)])))
    #expect(try PythonValue.list([.int(1)]).isLess(than: .list([.int(1), .int(0)])))
    // The first difference decides, and what stands behind it is not compared.
    #expect(try PythonValue.list([.int(1), .str("a")]).isLess(than: .list([.int(2), .int(3)])))
  }

  @Test func `dictionaries keep their order and are equal without it`() throws {
    let dict = try json(#"{"b": 1, "a": 2, "b": 3}"#)
    #expect(dict.repr == "{'b': 3, 'a': 2}")
    #expect(try dict == json(#"{"a": 2.0, "b": 3}"#))
  }

  @Test func `what has no order raises TypeError`() {
    #expect(raised { try PythonValue.int(1).isLess(than: .str("a")) } == .typeError)
    #expect(raised { try PythonValue.none.isLess(than: .none) } == .typeError)
    #expect(raised { try PythonValue.list([]).isLess(than: .tuple([])) } == .typeError)
    #expect(raised { try PythonValue.max([.int(1), .str("a")]) } == .typeError)
    #expect(raised { try PythonValue.max([]) } == .valueError)
  }

  @Test func `lists and dictionaries are no keys, tuples of keys are`() {
    #expect(raised { try PythonValue.list([]).hashable() } == .typeError)
    #expect(raised { try PythonValue.tuple([.list([])]).hashable() } == .typeError)
    #expect(raised { try PythonValue.dict(PythonDict()).hashable() } == .typeError)
    #expect(raised { try PythonValue.tuple([.int(1), .none]).hashable() } == nil)
  }

  @Test func `of equals, max and min take the first`() throws {
    #expect(try PythonValue.max([.int(1), .bool(true), .float(1)]).repr == "1")
    #expect(try PythonValue.min([.float(1), .int(1)]).repr == "1.0")
    #expect(
      try PythonValue.sorted([.float(2), .int(1), .bool(true), .int(2)]).map(\.repr) == ["1", "True", "2.0", "2"])
  }

  @Test func `truth`() throws {
    for text in ["null", "false", "0", "0.0", "-0.0", #""""#, "[]", "{}"] { #expect(try !json(text).isTrue) }
    for text in ["true", "-1", "0.1", #"" ""#, "[0]", #"{"a": 0}"#, "NaN"] { #expect(try json(text).isTrue) }
  }
}

@Suite struct PythonArithmetic {
  @Test(arguments: [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1), (6, -3, -2, 0), (0, -3, 0, 0)])
  func `division rounds down`(left: Int, right: Int, quotient: Int, remainder: Int) throws {
    #expect(try PythonValue.floorDivide(.int(left), .int(right)) == .int(quotient))
    #expect(try PythonValue.modulo(.int(left), .int(right)) == .int(remainder))
    #expect(try PythonValue.floorDivide(.float(Double(left)), .int(right)) == .int(quotient))
    #expect(try PythonValue.modulo(.int(left), .float(Double(right))) == .int(remainder))
  }

  @Test func `floats too`() throws {
    #expect(try PythonValue.modulo(.float(-7.5), .int(2)).repr == "0.5")
    #expect(try PythonValue.floorDivide(.float(-7.5), .int(2)).repr == "-4.0")
    #expect(try PythonValue.modulo(.float(1), .float(-0.3)).repr == "-0.19999999999999996")
    #expect(try PythonValue.floorDivide(.float(1), .float(0.1)).repr == "9.0")
    #expect(try PythonValue.modulo(.float(4), .int(-2)).repr == "-0.0")
    #expect(try PythonValue.divide(.int(7), .int(2)).repr == "3.5")
    #expect(try PythonValue.divide(.int(4), .int(2)).repr == "2.0")
  }

  @Test func `bools are integers`() throws {
    #expect(try PythonValue.add(.bool(true), .bool(true)).repr == "2")
    #expect(try PythonValue.sum([.bool(true), .bool(false)]).repr == "1")
    #expect(try PythonValue.sum([.float(-0.0)]).repr == "0.0")
    #expect(try PythonValue.bool(true).negated().repr == "-1")
    #expect(try PythonValue.bool(false).magnitude().repr == "0")
  }

  @Test func `sequences are joined`() throws {
    #expect(try PythonValue.add(.str("a"), .str("b")).repr == "'ab'")
    #expect(try PythonValue.add(.tuple([.int(1)]), .tuple([.int(2)])).repr == "(1, 2)")
    #expect(raised { try PythonValue.add(.str("a"), .int(1)) } == .typeError)
    #expect(raised { try PythonValue.add(.int(1), .str("a")) } == .typeError)
    #expect(raised { try PythonValue.add(.list([]), .tuple([])) } == .typeError)
  }

  @Test func `zero divides nothing, and integers never wrap`() {
    #expect(raised { try PythonValue.divide(.int(1), .int(0)) } == .zeroDivisionError)
    #expect(raised { try PythonValue.modulo(.int(1), .bool(false)) } == .zeroDivisionError)
    #expect(raised { try PythonValue.floorDivide(.float(1), .int(0)) } == .zeroDivisionError)
    #expect(raised { try PythonValue.add(.int(.max), .int(1)) } == .overflowError)
    #expect(raised { try PythonValue.multiply(.int(.min), .int(-1)) } == .overflowError)
    #expect(raised { try PythonValue.floorDivide(.int(.min), .int(-1)) } == .overflowError)
    #expect(raised { try PythonValue.int(.min).negated() } == .overflowError)
    #expect(raised { try PythonValue.modulo(.int(.min), .int(-1)) } == nil)
  }
}

@Suite struct PythonSequences {
  @Test func `lengths and indices count code points`() throws {
    #expect(try PythonValue.str("e\u{301}😀").length() == 3)
    #expect(try PythonValue.str("a😀b").item(.int(-2)).repr == "'😀'")
    #expect(try PythonValue.str("\r\n").elements().count == 2)
    #expect(try PythonValue.list([.int(5), .int(6)]).item(.bool(true)).repr == "6")
    #expect(try json(#"{"a": 1}"#).elements() == [.str("a")])
  }

  @Test func `what is not there raises`() throws {
    #expect(raised { try PythonValue.list([]).item(.int(0)) } == .indexError)
    #expect(raised { try PythonValue.list([.int(1)]).item(.int(-2)) } == .indexError)
    #expect(raised { try PythonValue.list([.int(1)]).item(.str("a")) } == .typeError)
    #expect(raised { try PythonValue.dict(PythonDict()).item(.str("a")) } == .keyError)
    #expect(raised { try PythonValue.dict(PythonDict()).item(.list([])) } == .typeError)
    #expect(raised { try PythonValue.int(1).item(.int(0)) } == .typeError)
    #expect(raised { try PythonValue.none.elements() } == .typeError)
    #expect(raised { try PythonValue.int(1).length() } == .typeError)
  }

  @Test func `plucking several gives a tuple, and the default only stands for what is not there`() throws {
    let record = try json(#"{"a": 1}"#)
    #expect(try record.plucked(.list([.str("a"), .str("b")]), default: .int(9)).repr == "(1, 9)")
    #expect(try record.plucked(.list([.str("a")]), default: nil).repr == "(1,)")
    #expect(raised { try PythonValue.int(1).plucked(.int(0), default: .int(9)) } == .typeError)
    #expect(raised { try PythonValue.none.plucked(.int(0), default: .int(9)) } == .typeError)
  }
}

@Suite struct PythonText {
  @Test(
    arguments: [
      (0.0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (0.1, "0.1"), (1e15, "1000000000000000.0"), (1e16, "1e+16"),
      (1.2e16, "1.2e+16"), (123_456_789_012_345_680, "1.2345678901234568e+17"), (0.0001, "0.0001"), (0.00001, "1e-05"),
      (1.5e-7, "1.5e-07"), (1e100, "1e+100"), (-2.5, "-2.5"), (1.0 / 3, "0.3333333333333333"),
      (9_007_199_254_740_993, "9007199254740992.0"),
      (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "nan"), (.leastNonzeroMagnitude, "5e-324"),
      (1.7976931348623157e308, "1.7976931348623157e+308"),
      (1e22, "1e+22"), (123456.789, "123456.789"), (100, "100.0"), (9_999_999_999_999_998, "9999999999999998.0"),
    ] as [(Double, String)])
  func `floats are written as Python does`(value: Double, text: String) {
    #expect(PythonValue.float(value).repr == text)
  }

  @Test func `repr`() throws {
    #expect(PythonValue.str("it's").repr == #""it's""#)
    #expect(PythonValue.str(#"it's "x""#).repr == #"'it\'s "x"'"#)
    #expect(
      PythonValue.str("a\n\t\\\u{7F}\u{A0}\u{2028}\u{E9}\u{E0001}").repr == #"'a\n\t\\\x7f\xa0\u2028é\U000e0001'"#)
    #expect(PythonValue.tuple([]).repr == "()")
    #expect(PythonValue.tuple([.int(1)]).repr == "(1,)")
    #expect(PythonValue.list([.none, .bool(true), .str("a")]).repr == "[None, True, 'a']")
    #expect(PythonValue.str("a").text == "a")
    #expect(PythonValue.list([.str("a")]).text == "['a']")
  }

  @Test func `case`() {
    #expect(PythonString("straße ﬁ").uppercased().text == "STRASSE FI")
    #expect(PythonString("ΌΣΟΣ ΑΣ. Σ").lowercased().text == "όσος ας. σ")
    #expect(PythonString("İ").lowercased().count == 2)
    #expect(PythonString("they're bill's ǆ").titled().text == "They'Re Bill'S ǅ")
    #expect(PythonString("ǆABC").capitalized().text == "ǅabc")
    #expect(PythonString("Abc ß").swappingCase().text == "aBC SS")
  }

  @Test func `splitting and stripping`() {
    let words = { (text: String, limit: Int) in PythonString(text).words(limit: limit).map(\.text) }
    #expect(words("  a  b c ", -1) == ["a", "b", "c"])
    #expect(words("  a  b c ", 1) == ["a", "b c "])
    #expect(words("  a  b c ", 0) == ["a  b c "])
    #expect(words("a\u{1C}b\u{2003}c\u{200B}d", -1) == ["a", "b", "c\u{200B}d"])
    #expect(words("", -1) == [])
    #expect(PythonString("a,,b,").pieces(between: PythonString(",")).map(\.text) == ["a", "", "b", ""])
    #expect(PythonString("aXbXc").pieces(between: PythonString("X"), limit: 1).map(\.text) == ["a", "bXc"])
    #expect(PythonString("a\r\nb\rc\u{2028}d\n\n").lines().map(\.text) == ["a", "b", "c", "d", ""])
    #expect(PythonString("xxaxx").stripped(of: PythonString("x")).text == "a")
    #expect(PythonString("\u{1F} a \u{A0}").stripped(of: nil).text == "a")
  }

  @Test func `searching and replacing`() {
    #expect(PythonString("banana").find(PythonString("ana")) == 1)
    #expect(PythonString("banana").find(PythonString("x")) == -1)
    #expect(PythonString("").find(PythonString("")) == 0)
    #expect(PythonString("banana").occurrences(of: PythonString("ana")) == 1)
    #expect(PythonString("abc").occurrences(of: PythonString("")) == 4)
    #expect(PythonString("banana").replacing(PythonString("a"), with: PythonString("o"), limit: 2).text == "bonona")
    #expect(PythonString("ab").replacing(PythonString(""), with: PythonString("-")).text == "-a-b-")
    #expect(PythonString("ab").replacing(PythonString(""), with: PythonString("-"), limit: 2).text == "-a-b")
  }

  @Test func `kinds of text`() {
    #expect(PythonString("aé日").isAlphabetic && !PythonString("").isAlphabetic && !PythonString("a1").isAlphabetic)
    #expect(PythonString("²").isDigit && !PythonString("²").isDecimal && PythonString("½").isAlphanumeric)
    #expect(PythonString("A1").isUpper && !PythonString("1").isUpper && !PythonString("Aa").isUpper)
    #expect(PythonString("\u{1C}\u{3000}").isSpace && !PythonString("").isSpace)
  }

  @Test(
    arguments: [
      ("*a*", "banana", true), ("?", "ab", false), ("?", "😀", true), ("[a-c]*", "bx", true), ("[!a]*", "ab", false),
      ("[!a]*", "", false), ("[x", "[x", true), ("[]]", "]", true), ("*", "", true), ("A", "a", false),
      ("[c-a]", "b", false),
    ])
  func `shell patterns`(pattern: String, text: String, matches: Bool) {
    #expect(ShellPattern(PythonString(pattern)).matches(PythonString(text)) == matches)
  }
}

@Suite struct PythonCoding {
  @Test func `every value comes back from a coder with its type`() throws {
    let values = try json(#"[null, true, 1, 1.0, -0.0, Infinity, "é", [1, [2]], {"b": 1, "a": [{}]}]"#)
    let tuple = PythonValue.tuple([values, .float(.nan)])
    let back = try JSONDecoder().decode(PythonValue.self, from: JSONEncoder().encode(tuple))
    #expect(back.repr == tuple.repr)
  }

  @Test func `every value comes back from its binary form`() throws {
    let value = PythonValue.tuple([try json(#"[null, true, false, 1, 1.5, "é", {"b": 1, "a": [{}]}]"#), .float(.nan)])
    var builder = BufferBuilder()
    value.encode(to: &builder)
    let bytes = [UInt8](builder.bytes)
    try bytes.withUnsafeBytes { bytes in
      var reader = BinaryReader(bytes)
      let back = try PythonValue(from: &reader)
      #expect(back.repr == value.repr)
      #expect(reader.isAtEnd)
      var cut = BinaryReader(UnsafeRawBufferPointer(rebasing: bytes.dropLast()))
      #expect(throws: TaskError.self) { try PythonValue(from: &cut) }
    }
  }

  @Test func `equal values have one stable hash`() {
    #expect(PythonValue.int(1).stableHash == PythonValue.float(1).stableHash)
    #expect(PythonValue.int(1).stableHash == PythonValue.bool(true).stableHash)
    #expect(PythonValue.float(0).stableHash == PythonValue.float(-0.0).stableHash)
    #expect(PythonValue.tuple([.int(1)]).stableHash == PythonValue.tuple([.float(1)]).stableHash)
    #expect(PythonValue.str("\u{E9}").stableHash != PythonValue.str("e\u{301}").stableHash)
  }
}
