/// A configured regrouping: a bag whose partitions are partitions of other bags, put together, cut or lined up. What comes
/// from where is known before anything runs, so that the bags are never together in memory.
///
/// A value among the inputs counts as a bag of one partition.
public protocol RegroupOp: Sendable {
  /// - Parameter bags: the partitions of each input, in the order of `from`.
  /// - Throws: `ParameterError` where the partitions do not allow it.
  func plan(_ bags: [Partitions]) throws -> RegroupPlan
  /// Whether the partitions have to agree on something first, which is found in the first partition of each input.
  var agrees: Bool { get }
  func estimateAgreement(inputBytes: [Int]) -> MemoryEstimate
  /// - Parameters:
  ///   - firsts: the first partition of each input.
  ///   - context: the task's way to what is outside it.
  /// - Returns: a small value, which every task of the regrouping gets.
  func agreement(on firsts: [any TaskValue], context: any TaskContext) throws -> any TaskValue
  /// - Parameters:
  ///   - group: what the partition is made of.
  ///   - inputBytes: size in memory of each of the group's members.
  func estimate(_ group: PartitionGroup, inputBytes: [Int]) -> MemoryEstimate
  /// - Parameters:
  ///   - members: the group's, in order.
  ///   - group: which they are, and which piece of them is wanted.
  ///   - agreement: what `agreement` gave, where `agrees`.
  ///   - partition: what the result is to be.
  ///   - context: the task's way to what is outside it.
  func regroup(
    _ members: [any TaskValue], as group: PartitionGroup, agreement: (any TaskValue)?, partition: Partition,
    context: any TaskContext
  ) throws -> any TaskValue
}

extension RegroupOp {
  public var agrees: Bool { false }

  public func estimateAgreement(inputBytes: [Int]) -> MemoryEstimate { MemoryEstimate(output: 0, scratch: 0) }

  public func agreement(on firsts: [any TaskValue], context: any TaskContext) throws -> any TaskValue {
    preconditionFailure("\(Self.self) has nothing to agree on")
  }
}

/// What one partition that comes out of a regrouping is made of.
public struct PartitionGroup: Hashable, Sendable {
  /// Which input.
  public let bag: Int
  /// Neighbouring partitions of it, at least one.
  public let members: Range<Int>
  /// Which part of them it is, from 0, and of how many equal ones.
  public let piece: Int
  public let pieceCount: Int

  /// A piece of some partitions; all of them unless said otherwise.
  public init(bag: Int, members: Range<Int>, piece: Int = 0, of pieceCount: Int = 1) {
    self.bag = bag
    self.members = members
    self.piece = piece
    self.pieceCount = pieceCount
  }

  /// The piece's share of `count` records.
  public func rows(of count: Int) -> Range<Int> {
    func border(_ piece: Int) -> Int {
      let product = count.multipliedFullWidth(by: piece)
      return pieceCount.dividingFullWidth(product).quotient
    }
    return border(piece)..<border(piece + 1)
  }
}

/// The partitions that come out of a regrouping, and what each is made of.
public struct RegroupPlan: Sendable {
  public let partitions: Partitions
  public let groups: [PartitionGroup]

  private init(partitions: Partitions, groups: [PartitionGroup]) {
    self.partitions = partitions
    self.groups = groups
  }

  /// The partitions of all bags behind one another, as they are, with their labels.
  public static func joined(_ bags: [Partitions]) -> RegroupPlan {
    RegroupPlan(
      partitions: .joined(bags),
      groups: bags.enumerated().flatMap { bag, partitions in
        partitions.indices.map { PartitionGroup(bag: bag, members: $0..<$0 + 1) }
      })
  }

  /// One bag of `count` partitions as `wanted`, at least 1, in its order: neighbours are put together, or partitions cut
  /// into equal pieces, so evenly that counts differ by one at most.
  public static func repartitioned(_ count: Int, into wanted: Int) -> RegroupPlan {
    func border(_ index: Int, _ total: Int, _ parts: Int) -> Int {
      parts.dividingFullWidth(total.multipliedFullWidth(by: index)).quotient
    }
    var groups: [PartitionGroup] = []
    groups.reserveCapacity(wanted)
    if count >= wanted {
      for index in 0..<wanted {
        groups.append(PartitionGroup(bag: 0, members: border(index, count, wanted)..<border(index + 1, count, wanted)))
      }
    } else {
      for index in 0..<count {
        let pieces = border(index + 1, wanted, count) - border(index, wanted, count)
        for piece in 0..<pieces {
          groups.append(PartitionGroup(bag: 0, members: index..<index + 1, piece: piece, of: pieces))
        }
      }
    }
    return RegroupPlan(partitions: .numbered(wanted), groups: groups)
  }
}
