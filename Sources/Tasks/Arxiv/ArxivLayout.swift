/// The two ways arXiv metadata comes.
enum ArxivLayout: String, CaseIterable, Sendable {
  /// One object a file: `{"0704.0001": {"title": …}, …}`.
  case keyed
  /// One object a line, as in the public snapshot: `{"id": "0704.0001", …}`.
  case snapshot

  /// Fields that a line of the snapshot has and an id never is.
  private static let snapshotFields: Set<String> = [
    "id", "submitter", "authors", "title", "comments", "journal-ref", "doi", "report-no", "categories", "license",
    "abstract", "versions", "update_date", "authors_parsed",
  ]

  /// Tells the layout from the beginning of a file.
  ///
  /// The first record decides, key by key: a key that is one of the snapshot's fields means snapshot, another key
  /// whose value is an object means keyed, any other key decides nothing. So neither a snapshot of one line nor a
  /// keyed file of one line is mistaken, and extra fields do no harm. What begins with no `{` is left to the
  /// snapshot's reader, which says so line by line.
  init(recognizing head: UnsafeBufferPointer<UInt8>) {
    let start = JSONScan.skipSpace(head, JSONScan.markLength(head))
    guard start < head.count, head[start] == UInt8(ascii: "{") else {
      self = .snapshot
      return
    }
    var scan = KeyScan(head: head, position: start + 1)
    while let (key, valueStart) = scan.next() {
      if ArxivLayout.snapshotFields.contains(key) {
        self = .snapshot
        return
      }
      if valueStart == UInt8(ascii: "{") {
        self = .keyed
        return
      }
    }
    // Nothing but values that are no objects: keyed says which record is wrong. No key at all: an empty object, or
    // a text cut off in its first key.
    self = .keyed
  }

  /// The keys of an object and the first byte of each value, as far as the text goes.
  private struct KeyScan {
    let head: UnsafeBufferPointer<UInt8>
    var position: Int

    mutating func next() -> (key: String, valueStart: UInt8)? {
      let scan = JSONScan(head)
      position = JSONScan.skipSpace(head, position)
      if position < head.count, head[position] == UInt8(ascii: ",") {
        position = JSONScan.skipSpace(head, position + 1)
      }
      guard position < head.count, head[position] == UInt8(ascii: "\""), let end = scan.endOfString(position) else {
        return nil
      }
      let key = scan.text((position + 1)..<(end - 1))
      // Whatever comes now, the next search begins further on: damaged text must not be looked at for ever.
      position = head.count
      let colon = JSONScan.skipSpace(head, end)
      guard colon < head.count, head[colon] == UInt8(ascii: ":") else { return (key, 0) }
      let value = JSONScan.skipSpace(head, colon + 1)
      guard value < head.count else { return (key, 0) }
      position = scan.endOfValue(value) ?? head.count
      return (key, head[value])
    }
  }
}
