/// Reads a DAG file and, depth first, what it includes.
///
/// A file is parsed once, however often it is included; each inclusion is a unit of its own. A file that several others
/// include alike (same names, no values set) is one unit. Circles end at the file that closes them, and what
/// could go on for ever, links that lead into themselves, at a depth that no sensible file reaches.
struct InclusionReader {
  static let mostDepth = 20
  static let mostUnits = 1000

  private(set) var sources: [SourceFile] = []
  private(set) var units: [FileUnit] = []
  /// Whether all files could be read as far as their keys.
  private(set) var isWhole = true
  let mistakes = Mistakes()

  private let reading: (String) -> Result<[UInt8], UnreadableFile>
  /// By absolute path; `nil` for what is no DAG file.
  private var parsed: [String: (source: Int, content: FileContent?)] = [:]
  /// Inclusions without values of their own, by namespace and absolute path.
  private var plain: Set<[String]> = []

  init(reading: @escaping (String) -> Result<[UInt8], UnreadableFile>) { self.reading = reading }

  mutating func read(_ bytes: [UInt8], path: String, absolutePath: String) {
    plain = [["", absolutePath]]
    add(parse(bytes, path: path, absolutePath: absolutePath), namespace: "", parent: nil, path: [0])
  }

  private mutating func add(
    _ file: (source: Int, content: FileContent?), namespace: String,
    parent: (unit: Int, inclusion: Inclusion)?, path: [Int]
  ) {
    guard let content = file.content else { return }
    let number = units.count
    let absolutePath = sources[file.source].absolutePath
    units.append(
      FileUnit(
        source: file.source, folder: folder(of: absolutePath), namespace: namespace, parent: parent, content: content))
    for inclusion in content.inclusions {
      include(inclusion, in: number, path: path)
    }
  }

  /// - Parameter path: the files on the way here.
  private mutating func include(_ inclusion: Inclusion, in parent: Int, path: [Int]) {
    let unit = units[parent]
    let absolutePath = absolutePathOf(inclusion.path.text, in: unit.folder)
    let shownPath = joined(sources[unit.source].path, inclusion.path.text)
    let namespace = unit.namespace + (inclusion.namespace.map { $0.text + "." } ?? "")
    if let begin = path.firstIndex(where: { sources[$0].absolutePath == absolutePath }) {
      isWhole = false
      let circle = path[begin...].map { sources[$0].path } + [sources[path[begin]].path]
      refuse(inclusion, "these files include each other: \(circle.joined(separator: " → "))")
      return
    }
    if inclusion.settings.isEmpty, !plain.insert([namespace, absolutePath]).inserted { return }
    guard path.count < InclusionReader.mostDepth else {
      isWhole = false
      refuse(inclusion, "files include files more than \(InclusionReader.mostDepth) deep here: does a link lead back?")
      return
    }
    guard units.count < InclusionReader.mostUnits else {
      if isWhole {
        refuse(inclusion, "more than \(InclusionReader.mostUnits) inclusions: no pipeline needs so many files")
      }
      isWhole = false
      return
    }
    let file: (source: Int, content: FileContent?)
    if let known = parsed[absolutePath] {
      file = known
    } else {
      switch reading(absolutePath) {
      case .success(let bytes): file = parse(bytes, path: shownPath, absolutePath: absolutePath)
      case .failure(let failure):
        isWhole = false
        refuse(inclusion, "cannot include \(shown(inclusion.path.text)): \(failure.message) (\(absolutePath))")
        return
      }
    }
    add(file, namespace: namespace, parent: (parent, inclusion), path: path + [file.source])
  }

  private func refuse(_ inclusion: Inclusion, _ message: String) {
    mistakes.add(.badInclude, at: inclusion.path.position, message)
  }

  private mutating func parse(
    _ bytes: [UInt8], path: String, absolutePath: String
  ) -> (source: Int, content: FileContent?) {
    let source = sources.count
    var content: FileContent?
    if let valid = String(validating: bytes, as: UTF8.self) {
      let text = valid.unicodeScalars.first == "\u{FEFF}" ? String(valid.unicodeScalars.dropFirst()) : valid
      sources.append(SourceFile(path: path, absolutePath: absolutePath, text: text))
      do {
        content = try StructureReader(YamlTree(text), file: source, mistakes: mistakes).content
      } catch let problem as YamlProblem {
        for place in problem.places { mistakes.add(problem.code, at: place.position.inFile(source), place.message) }
      } catch {
        mistakes.add(.syntax, at: Position.start.inFile(source), "this is no YAML: \(error)")
      }
    } else {
      sources.append(
        SourceFile(path: path, absolutePath: absolutePath, text: String(decoding: bytes, as: UTF8.self)))
      let place = firstInvalidUTF8(in: bytes)
      let hex = String(place?.byte ?? 0, radix: 16, uppercase: true)
      mistakes.add(
        .unreadable, at: (place?.position ?? .start).inFile(source),
        "the file is not UTF-8 text: byte 0x\(hex) stands here; save it as UTF-8")
    }
    if content == nil { isWhole = false }
    parsed[absolutePath] = (source, content)
    return (source, content)
  }
}

/// The path of a file as the including one, itself named `path`, names it.
private func joined(_ path: String, _ relative: String) -> String {
  guard !relative.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return relative }
  return path[...slash] + relative
}
