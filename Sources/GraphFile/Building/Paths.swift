/// Makes a path or pattern absolute.
///
/// - Parameters:
///   - text: may begin with `~/`; an address such as `s3://…` is left as it is.
///   - folder: absolute; what a relative path is taken from.
/// - Returns: no `.`, no empty component, no trailing slash; `..` is resolved textually, except behind a pattern,
///   where only the file system knows what it leads to.
func absolutePathOf(_ text: String, in folder: String, home: String? = nil) -> String {
  if isAddress(text) { return text }
  if text.hasPrefix("/") { return normalised(text) }
  var (beginning, rest) = (folder, Substring(text))
  if let home, text == "~" || text.hasPrefix("~/") { (beginning, rest) = (home, text.dropFirst()) }
  // A folder's own brackets and stars are no pattern.
  if isPattern(rest), isPattern(beginning) { beginning = escaped(beginning) }
  return normalised(beginning + "/" + rest)
}

/// The folder that holds the file at an absolute path.
func folder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
  return String(path[..<slash])
}

/// A file's name without folder and extension.
func stem(of path: String) -> String {
  let name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
  guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return String(name) }
  return String(name[..<dot])
}

private func normalised(_ path: String) -> String {
  var components: [Substring] = []
  for component in path.split(separator: "/") {
    switch component {
    case ".": break
    case ".." where components.isEmpty: break
    case ".." where !(components.last.map { isPattern($0) || $0 == ".." } ?? false): components.removeLast()
    default: components.append(component)
    }
  }
  return "/" + components.joined(separator: "/")
}

private func isPattern(_ text: some StringProtocol) -> Bool {
  text.utf8.contains { byte in "*?[]{}\\".utf8.contains(byte) }
}

private func escaped(_ text: String) -> String {
  String(text.flatMap { "*?[]{}\\".contains($0) ? ["\\", $0] : [$0] })
}

private func isAddress(_ text: String) -> Bool {
  guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://"), colon > text.startIndex else {
    return false
  }
  return text[..<colon].utf8.allSatisfy { byte in
    (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || "+-.".utf8.contains(byte)
  }
}
