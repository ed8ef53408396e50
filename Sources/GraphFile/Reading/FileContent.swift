import Graph

// What a file says, word by word, before anything in it is looked up.

/// A word and where it stands.
struct Word: Sendable {
  let text: String
  let position: Position
}

/// A file that was read.
struct SourceFile: Sendable {
  /// As messages name it.
  let path: String
  let absolutePath: String
  let text: String
}

/// What one file says.
struct FileContent: Sendable {
  var name: String?
  var parameters: [FileParameter] = []
  var entries: [Entry] = []
  /// Of all tasks that do not say otherwise.
  var defaults: [RawOption] = []
  /// How much there is of each pool and resource.
  var limits: [(name: LimitName, most: Int, position: Position)] = []
  var inclusions: [Inclusion] = []
}

/// One of `include:`.
struct Inclusion: Sendable {
  let path: Word
  /// Its `with`: values for the included file's parameters.
  var settings: [(name: Word, value: RawValue)] = []
  /// Its `as`: what stands before the included tasks' names.
  var namespace: Word?
}

/// One inclusion of a file; the first is the file that was asked for.
struct FileUnit: Sendable {
  /// Which of the files that were read it is.
  let source: Int
  let folder: String
  /// What stands before its tasks' names: empty, or `name.`.
  let namespace: String
  /// The unit that includes it, and how.
  let parent: (unit: Int, inclusion: Inclusion)?
  let content: FileContent
}

/// One entry of `tasks:`.
struct Entry: Sendable {
  let name: Word
  var op: Word?
  var from: [EntryInput] = []
  /// Where `from:` stands, if it is given.
  var fromPosition: Position?
  var arguments: [(name: Word, value: RawValue)] = []
  var options: [RawOption] = []
  var expansion: Expansion?
  /// All must hold.
  var conditions: [Condition] = []
  /// Something here could not be read: what seems to be missing may be there, under a wrong name.
  var isIncomplete = false
}

/// One of what `from:` lists.
enum EntryInput: Sendable {
  /// A task, or all instances of one.
  case task(RawScalar)
  /// The one of these that is switched on.
  case oneOf([RawScalar], Position)

  var position: Position {
    switch self {
    case .task(let scalar): scalar.position
    case .oneOf(_, let position): position
    }
  }

  var words: [RawScalar] {
    switch self {
    case .task(let scalar): [scalar]
    case .oneOf(let scalars, _): scalars
    }
  }
}

/// `keep`, or one of the keys that change no result.
struct RawOption: Sendable {
  let name: Word
  let value: RawValue
}

/// `foreach:` or `matrix:`: what one entry is made into several by.
struct Expansion: Sendable {
  enum Kind: String, Sendable {
    case foreach, matrix
    /// What `${…}` begins with.
    var variable: String { self == .foreach ? "item" : "matrix" }
  }

  struct Axis: Sendable {
    /// `item` for `foreach`.
    let name: Word
    let items: RawValue
  }

  let kind: Kind
  let position: Position
  var axes: [Axis] = []
  /// Combinations of a matrix that are left out: values by axis.
  var exclusions: [[(axis: Word, value: RawScalar)]] = []
}

/// One of `parameters:`.
struct FileParameter: Sendable {
  let name: Word
  let value: RawValue
}

/// A value as written.
indirect enum RawValue: Sendable {
  case scalar(RawScalar)
  case list([RawScalar], Position)
  case mapping([(name: Word, value: RawValue)], Position)
  /// Already reported.
  case broken(Position)

  var position: Position {
    switch self {
    case .scalar(let scalar): scalar.position
    case .list(_, let position), .mapping(_, let position), .broken(let position): position
    }
  }

  /// Whether any text in it fulfils `test`.
  func contains(where test: (RawScalar) -> Bool) -> Bool {
    switch self {
    case .scalar(let scalar): test(scalar)
    case .list(let scalars, _): scalars.contains(where: test)
    case .mapping(let items, _): items.contains { $0.value.contains(where: test) }
    case .broken: false
    }
  }
}

struct RawScalar: Sendable {
  let text: String
  let isQuoted: Bool
  let position: Position

  /// `null`, `~`, or nothing.
  var isNull: Bool { !isQuoted && ["", "~", "null", "Null", "NULL"].contains(text) }
}
