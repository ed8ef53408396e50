import CSimdJSON
import Graph

/// What a reading operation does with a record it cannot use.
enum OnError: String, CaseIterable, Sendable {
  case fail
  case skip

  static let parameter = OpParameter(
    "on_error", .choice(allCases.map(\.rawValue)), default: .string("fail"),
    summary: "what to do with a record that cannot be used: fail the task, or skip it: set it aside and count it")

  init(_ arguments: OpArguments) {
    self = OnError(rawValue: arguments.require(OpArguments.string, "on_error")) ?? .fail
  }
}

let skipRemedy = "correct it, or let on_error: skip set such records aside"

extension Partition {
  /// What a record is called that nothing but its place in the partition's table tells from others.
  ///
  /// - Parameter row: from 0.
  func record(_ row: Int) -> String { "\(row + 1) of partition " + (file == nil ? "\(index)" : label) }
}

/// Fails or sets aside, as the user asked.
struct RecordProblems {
  let file: FileIdentity
  let onError: OnError
  let context: any TaskContext

  /// - Parameters:
  ///   - record: an id, or "line 17".
  ///   - why: what is wrong with it, without the remedy.
  ///   - text: the record's own text; asked for only where it is set aside.
  func report(
    record: String, _ why: String, code: TaskError.Code = .badRecord, cause: String? = nil, text: () -> String?
  ) throws {
    switch onError {
    case .fail: throw TaskError(code, "\(why); \(skipRemedy)", file: file.path, record: record, cause: cause)
    case .skip: try context.reject(RejectedRecord(file: file.path, record: record, reason: why, text: text()))
    }
  }

  /// For a file without a record.
  func reportEmpty() throws {
    guard onError == .fail else {
      return try context.reject(
        RejectedRecord(file: file.path, record: "whole file", reason: "the file is empty", text: nil))
    }
    throw TaskError(
      .badInput, "the file is empty; take it out of files, or let on_error: skip pass over it", file: file.path)
  }
}

extension sj_paper {
  /// What is wrong with this record, in words.
  var why: String {
    let name = field.map { String(cString: $0) } ?? "record"
    let isRecord = name == "record"
    switch problem {
    case SJ_MISSING: return "the record has no \"\(name)\""
    case SJ_WRONG_TYPE:
      let what = found.map { String(cString: $0) } ?? "something else"
      let wanted = sj_paper.expected[name] ?? "a string"
      return isRecord
        ? "the record is \(what), not an object" : "\"\(name)\" is \(what), not \(wanted)"
    case SJ_BAD_STRING: return "\"\(name)\" holds a backslash escape that JSON does not know or half a surrogate pair"
    default: return "the record cannot be used"
    }
  }

  private static let expected = [
    "authors": "an object with \"author\"", "author": "an object or a list of them",
    "authors_parsed": "a list of names",
    "categories": "a text of codes or an object of categories",
  ]
}

extension sj_failure {
  /// What is wrong with the text, in words; for a line or a document.
  func why(of text: String) -> String {
    switch kind {
    case SJ_INVALID_UTF8: "\(text) is not valid UTF-8"
    case SJ_CUT_OFF: "\(text) is cut off: the JSON ends before it is complete"
    case SJ_TOO_DEEP: "\(text) is nested too deeply"
    case SJ_TOO_LARGE: "\(text) is too large for one JSON document"
    case SJ_NO_MEMORY: "there is no memory to read \(text)"
    case SJ_NOT_AN_OBJECT: "\(text) is JSON, but not an object"
    default: "\(text) is not valid JSON"
    }
  }
}

/// A parser, kept for all records of a file.
struct RecordReader: ~Copyable {
  let pointer: OpaquePointer

  init() throws {
    guard let pointer = sj_reader_new() else { throw TaskError(.outOfMemory, "there is no memory for a parser") }
    self.pointer = pointer
  }

  deinit { sj_reader_free(pointer) }

  var failure: sj_failure { sj_failure_of(pointer) }

  /// Memory is not the record's fault.
  func checkMemory() throws {
    if failure.kind == SJ_NO_MEMORY { throw TaskError(.outOfMemory, "there is no memory to parse the file") }
  }
}
