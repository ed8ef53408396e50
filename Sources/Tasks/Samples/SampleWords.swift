import Graph

// Words for made-up abstracts.
//
// Frequencies follow Zipf's law: the r-th word's share falls with 1/r. The head is everyday scientific English, the
// body are words made of syllables, and between them lie the things that make tokenizing interesting: formulas,
// accents written in TeX, typographic quotes. A table of 2¹⁶ entries turns sixteen random bits into a word; one
// word in eighty is made up on the spot, so that the vocabulary keeps growing as a real corpus's does.

/// The words of a sample, each ready to be copied into a JSON text.
struct SampleWords: ~Copyable {
  private var bytes = BufferBuilder(capacity: 1 << 20)
  /// `starts[2 * w] ..< starts[2 * w + 1]` is word w, `starts[2 * w + 1] ..< starts[2 * w + 2]` the same with a capital.
  private var starts: [Int32] = [0]
  /// Characters on the line.
  private var widths: [UInt8] = []
  private var words: [UInt16] = []

  /// - Parameter escapesUnicode: write `\u00e9` for é, as Python's `json` does unless told otherwise.
  init(escapesUnicode: Bool) {
    var random = SampleRandom(seed: 0x5EED_0F_0DD5)
    var list = SampleWords.common
    // Rare things keep their place in the ranking whatever the sample's seed.
    for (place, word) in SampleWords.unusual.enumerated() { list.insert(word, at: min(list.count, 40 + place * 4)) }
    while list.count < 30_000 { list.append(SampleWords.invent(&random)) }
    for word in list {
      append(word, escapesUnicode)
      append(word.prefix(1).uppercased() + word.dropFirst(), escapesUnicode)
      widths.append(UInt8(min(word.unicodeScalars.count, 255)))
    }
    fillTable(count: list.count)
  }

  private mutating func append(_ word: String, _ escapesUnicode: Bool) {
    bytes.append(sampleJSON(word, escapesUnicode: escapesUnicode))
    starts.append(Int32(bytes.count))
  }

  /// Gives word r its share of the 65,536 entries.
  private mutating func fillTable(count: Int) {
    var total = 0.0
    for rank in 0..<count { total += 1 / (Double(rank) + 4) }
    var sum = 0.0
    for rank in 0..<count {
      sum += 1 / (Double(rank) + 4)
      let end = Int((sum / total * 65_536).rounded())
      while words.count < end { words.append(UInt16(rank)) }
    }
    while words.count < 65_536 { words.append(0) }
  }

  static func invent(_ random: inout SampleRandom) -> String {
    var word = ""
    for _ in 0..<(2 + random.below(2)) { word += syllables[random.below(syllables.count)] }
    return word
  }

  /// Words that are a topic's own: rare elsewhere.
  private static let topicWords = 24
  private static let firstTopicWord = 600

  /// Appends a text: words of one line or of several of about `width` characters, sentences, a full stop.
  ///
  /// - Parameter topics: what it is about, from 0; one word in fourteen is one of their own.
  mutating func text(
    count: Int, width: Int?, endsWithStop: Bool, topics: [Int] = [], _ random: inout SampleRandom,
    to out: inout BufferBuilder
  ) {
    var column = 0
    var isFirst = true
    for number in 0..<count {
      let bits = random.next()
      var word = Int(words[Int(bits & 0xFFFF)])
      if (bits >> 44) & 0xFF < 18, !topics.isEmpty {
        let share = Double((bits >> 52) & 0xFFF) / 4096
        word =
          SampleWords.firstTopicWord + topics[number % topics.count] * SampleWords.topicWords
          + Int(share * share * Double(SampleWords.topicWords))
      }
      let ends = endsWithStop && (number == count - 1 || (bits >> 16) & 0xFF < 12)
      let isInvented = (bits >> 24) & 0xFFF < 51
      let length = isInvented ? 7 : Int(widths[word])
      if column > 0 {
        if let width, column + 1 + length > width {
          out.append(UInt16(0x6E5C))  // \n
          column = 0
        } else {
          out.append(UInt8(ascii: " "))
          column += 1
        }
      }
      if isInvented {
        for _ in 0..<3 { out.append(SampleWords.syllables[random.below(SampleWords.syllables.count)]) }
      } else {
        let start = Int(starts[2 * word + (isFirst ? 1 : 0)])
        let end = Int(starts[2 * word + (isFirst ? 2 : 1)])
        out.append(UnsafeRawBufferPointer(rebasing: bytes.bytes[start..<end]))
      }
      column += length
      isFirst = ends
      if ends {
        out.append(UInt8(ascii: "."))
        column += 1
      } else if (bits >> 36) & 0xFF < 14, number < count - 1 {
        out.append(UInt8(ascii: ","))
        column += 1
      }
    }
  }

  private static let syllables = [
    "al", "ber", "chi", "dar", "del", "dra", "eno", "fal", "gam", "gri", "hel", "ido", "jun", "kal", "ker", "lam",
    "lin",
    "lor", "mag", "mer", "nal", "net", "nor", "ol", "pel", "per", "qui", "ral", "ren", "ros", "sim", "son", "tal",
    "ter",
    "tive", "tro", "ula", "ver", "vis", "wer", "xen", "yl", "zon", "ing", "ity", "ment", "tion", "ous", "al", "ic",
  ]

  private static let common = """
    the of and a in to we is that for with are by this on as an be from at which it can our have these has or not show \
    using two one also between results model such been its new where used only both under more over when than some \
    find study data method paper present system energy field theory quantum number case systems models first time \
    based however well function large order different spin mass phase magnetic space analysis problem given approach \
    general obtained properties high low states observed non-linear state-of-the-art algorithm local structure \
    information matter small any most group prove finite measurements surface effects density temperature particular \
    learning network networks training samples random graph graphs matrix equation equations solution solutions \
    boundary condition optimal bound bounds error estimates linear symmetry gauge string black hole galaxies stars \
    emission spectral line lines cluster clusters survey detection light optical wave waves frequency noise signal \
    i.e. e.g. moreover furthermore (see) (i) (ii) (iii) three-dimensional 3D 1/2 10 100 well-known so-called it's \
    respectively, therefore, namely, while, if then each every all many few several against towards within without
    """.split(separator: " ").map(String.init)

  /// Formulas, TeX, typographic marks and letters from everywhere.
  private static let unusual: [String] =
    [
      #"$\alpha$"#, #"$\Lambda_{\alpha}$"#, #"$O(n\log n)$"#, #"$\mathbb{R}^d$"#, #"$SU(3)$"#, #"$z\sim 2$"#,
      #"$L^p$-spaces"#, #"$10^{-5}$"#, #"$\sqrt{s}=7$"#, #"$M_{\odot}$"#, #"$x_{1},\ldots,x_{n}$"#, #"$p<0.01$"#,
      #"K\"ahler"#, #"Poincar\'e"#, #"Erd\H{o}s"#, #"Schr\"odinger"#, #"$\partial_{t}u=\Delta u$"#, #"($k,\ell$)"#,
      #"$\epsilon$-net"#, #"\cite{author99}"#, #"$f:X\to Y$"#, #"$\mathcal{N}=4$"#, #""quoted""#, #"'single'"#,
      "http://example.org/data", "50%", "A&B", "#1", "C++", "f(x)=[0,1]", "name@host", "{set}", "~0.5", "“curly”",
      "‘so’", "«ainsi»", "naïve", "Gödel", "Łojasiewicz", "Ångström", "25°C", "µm", "½", "§4", "£5", "®", "10º", "–",
      "—", "≥", "α-helix", "微分", "𝔤-module", "a\u{A0}priori", "thin\u{2009}space",
    ]
}

/// `text` as the inside of a JSON string.
func sampleJSON(_ text: some StringProtocol, escapesUnicode: Bool) -> String {
  let quoted = jsonQuoted(String(text))
  let inside = quoted.dropFirst().dropLast()
  guard escapesUnicode else { return String(inside) }
  var out = ""
  for scalar in inside.unicodeScalars {
    if scalar.isASCII {
      out.unicodeScalars.append(scalar)
    } else {
      for unit in String(scalar).utf16 {
        let hex = String(unit, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      }
    }
  }
  return out
}
