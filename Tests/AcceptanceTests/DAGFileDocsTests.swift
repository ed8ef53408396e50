import Foundation
import TestSupport
import Testing

/// What docs/dag-file.md shows is what the program does: its files run, and its commands print what stands there.
@Suite struct DAGFileDocsTests {
  struct Section {
    var title = ""
    /// Whole DAG files, by the name in the comment on their first line.
    var files: [(name: String, text: String)] = []
    /// Commands with what they print.
    var commands: [(command: String, output: String)] = []
  }

  static let sections: [Section] = {
    let text = (try? TestFiles.text(TestFiles.root + "/docs/dag-file.md")) ?? ""
    var sections = [Section()]
    var block: (language: String, lines: [String])?
    for line in text.components(separatedBy: "\n") {
      if let open = block {
        guard line == "```" else {
          block?.lines.append(line)
          continue
        }
        block = nil
        let last = sections.count - 1
        if open.language == "yaml", open.lines.contains("tasks:") {
          let first = open.lines[0]
          let name = first.hasPrefix("# ") ? String(first.dropFirst(2)) : "file-\(sections[last].files.count).yaml"
          sections[last].files.append((name, open.lines.joined(separator: "\n") + "\n"))
        } else if open.language == "console" {
          for line in open.lines {
            if line.hasPrefix("$ ") {
              sections[last].commands.append((String(line.dropFirst(2)), ""))
            } else if !sections[last].commands.isEmpty {
              sections[last].commands[sections[last].commands.count - 1].output += line + "\n"
            }
          }
        }
      } else if line.hasPrefix("```") {
        block = (String(line.dropFirst(3)), [])
      } else if line.hasPrefix("## ") {
        sections.append(Section(title: String(line.dropFirst(3))))
      }
    }
    return sections.filter { !$0.files.isEmpty }
  }()

  private func prepare(_ section: Section, in folder: String) throws {
    try Pipelines.sample(20, files: 2, in: folder)
    for country in ["", "de/", "fr/", "it/"] {
      try TestFiles.write(
        #"{"author": "Ada", "text": "a"}"# + "\n" + #"{"author": "Bob", "text": "b"}"# + "\n",
        to: "\(folder)/data/\(country)1.jsonl")
    }
    for name in ["photos/1.jpg", "photos/2.jpg", "thumbnail.py"] { try TestFiles.write("x", to: folder + "/" + name) }
    for file in section.files { try TestFiles.write(file.text, to: folder + "/" + file.name) }
  }

  @Test(arguments: sections.map(\.title))
  func everyFileIsValidAndRuns(title: String) throws {
    let section = try #require(Self.sections.first { $0.title == title })
    for file in section.files where file.name != "part.yaml" {
      try TestFiles.withFolder { folder in
        try prepare(section, in: folder)
        let checked = try Program.run("validate", file.name, in: folder)
        #expect(checked.status == 0, "\(file.text)\(checked.errors)")
        // The programs that the examples of commands name need not be here.
        guard !file.text.contains("op: command") else { return }
        let ran = try Program.run("run", file.name, "--memory", "256MB", in: folder)
        #expect(ran.status == 0, "\(file.text)\(ran.errors)")
      }
    }
  }

  @Test func everyCommandPrintsWhatStandsThere() throws {
    var count = 0
    for section in Self.sections where !section.commands.isEmpty {
      try TestFiles.withFolder { folder in
        try prepare(section, in: folder)
        for (command, output) in section.commands {
          let words = command.hasPrefix("graphrun ") ? "\"$PROGRAM\" " + command.dropFirst("graphrun ".count) : command
          let printed = try Program.run(
            "-c", words + " 2>&1", in: folder, environment: ["PROGRAM": Program.path], path: "/bin/sh")
          #expect(printed.output == output, "\(command)")
          count += 1
        }
      }
    }
    #expect(count >= 6)
  }
}
