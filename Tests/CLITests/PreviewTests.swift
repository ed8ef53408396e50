import Foundation
import Testing
@testable import CLI
@Test func preview() throws {
  let env = ProcessInfo.processInfo.environment
  guard let widths = env["PREVIEW"] else { return }
  let test = try TestState.full(state: env["STATE"] ?? "running")
  for width in widths.split(separator: ",").compactMap({ Int($0) }) {
    for name in (env["DASH"] ?? "progress,tasks,memory,failures").split(separator: ",") {
      print(String(repeating: "=", count: width))
      for l in try test.view(isAlive: env["DEAD"] == nil).render(width: width, colour: env["COLOUR"] != nil, dashboard: builtIn(String(name)), glyphs: env["ASCII"] == nil ? .unicode : .ascii) { print(l) }
    }
  }
}
