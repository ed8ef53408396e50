import Foundation
import Testing

@testable import CLI

@Suite("Figures as people read them")
struct FormatTests {
  @Test(
    "counts have thousands separators",
    arguments: [
      (0, "0"), (7, "7"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345"),
    ])
  func counts(value: Int, text: String) { #expect(Format.count(value) == text) }

  @Test(
    "durations use the two units that matter",
    arguments: [
      (0, "0 s"), (0.0001, "<1 ms"), (0.24, "240 ms"), (0.9996, "1.0 s"), (3.2, "3.2 s"), (9.96, "10 s"),
      (59.4, "59 s"),
      (59.7, "1 min 00 s"), (245, "4 min 05 s"), (3599.6, "1 h 00 min"), (7860, "2 h 11 min"), (273_600, "3 d 04 h"),
      (-1, "0 s"), (.infinity, "?"), (.nan, "?"),
    ] as [(Double, String)])
  func durations(seconds: Double, text: String) { #expect(Format.duration(seconds) == text) }

  @Test(
    "rates say three digits, and slow ones by the minute or hour",
    arguments: [
      (0, "0/s"), (28.14, "28.1/s"), (99.96, "100/s"), (340.2, "340/s"), (12_431, "12,400/s"), (0.053, "3.2/min"),
      (0.0004, "1.4/h"), (.nan, "?"),
    ] as [(Double, String)])
  func rates(value: Double, text: String) { #expect(Format.rate(value) == text) }

  @Test(
    "per cent are rounded down, so that 100 % means complete",
    arguments: [(0, "0 %"), (0.001, "<1 %"), (0.29, "29 %"), (0.9999, "99 %"), (1, "100 %")] as [(Double, String)])
  func percents(value: Double, text: String) { #expect(Format.percent(value) == text) }

  @Test func `a time of today is a clock, another day has its date`() {
    let noon = TestState.noon
    #expect(Format.time(noon + 191, now: noon, zone: TestState.utc) == "12:03:11")
    #expect(Format.time(noon - 86_400, now: noon, zone: TestState.utc) == "2023-11-14 12:00")
    #expect(Format.time(951_782_400, now: noon, zone: TestState.utc) == "2000-02-29 00:00")
    #expect(Format.time(-1, now: noon, zone: TestState.utc) == "1969-12-31 23:59")
    let india = TimeZone(secondsFromGMT: 19_800) ?? .current
    #expect(Format.time(noon, now: noon, zone: india) == "17:30:00")
  }
}

@Suite("Text in columns")
struct TextWidthTests {
  @Test(
    "a text's width is what a terminal shows",
    arguments: [
      ("abc", 3), ("été", 3), ("e\u{301}te\u{301}", 3), ("論文", 4), ("ｆｕｌｌ", 8), ("한국", 4), ("👍", 2), ("❤️", 2), ("✓", 1),
      ("a\u{200B}b", 2), ("👨‍👩‍👧", 2), ("", 0), ("…", 1),
    ])
  func widths(text: String, width: Int) { #expect(TextWidth.of(text) == width) }

  @Test func `a long text is cut at the end and a path in the middle`() {
    #expect(TextWidth.truncated("the abstract is a number", to: 12) == "the abstrac…")
    #expect(TextWidth.truncated("short", to: 5) == "short")
    #expect(TextWidth.truncated("論文論文", to: 6) == "論文…")
    #expect(TextWidth.truncated("論文論文", to: 6, ellipsis: "...") == "論...")
    #expect(TextWidth.truncatedMiddle("data/arXiv_metadata_17.json", to: 16) == "data/…ta_17.json")
    #expect(TextWidth.truncatedMiddle("data/論文論文論文.json", to: 14) == "data…論文.json")
    #expect(TextWidth.truncatedMiddle("abcdef", to: 1) == "…")
    #expect(TextWidth.truncated("abcdef", to: 0) == "")
  }

  @Test func `wrapping breaks at spaces, and long words where they must`() {
    #expect(TextWidth.wrapped("one two three", to: 7) == ["one two", "three"])
    #expect(TextWidth.wrapped("abcdefgh ij", to: 5) == ["abcde", "fgh", "ij"])
    #expect(TextWidth.wrapped("論文", to: 1) == ["論文"])
    #expect(TextWidth.wrapped("", to: 5) == [""])
  }

  @Test func `a file's name cannot write to the terminal`() {
    #expect(TextWidth.printable("a\u{1B}[31mb\nc\r\n\td\u{202E}e") == "a\u{FFFD}[31mb c d\u{FFFD}e")
  }

  @Test func `bars fill in eighths, show a beginning and are full only when complete`() {
    func bar(_ fraction: Double, _ glyphs: Glyphs = .unicode) -> String {
      Bar.drawn(fraction, width: 4, style: .good, glyphs: glyphs).plain
    }
    #expect(bar(0) == "░░░░")
    #expect(bar(0.0001) == "▏░░░")
    #expect(bar(0.5) == "██░░")
    #expect(bar(0.6) == "██▍░")
    #expect(bar(0.9999) == "███▉")
    #expect(bar(1) == "████")
    #expect(bar(7) == "████")
    #expect(bar(.nan) == "░░░░")
    #expect(bar(0.5, .ascii) == "##..")
  }

  @Test func `a chart shows peaks, lines over them and the limit`() {
    let chart = Chart(
      positions: [0, 1, 2, 3, 4, 5, 6, 7],
      series: [
        Chart.Series(name: "used", values: [1, 2, 3, 4, 4, 2, 0, 1], style: .accent),
        Chart.Series(name: "thought", values: [nil, nil, nil, nil, nil, nil, 3, 3], style: .warn),
      ],
      limit: ("bound", 8), height: 4, formatValue: { "\(Int($0))" }, formatPosition: { "\(Int($0)) s" })
    #expect(
      chart.drawn(width: 10, glyphs: .unicode).rendered(colour: false) == [
        "█ used   …",
        "8 ┄┄┄┄┄┄┄┄",
        "",
        "    ▄██ ──",
        "0 ▄█████ ▄",
        "  0 s  7 s",
      ])
  }

  @Test func `samples beyond the chart's columns keep their peak`() {
    var values = [Double?](repeating: 1, count: 1000)
    values[503] = 8
    let chart = Chart(
      positions: (0..<1000).map(Double.init), series: [Chart.Series(name: "x", values: values, style: .plain)],
      limit: nil,
      height: 1, formatValue: { "\(Int($0))" }, formatPosition: { "\(Int($0))" })
    #expect(chart.drawn(width: 12, glyphs: .unicode)[1].plain == "8 ▁▁▁▁▁█▁▁▁▁")
  }

  @Test(
    "colour is asked of the environment",
    arguments: [
      (true, [:], true), (false, [:], false), (true, ["NO_COLOR": "1"], false), (true, ["NO_COLOR": ""], true),
      (false, ["CLICOLOR_FORCE": "1"], true), (false, ["FORCE_COLOR": "0"], false), (true, ["TERM": "dumb"], false),
      (true, ["NO_COLOR": "1", "FORCE_COLOR": "1"], false), (true, ["CLICOLOR": "0"], false),
    ] as [(Bool, [String: String], Bool)])
  func colour(isTerminal: Bool, environment: [String: String], expected: Bool) {
    #expect(Terminal.wantsColour(isTerminal: isTerminal, environment: environment) == expected)
  }

  @Test func `what is no terminal has the width COLUMNS says, or 80`() throws {
    let file = open("/dev/null", O_RDWR)
    defer { close(file) }
    #expect(Terminal(file: file, environment: [:]).size == .init(columns: 80, rows: nil))
    #expect(Terminal(file: file, environment: ["COLUMNS": "132"]).size.columns == 132)
    #expect(Terminal(file: file, environment: ["LANG": "C.UTF-8"]).glyphs == .unicode)
    #expect(Terminal(file: file, environment: ["LC_ALL": "C", "LANG": "C.UTF-8"]).glyphs == .ascii)
    #expect(!Terminal(file: file, environment: [:]).isTerminal)
  }

  @Test func `styles cost codes only where colour is wanted`() {
    let line = StyledText("a", .bold) + StyledText(" b ") + StyledText("c", .bad) + StyledText("  ", .dim)
    #expect(line.rendered(colour: false) == "a b c")
    #expect(line.rendered(colour: true) == "\u{1B}[1ma\u{1B}[0m b \u{1B}[31mc\u{1B}[0m")
    #expect(line.truncated(to: 4).plain == "a b…")
  }
}
