import Graph
import Testing

@Suite struct WrittenFileTests {
  private final class Bytes: ByteSink {
    var bytes: [UInt8] = []
    func write(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
  }

  private func stored(_ file: WrittenFile) throws -> [UInt8] {
    let sink = Bytes()
    try file.write(to: sink)
    return sink.bytes
  }

  @Test func `What is known of a written file comes back, with a checksum or without`() throws {
    for checksum in [nil, FileChecksum(high: 1, low: .max), FileChecksum(high: 0xFEDC_BA98_7654_3210, low: 0)] {
      for (path, records) in [("/a/été 論文", 7), ("/b", nil)] as [(String, Int?)] {
        let file = WrittenFile(path: path, fileByteCount: 1 << 40, modified: -5, records: records, checksum: checksum)
        #expect(try WrittenFile(contentsOf: Buffer(stored(file))) == file)
      }
    }
  }

  @Test func `What was on record before there were checksums is read as it was`() throws {
    let now = try stored(WrittenFile(path: "/a/b", fileByteCount: 3, modified: 4, records: 5))
    var before: [UInt8] = []
    for number in [3, 4, 5] as [Int64] { withUnsafeBytes(of: number.littleEndian) { before += $0 } }
    #expect(now == before + Array("/a/b".utf8))
    // Whatever stands where the digits should be is no checksum.
    let odd = try WrittenFile(contentsOf: Buffer(now + [0] + Array("+0112233445566778899aabbccddeeff".utf8)))
    #expect(odd.path == "/a/b" && odd.checksum == nil)
  }

  @Test func `A checksum is 32 digits, the highest first`() {
    let checksum = FileChecksum(high: 0x00112233_44556677, low: 0x8899AABB_CCDDEEFF)
    #expect(checksum.description == "xxh128:00112233445566778899aabbccddeeff")
    #expect(FileChecksum(hexadecimal: checksum.hexadecimal) == checksum)
    #expect(FileChecksum(hexadecimal: "0011") == nil)
  }
}
