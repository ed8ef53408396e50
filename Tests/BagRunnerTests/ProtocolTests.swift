import Testing

@testable import BagRunner

/// What the case's text is refused for.
private func problem(_ text: String) throws -> String {
  do {
    _ = try Case.read(Array(text.utf8))
  } catch {
    return "\(error)"
  }
  Issue.record("accepted: \(text)")
  return ""
}

private func result(_ text: String) async throws -> String {
  let one = try Case.read(Array(text.utf8))
  return String(decoding: await one.outcome(RunSettings(workers: 2)).line, as: UTF8.self)
}

@Suite struct CaseReading {
  @Test(
    arguments: [
      (#"[]"#, "a case is an object"),
      (#"{"ops": []}"#, #""partitions" is missing"#),
      (#"{"partition": [], "ops": []}"#, #"there is no member "partition"; did you mean "partitions"?"#),
      (#"{"partitions": [1]}"#, "partition 0 is a list, not the integer 1"),
      (#"{"partitions": [], "ops": [{"op": "mapp"}]}"#, #"op 1: there is no op "mapp"; did you mean "map"?"#),
      (#"{"partitions": [], "ops": [{"op": "str.uper"}]}"#, #"did you mean "str.upper"?"#),
      (#"{"partitions": [], "ops": [{"fn": "inc"}]}"#, #"op 1: "op" names the operation; it is missing"#),
      (#"{"partitions": [], "ops": [{"op": "map"}]}"#, #"op 1 (map): the parameter "fn" is missing"#),
      (
        #"{"partitions": [], "ops": [{"op": "map", "fn": "incc"}]}"#,
        #"there is no function "incc"; did you mean "inc"?"#
      ),
      (#"{"partitions": [], "ops": [{"op": "map", "func": "inc"}]}"#, #"there is no parameter "func""#),
      (#"{"partitions": [], "ops": [{"op": "map", "fn": "add"}]}"#, "takes a function of 1, and add is one of 2"),
      (#"{"partitions": [], "ops": [{"op": "map", "fn": "inc", "arg": 1}]}"#, "takes a function of 2"),
      (
        #"{"partitions": [], "ops": [{"op": "map", "fn": "add", "arg": 1, "other": {"partitions": []}}]}"#,
        "cannot both"
      ),
      (#"{"partitions": [], "ops": [{"op": "sum"}, {"op": "count"}]}"#, "op 1 (sum) gives an item: no op can follow"),
      (#"{"partitions": [], "ops": [{"op": "unzip", "n": 2}, {"op": "count"}]}"#, "several bags"),
      (#"{"partitions": [], "ops": [{"op": "unzip", "n": 2, "pick": 2}]}"#, "only 2 bags"),
      (#"{"partitions": [], "ops": [{"op": "topk", "k": "3"}]}"#, #""k" is a string; it takes integer"#),
      (#"{"partitions": [], "ops": [{"op": "sum", "split_every": 1}]}"#, #""split_every" is 1; it takes integer >= 2"#),
      (
        #"{"partitions": [], "ops": [{"op": "zip", "other": {"partitions": [], "ops": [{"op": "sum"}]}}]}"#,
        "op 1 (zip): other: the case gives an item"
      ),
      (
        #"{"partitions": [], "ops": [{"op": "zip", "other": {"partitions": [], "ops": [{"op": "x"}]}}]}"#,
        "op 1 (zip): other: op 1: there is no op"
      ),
      (
        #"{"ops": [{"op": "range", "n": 1, "npartitions": 1}, {"op": "reduction", "out_type": "bags", "#
          + #""perpartition": "ordered", "aggregate": "ordered"}]}"#,
        #"did you mean "bag"?"#
      ),
      (#"{"partitions": [[99999999999999999999]]}"#, "does not fit 64 bits (line 1, column"),
    ])
  func `what is malformed is named, with the nearest right name`(text: String, expected: String) throws {
    #expect(try problem(text).contains(expected))
  }

  @Test func `null is the default, except where any value is taken`() throws {
    let one = try Case.read(
      Array(
        #"{"partitions": [], "ops": [{"op": "topk", "k": 1, "key": null}, {"op": "pluck", "key": 0, "default": null}]}"#
          .utf8))
    #expect(one.ops[0].arguments["key"] == nil)
    #expect(one.ops[1].value("default") == PythonValue.none)
  }

  @Test func `order is lost where Dask promises none, and made anew by a new bag`() throws {
    func isOrdered(_ ops: String) throws -> Bool {
      try Case.read(Array("{\"partitions\": [], \"ops\": [\(ops)]}".utf8)).isOrdered
    }
    let distinct = #"{"op": "distinct"}"#
    #expect(try isOrdered(#"{"op": "map", "fn": "inc"}, {"op": "topk", "k": 2}"#))
    #expect(try !isOrdered(distinct + #", {"op": "map", "fn": "inc"}"#))
    #expect(try !isOrdered(#"{"op": "frequencies"}"#))
    #expect(try isOrdered(#"{"op": "frequencies", "sort": true}"#))
    #expect(try !isOrdered(distinct + #", {"op": "frequencies", "sort": true}"#))
    #expect(try isOrdered(distinct + #", {"op": "range", "n": 3, "npartitions": 1}"#))
    #expect(try !isOrdered(#"{"op": "concat", "others": [{"partitions": [], "ops": [\#(distinct)]}]}"#))
  }
}

@Suite struct CaseResults {
  @Test(
    arguments: [
      (
        #"{"partitions": [[1, 2], [], [3]], "ops": [{"op": "map", "fn": "inc"}]}"#,
        #"{"partitions": [[2, 3], [], [4]], "ordered": true}"#
      ),
      (#"{"partitions": [[1, 2], [3]], "ops": [{"op": "sum"}]}"#, #"{"value": 6, "ordered": true}"#),
      (
        #"{"partitions": [[1, true, 1.0]], "ops": [{"op": "frequencies"}]}"#,
        #"{"partitions": [[[1, 3]]], "ordered": false}"#
      ),
      (
        #"{"ops": [{"op": "from_sequence", "data": [1, 2, 3, 4, 5], "npartitions": 3}]}"#,
        #"{"partitions": [[1, 2], [3, 4], [5]], "ordered": true}"#
      ),
      (
        #"{"partitions": [[1], [2]], "ops": [{"op": "accumulate", "binop": "add", "initial": 10}]}"#,
        #"{"partitions": [[10, 11], [13]], "ordered": true}"#
      ),
      (
        #"{"partitions": [[[1, 2]], [[3, 4]]], "ops": [{"op": "unzip", "n": 2}]}"#,
        #"{"bags": [[[1], [3]], [[2], [4]]], "ordered": true}"#
      ),
      (
        #"{"partitions": [[1], [2, 3], [4]], "ops": [{"op": "take", "k": 3, "npartitions": 2}]}"#,
        #"{"value": [1, 2, 3], "ordered": true}"#
      ),
    ])
  func `results`(text: String, expected: String) async throws {
    #expect(try await result(text) == expected)
  }

  @Test(
    arguments: [
      (#"{"partitions": [[], []], "ops": [{"op": "max"}]}"#, "ValueError"),
      (#"{"partitions": [[]], "ops": [{"op": "fold", "binop": "add"}]}"#, "TypeError"),
      (#"{"partitions": [[[1]]], "ops": [{"op": "distinct"}]}"#, "TypeError"),
      (#"{"partitions": [["a", 1]], "ops": [{"op": "max"}]}"#, "TypeError"),
      (#"{"partitions": [[1]], "ops": [{"op": "str.lower"}]}"#, "AttributeError"),
      (#"{"partitions": [[1]], "ops": [{"op": "take", "k": 1, "npartitions": 2}]}"#, "ValueError"),
      (#"{"partitions": [[1]], "ops": [{"op": "zip", "other": {"partitions": [[1], [2]]}}]}"#, "AssertionError"),
      (#"{"partitions": [[1]], "ops": [{"op": "map", "fn": "add", "other": {"partitions": [[1, 2]]}}]}"#, "ValueError"),
      (#"{"partitions": [[9223372036854775807]], "ops": [{"op": "map", "fn": "inc"}]}"#, "OverflowError"),
      (
        #"{"partitions": [[1]], "ops": [{"op": "join", "other": {"partitions": [[1], [2]]}, "on_self": "identity"}]}"#,
        "NotImplementedError"
      ),
      (#"{"partitions": [[[1]]], "ops": [{"op": "pluck", "key": 1}]}"#, "IndexError"),
    ])
  func `errors that the data provokes carry Python's names`(text: String, type: String) async throws {
    #expect(try await result(text).hasPrefix("{\"error\": {\"type\": \"\(type)\""))
  }
}

@Suite struct Listings {
  @Test func `every function says what it is, and every operation what it takes`() throws {
    let document = try JSONReader.read(JSONWriter.text(Listing.document))
    let functions = try document.item(.str("functions")).elements()
    #expect(functions.count >= 40)
    for function in functions {
      #expect(try function.item(.str("python")).text.hasPrefix("lambda "))
      #expect(try function.item(.str("signature")).text.contains(" -> "))
    }
    let ops = try document.item(.str("ops")).elements()
    #expect(Set(try ops.map { try $0.item(.str("op")) }).count == OpSpec.all.count)
    for parameter in try ops.flatMap({ try $0.item(.str("parameters")).elements() }) {
      #expect(try parameter.item(.str("required")).isTrue != parameter.contains(.str("default")))
    }
  }

  @Test func `an error is found in a longer text`() {
    #expect(PythonError(in: "task map-0 failed: TypeError: 'int' object is not iterable")?.type == .typeError)
    #expect(PythonError(in: "no space left") == nil)
  }
}
