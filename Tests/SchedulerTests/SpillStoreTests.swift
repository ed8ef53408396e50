import Foundation
import Graph
import TestSupport
import Testing

@testable import Scheduler

@Suite("Spill store")
struct SpillStoreTests {
  static let registry = TestOps.registry()

  /// Around every border: of padding, block, packed values, staging block and a few of them.
  static let sizes = [
    0, 8, 56, 64, 4024, 4032, 4096, 4104, 65_472, 65_480, 73_656, 73_664, 100_000, 1_048_488, 524_216, 524_224,
    1_048_568, 1_048_576, 1_052_600, 1_052_608, 1_052_664, 1_052_672,
    5_000_000,
  ]

  @Test("Values of all sizes come back as they were, past the page cache and through it", arguments: [true, false])
  func roundTrip(direct: Bool) throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder + "/spill", limit: nil, direct: direct)
      let items = Self.sizes.enumerated().map { item(UInt64($0), bytes: $1) }
      let extents = try store.write(items).map { try $0.get() }
      #expect(TestFiles.names(in: folder + "/spill") == ["spill-0.graphrun"])
      #expect(store.problem(whenInUse: extents) == nil)
      #expect(store.bytesTotal == extents.reduce(0) { $0 + $1.byteCount })
      for (extent, item) in zip(extents, items) {
        #expect(try read(store, extent, item))
        #expect(store.isIntact(extent, fingerprint: item.fingerprint))
        #expect(SpillExtent(extent.description) == extent)
      }
      store.removeAll()
      #expect(TestFiles.names(in: folder + "/spill").isEmpty)
      #expect(store.bytesNow == 0 && store.bytesOnDisk == 0)
    }
  }

  @Test("Small values share blocks, and a block is free when the last of them is")
  func packing() throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: nil)
      let items = (0..<100).map { item($0, bytes: 1000) }
      var extents = try store.write(items).map { try $0.get() }
      let blocks = SpillBlock.count(for: 100 * SpillSeal.recordBytes(1008))
      #expect(store.bytesNow == blocks * 4096)
      for index in [0, 50, 99, 3, 1, 2, 49] {
        store.free(extents[index])
        extents[index] = extents[98]  // still in use; counted once
        #expect(store.problem(whenInUse: Array(Set(extents))) == nil)
      }
      #expect(store.bytesNow < blocks * 4096)
      for extent in Set(extents) { store.free(extent) }
      #expect(store.problem(whenInUse: []) == nil)
      #expect(store.bytesNow == 0)
    }
  }

  @Test(
    "Random writes, reads and frees leave the book right and every byte as it was", arguments: 0..<4 as Range<UInt64>)
  func randomUse(seed: UInt64) throws {
    try TestFiles.withFolder { folder in
      var random = SeededRandom(seed: seed)
      let store = SpillStore(folder: folder, limit: nil, fileBytes: 4 << 20)
      var live: [(extent: SpillExtent, item: SpillStore.Item)] = []
      var number = seed << 32
      for step in 0..<200 {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4:
          let items = (0..<Int.random(in: 1...8, using: &random)).map { _ in
            number += 1
            let most = [200, 5000, 20_000, 70_000, 70_000, 300_000, 1_500_000].randomElement(using: &random)!
            return item(number, bytes: Int.random(in: 0...most, using: &random))
          }
          for (item, extent) in zip(items, store.write(items)) { live.append((try extent.get(), item)) }
        case 4..<8:
          // More is freed when much is there, so that files run empty now and then.
          for _ in 0..<max(1, live.count / 12) where !live.isEmpty {
            store.free(live.remove(at: Int.random(in: live.indices, using: &random)).extent)
          }
        case 8:
          store.giveBack(keeping: Int.random(in: 0...(4 << 20), using: &random))
        default:
          if let one = live.randomElement(using: &random) { #expect(try read(store, one.extent, one.item)) }
        }
        if step % 10 == 0 { try #require(store.problem(whenInUse: live.map(\.extent)) == nil) }
      }
      for one in live { #expect(try read(store, one.extent, one.item)) }
      let unique = Set(
        live.flatMap { one in one.extent.blocks.map { SpillSpace.BlockID(file: one.extent.file, block: $0) } })
      #expect(store.bytesNow == unique.count * 4096)
      for one in live { store.free(one.extent) }
      #expect(store.problem(whenInUse: []) == nil)
      #expect(store.bytesNow == 0)
      store.giveBack(keeping: 0)
      #expect(store.bytesOnDisk == 0)
      #expect(TestFiles.names(in: folder).count == 1)
    }
  }

  @Test("Space that was freed is used again, and given back when asked")
  func reuse() throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: nil)
      var extents = try store.write((0..<8).map { item($0, bytes: 1 << 20) }).map { try $0.get() }
      let end = extents[7].end
      for index in [1, 2, 5] { store.free(extents[index]) }
      let later = item(100, bytes: 2 << 20)
      let place = try store.write([later])[0].get()
      #expect(place.offset == extents[1].offset, "the hole that two values left")
      #expect(try read(store, place, later))
      #expect(place.end < end)

      let before = diskBytes(folder)
      extents.remove(at: 5)
      extents.removeSubrange(1...2)
      store.free(extents.removeLast())
      #expect(store.giveBack(keeping: 0))
      #expect(diskBytes(folder) <= before - (2 << 20))
      #expect(store.bytesOnDisk == store.bytesNow)
      #expect(store.problem(whenInUse: extents + [place]) == nil)
      #expect(try read(store, extents[0], item(0, bytes: 1 << 20)))
    }
  }

  @Test("Files without a value are removed but for one")
  func emptyFiles() throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: nil, fileBytes: 2 << 20)
      let items = (0..<12).map { item($0, bytes: 1_000_000) } + [item(12, bytes: 7 << 20)]
      let extents = try store.write(items).map { try $0.get() }
      #expect(TestFiles.names(in: folder).count == 7, "two in a file; what is longer than a file has its own")
      for extent in extents.dropFirst() { store.free(extent) }
      store.trim()
      #expect(TestFiles.names(in: folder).count == 7, "little enough to keep")
      store.giveBack(keeping: 0)
      #expect(TestFiles.names(in: folder) == ["spill-0.graphrun"])
      #expect(try read(store, extents[0], items[0]))
      _ = try store.write([item(20, bytes: 3 << 20)])[0].get()
      #expect(TestFiles.names(in: folder) == ["spill-0.graphrun", "spill-7.graphrun"], "no number is used twice")
    }
  }

  @Test("A flipped bit is found wherever it is", arguments: [0, 40, 3000, 65_464, 70_000, 1_500_000])
  func bitFlip(size: Int) throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: nil)
      let items = [item(1, bytes: 100), item(2, bytes: size), item(3, bytes: 100)]
      let extents = try store.write(items).map { try $0.get() }
      let extent = extents[1]
      var random = SeededRandom(seed: UInt64(size))
      let places = (0..<16).map { _ in Int.random(in: extent.offset..<extent.end, using: &random) } + [extent.end - 64]
      for place in places + Array(extent.end - 64..<extent.end) {
        let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &random)
        try flip(store.path(of: extent.file), place, bit)
        #expect(isDamaged { try self.read(store, extent, items[1]) })
        #expect(!store.isIntact(extent, fingerprint: items[1].fingerprint))
        try flip(store.path(of: extent.file), place, bit)
      }
      for (extent, item) in zip(extents, items) { #expect(try read(store, extent, item)) }
    }
  }

  @Test("A file that was cut off is found")
  func truncation() throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: nil)
      let items = [item(1, bytes: 3_000_000), item(2, bytes: 2000), item(3, bytes: 30_000)]
      let extents = try store.write(items).map { try $0.get() }
      let last = extents.map(\.end).max()!
      for cut in [last - 64, last - 5000, 1_000_000, 4096, 100, 0] {
        truncate(store.path(of: 0), off_t(cut))
        for (extent, item) in zip(extents, items) where extent.end > cut {
          #expect(isDamaged { try self.read(store, extent, item) })
          #expect(!store.isIntact(extent, fingerprint: item.fingerprint))
          #expect(
            !SpillStore.isIntact(extent, fingerprint: item.fingerprint, in: folder, readingThrough: false))
        }
      }
    }
  }

  @Test("Space that another value took is not read as the one before")
  func otherValue() throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: nil)
      let (first, second) = (item(1, bytes: 500_000), item(2, bytes: 500_000))
      let old = try store.write([first])[0].get()
      store.free(old)
      #expect(try store.write([second])[0].get() == old)
      #expect(isDamaged { try self.read(store, old, first) })
      #expect(!SpillStore.isIntact(old, fingerprint: first.fingerprint, in: folder, readingThrough: false))
      #expect(SpillStore.isIntact(old, fingerprint: second.fingerprint, in: folder))
    }
  }

  @Test("The limit holds, is named in the error, and what was freed can be used below it")
  func limit() throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: 4 << 20, fileBytes: 2 << 20)
      let items = (0..<6).map { item($0, bytes: 1_000_000) }
      let results = store.write(items + [item(6, bytes: 1000)])
      let extents = results.compactMap { try? $0.get() }
      #expect(extents.count == 5, "four large ones and the small one")
      #expect(diskBytes(folder) <= 4 << 20)
      guard case .failure(let error) = results[4] else {
        Issue.record("the limit was passed")
        return
      }
      #expect(error.code == .diskFull && error.message.contains("--spill-limit"))
      #expect(store.problem(whenInUse: extents) == nil)
      // Two holes of a megabyte that do not touch give room to a value of nearly two, in a file of its own.
      store.free(extents[0])
      store.free(extents[2])
      let large = item(9, bytes: 1_900_000)
      let place = try store.write([large])[0].get()
      #expect(try read(store, place, large))
      #expect(diskBytes(folder) <= 4 << 20)
      #expect(store.problem(whenInUse: [extents[1], extents[3], extents[4], place]) == nil)
    }
  }

  @Test("Small values fill what little room there is")
  func smallHoles() throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: 1 << 20)
      let items = (0..<256).map { item($0, bytes: 4000) }
      let extents = try store.write(items).map { try $0.get() }
      #expect(store.write([item(900, bytes: 9000)]).allSatisfy { (try? $0.get()) == nil })
      for index in stride(from: 0, to: 256, by: 4) { store.free(extents[index]) }
      let kept = extents.enumerated().filter { $0.offset % 4 != 0 }.map(\.element)
      let more = (1000..<1040).map { item($0, bytes: 2000) }
      let places = try store.write(more).map { try $0.get() }
      #expect(store.problem(whenInUse: kept + places) == nil)
      for (place, item) in zip(places, more) { #expect(try read(store, place, item)) }
    }
  }

  @Test("After a crash another store takes over what is intact, and writes over nothing of it")
  func adoption() throws {
    try TestFiles.withFolder { folder in
      let dead = SpillStore(folder: folder, limit: nil, fileBytes: 4 << 20)
      let items = (0..<60).map { item($0, bytes: [300, 20_000, 700_000][Int($0 % 3)]) }
      let extents = try dead.write(items).map { try $0.get() }
      let files = Set(extents.map(\.file))
      #expect(files.count > 2)
      // The run was killed here. Of every value every other one is on record; of the last file, none.
      let adopted = Array(zip(extents, items).enumerated().filter { $0.offset % 2 == 0 }.map(\.element)).filter {
        $0.0.file != files.max()
      }
      let store = SpillStore(folder: folder, limit: nil, fileBytes: 4 << 20)
      var inUse: [SpillExtent] = []
      for (extent, item) in adopted {
        #expect(SpillStore.isIntact(extent, fingerprint: item.fingerprint, in: folder))
        #expect(store.adopt(extent))
        inUse.append(extent)
      }
      let early = item(500, bytes: 800_000)
      inUse.append(try store.write([early])[0].get())
      #expect(!files.contains(inUse.last!.file), "before the sweep, dead files are left alone")
      // Two tasks of the same result share an extent, large or small.
      for (extent, _) in adopted.prefix(4) {
        #expect(store.adopt(extent))
        inUse.append(extent)
      }
      store.sweep()
      #expect(TestFiles.names(in: folder).count == files.count)
      #expect(store.problem(whenInUse: inUse) == nil)
      #expect(TestFiles.exists(store.path(of: files.max()!)) == false)

      let more = (600..<620).map { item($0, bytes: 600_000) }
      let places = try store.write(more).map { try $0.get() }
      #expect(places.contains { files.contains($0.file) }, "after it, their free space is used")
      inUse += places
      #expect(store.problem(whenInUse: inUse) == nil)
      for (extent, item) in adopted + Array(zip(places, more)) { #expect(try read(store, extent, item)) }
      for (extent, _) in adopted.prefix(4) { store.free(extent) }
      for (extent, item) in adopted.prefix(4) { #expect(try read(store, extent, item)) }
      for (extent, _) in adopted { store.free(extent) }
      #expect(store.problem(whenInUse: Array(inUse.filter { one in !adopted.contains { $0.0 == one } })) == nil)
      store.removeAll()
      #expect(TestFiles.names(in: folder).isEmpty)
    }
  }

  @Test("The sweep removes spill files that nobody adopted, and nothing else")
  func sweeping() throws {
    try TestFiles.withFolder { folder in
      for name in ["spill-0.graphrun", "spill-7.graphrun", "spill-8.graphrun", "spill-.graphrun", "spill-08.graphrun"] {
        try TestFiles.write("", to: folder + "/" + name)
      }
      try TestFiles.write("mine", to: folder + "/notes.txt")
      let store = SpillStore(folder: folder, limit: nil)
      store.sweep(keeping: [7])
      #expect(
        TestFiles.names(in: folder) == ["notes.txt", "spill-.graphrun", "spill-08.graphrun", "spill-7.graphrun"])
      #expect(try store.write([item(1, bytes: 10)])[0].get().file == 9)
      #expect(!store.adopt(SpillExtent(file: 5, offset: 0, byteCount: 64)))
      #expect(!store.adopt(SpillExtent(file: 7, offset: 4095, byteCount: 64)))
    }
  }

  @Test("A full disk is an error that names the folder; what is there stays, and freed space can be used")
  func fullDisk() throws {
    try TestFiles.withFolder { folder in
      guard system("/bin/mount", "-t", "tmpfs", "-o", "size=8m", "none", folder) else {
        // Only root may mount; the rest of this test needs a small disk.
        print("fullDisk: skipped, mounting a small disk is not allowed here")
        return
      }
      defer { _ = system("/bin/umount", "-l", folder) }
      let store = SpillStore(folder: folder, limit: nil)
      let items = (0..<10).map { item($0, bytes: 1_500_000) } + [item(20, bytes: 900)]
      let results = store.write(items)
      let kept = zip(results, items).compactMap { result, item in (try? result.get()).map { ($0, item) } }
      #expect(kept.count >= 5 && kept.count < 10)
      for case .failure(let error) in results {
        #expect(error.code == .diskFull)
        #expect(error.file?.hasPrefix(folder) == true)
      }
      for (extent, item) in kept { #expect(try read(store, extent, item)) }
      #expect(store.problem(whenInUse: kept.map(\.0)) == nil)
      store.free(kept[0].0)
      store.free(kept[2].0)
      // No hole is long enough: room comes from giving both back.
      let large = item(30, bytes: 2_500_000)
      let place = try store.write([large])[0].get()
      #expect(try read(store, place, large))
      store.removeAll()
      #expect(TestFiles.names(in: folder).isEmpty)
    }
  }

  @Test("A value that writes another length the second time is an error and no other value's loss")
  func fickleLength() throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: nil)
      let good = [item(1, bytes: 700), item(2, bytes: 900)]
      for (first, second) in [(100, 101), (100, 99), (100, 70_000), (3_000_000, 2_999_999), (3_000_000, 3_000_008)] {
        let bad = SpillStore.Item(fingerprint: fingerprint(9), value: FickleValue(lengths: [first, second]))
        let results = store.write([good[0], bad, good[1]])
        guard case .failure(let error) = results[1] else {
          Issue.record("\(first) then \(second) bytes were believed")
          continue
        }
        #expect(error.code == .cannotWrite)
        let extents = try [results[0].get(), results[2].get()]
        for (extent, item) in zip(extents, good) { #expect(try read(store, extent, item)) }
        #expect(store.problem(whenInUse: extents) == nil)
        extents.forEach(store.free)
      }
      #expect(store.bytesNow == 0)
    }
  }

  @Test("Readers and frees go on while values are written")
  func threads() throws {
    try TestFiles.withFolder { folder in
      let store = SpillStore(folder: folder, limit: nil, fileBytes: 8 << 20)
      let fixed = (0..<40).map { item($0, bytes: [900, 30_000, 500_000][Int($0 % 3)]) }
      let places = try store.write(fixed).map { try $0.get() }
      let failures = Counter()
      DispatchQueue.concurrentPerform(iterations: 4) { thread in
        var random = SeededRandom(seed: UInt64(thread))
        for round in 0..<60 {
          if thread == 0 {
            // Its own values, written and freed over and over: the others' never move.
            let items = (0..<4).map { item(UInt64(1000 + round * 4 + $0), bytes: 200_000) }
            for (result, item) in zip(store.write(items), items) {
              guard let extent = try? result.get(), (try? read(store, extent, item)) == true else {
                failures.add()
                continue
              }
              store.free(extent)
            }
            if round % 10 == 0 { store.giveBack(keeping: 0) }
          } else {
            let index = fixed.indices.randomElement(using: &random)!
            if (try? read(store, places[index], fixed[index])) != true { failures.add() }
          }
        }
      }
      #expect(failures.count == 0)
      #expect(store.problem(whenInUse: places) == nil)
    }
  }

  @Test("An extent's text reads back, and nothing else reads as one")
  func text() {
    let extent = SpillExtent(file: 3, offset: 8192, byteCount: 4160)
    #expect(extent.description == "spill-3.graphrun:8192+4160")
    for wrong in [
      "", "spill-3.graphrun", "spill-3.graphrun:8192", "spill-3.graphrun:8192+", "spill--3.graphrun:0+64",
      "spill-3.graphrun:8192+4161", "spill-3.graphrun:-64+64", "spill-3.graphrun:+0+64", "spill-3.graphrun:1+64",
      "spill-03.graphrun:0+64", "/spill-3.graphrun:0+64", "spill-3.graphrun:0+0",
      "spill-3.graphrun:9223372036854775744+9223372036854775744",
    ] {
      #expect(SpillExtent(wrong) == nil, "\(wrong)")
    }
  }

  // MARK: Helpers

  private func item(_ number: UInt64, bytes: Int) -> SpillStore.Item {
    SpillStore.Item(fingerprint: fingerprint(number), value: TestValue(number: number, byteCount: bytes))
  }

  private func fingerprint(_ number: UInt64) -> Fingerprint {
    var random = SeededRandom(seed: ~number)
    return Fingerprint(bytes: (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })!
  }

  private func read(_ store: SpillStore, _ extent: SpillExtent, _ item: SpillStore.Item) throws -> Bool {
    let value = try store.read(extent, fingerprint: item.fingerprint, registry: Self.registry)
    return value as? TestValue == item.value as? TestValue
  }

  /// Whether reading says that the value is damaged.
  private func isDamaged(_ read: () throws -> Bool) -> Bool {
    do {
      _ = try read()
      return false
    } catch {
      return (error as? TaskError)?.code == .corruptValue
    }
  }

  private func flip(_ path: String, _ offset: Int, _ bit: UInt8) throws {
    let file = open(path, O_RDWR)
    defer { close(file) }
    var byte: UInt8 = 0
    try #require(pread(file, &byte, 1, off_t(offset)) == 1)
    byte ^= bit
    try #require(pwrite(file, &byte, 1, off_t(offset)) == 1)
  }

  /// Bytes that the files of a folder take on disk.
  private func diskBytes(_ folder: String) -> Int {
    TestFiles.names(in: folder).reduce(0) { total, name in
      var status = stat()
      return stat(folder + "/" + name, &status) == 0 ? total + Int(status.st_blocks) * 512 : total
    }
  }

  private func system(_ program: String, _ arguments: String...) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}

/// Writes as many bytes as the list says, call by call.
private final class FickleValue: TaskValue, @unchecked Sendable {
  static let kind = "fickle"
  // Only the store's writing thread calls `write(to:)`.
  private var lengths: [Int]
  init(lengths: [Int]) { self.lengths = lengths }
  var byteCount: Int { 0 }
  func write(to sink: any ByteSink) throws {
    try [UInt8](repeating: 7, count: lengths.removeFirst()).withUnsafeBytes { try sink.write($0) }
  }
  init(contentsOf buffer: Buffer) throws { lengths = [] }
  func preview(limit: Int) -> ValuePreview { ValuePreview(columns: [], rows: [], rowCount: 0, json: "") }
}

private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var value = 0
  func add() { lock.withLock { value += 1 } }
  var count: Int { lock.withLock { value } }
}
