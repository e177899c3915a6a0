import Testing

@testable import Policy

@Suite("What the kernel says about a socket")
struct SocketDiagnosisTests {
    private let client = IPEndpoint(address: .loopback4, port: 0xD7FC)
    private let leo = IPEndpoint(address: .loopback4, port: 0xC3BB)

    /// Of a socket of IPv6 that speaks IPv4, from Linux 6.18: user 0, control group 1.
    private static let recorded: [UInt8] = [
        0x7c, 0, 0, 0, 0x14, 0, 0, 0, 0x4d, 0, 0, 0, 0xcf, 0x16, 0, 0, 0x0a, 0x01, 0, 0, 0xd7, 0xfc, 0xc3, 0xbb,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x7f, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x7f, 0, 0,
        1,
        0, 0, 0, 0, 0x25, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x03, 0xcf, 0x43, 0,
        5, 0, 8, 0, 0, 0, 0, 0, 8, 0, 15, 0, 0, 0, 0, 0, 12, 0, 21, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 22, 0, 0x12, 0, 0,
        0,
    ]
    private static let isLittleEndian = UInt16(1).littleEndian == 1

    private func parse(_ bytes: [UInt8]) throws(SocketDiagnosis.Flaw) -> SocketDiagnosis.Answer {
        try SocketDiagnosis.parse(bytes.span, local: client, remote: leo, sequence: 77)
    }

    private func changed(_ place: Int, _ value: UInt8) -> [UInt8] {
        var bytes = Self.recorded
        bytes[place] = value
        return bytes
    }

    @Test("the question names the socket as its process sees it")
    func request() throws {
        let bytes = try #require(SocketDiagnosis.request(local: client, remote: leo, sequence: 77))
        #expect(bytes.count == 72 && Array(bytes[16..<20]) == [2, 6, 0, 0])
        #expect(Array(bytes[24..<32]) == [0xd7, 0xfc, 0xc3, 0xbb, 127, 0, 0, 1])
        #expect(Array(bytes[44..<48]) == [127, 0, 0, 1] && Array(bytes[64..<72]) == [UInt8](repeating: 255, count: 8))
        let mapped = IPEndpoint(address: .v6(0, 0xFFFF_7F00_0001), port: client.port)
        #expect(SocketDiagnosis.request(local: mapped, remote: leo, sequence: 77) == bytes)
        let six = IPEndpoint(address: .loopback6, port: 1)
        #expect(SocketDiagnosis.request(local: six, remote: leo, sequence: 77) == nil)
        #expect(SocketDiagnosis.request(local: six, remote: six, sequence: 77)?[16] == 10)
    }

    @Test("an owner is told with the control group", .enabled(if: isLittleEndian))
    func owner() throws {
        #expect(try parse(Self.recorded) == .owner(.init(uid: 0, controlGroup: 1)))
        #expect(try parse(changed(80, 0xE8)) == .owner(.init(uid: 0xE8, controlGroup: 1)))
        #expect(try parse(changed(110, 0x7F)) == .owner(.init(uid: 0, controlGroup: 1 + 0x7F_0000)))
        var without = Self.recorded
        without.replaceSubrange(0..<4, with: [88, 0, 0, 0])
        #expect(try parse(Array(without[..<88])) == .owner(.init(uid: 0, controlGroup: nil)))
    }

    @Test("a socket that its process has closed is nobody's, and not root's", .enabled(if: isLittleEndian))
    func orphan() throws {
        var bytes = Self.recorded
        bytes.replaceSubrange(84..<88, with: [0, 0, 0, 0])
        #expect(try parse(bytes) == .nobody)
    }

    @Test(
        "an answer about another socket is nobody's", .enabled(if: isLittleEndian),
        // State, both ports, both addresses.
        arguments: [(17, 10), (20, 1), (22, 1), (39, 2), (55, 2), (34, 1)] as [(Int, UInt8)])
    func others(place: Int, value: UInt8) throws {
        #expect(try parse(changed(place, value)) == .nobody)
    }

    @Test("errors are told, and no such socket is none", .enabled(if: isLittleEndian))
    func errors() throws {
        let error = { (number: Int32) -> [UInt8] in
            let bits = UInt32(bitPattern: number)
            return [20, 0, 0, 0, 2, 0, 0, 0, 77, 0, 0, 0, 1, 0, 0, 0]
                + (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
        }
        #expect(try parse(error(-2)) == .nobody)
        #expect(try parse(error(-1)) == .failure(1))
        #expect(try parse(error(.min)) == .nobody)
        #expect(try parse([16, 0, 0, 0, 3, 0, 0, 0, 77, 0, 0, 0, 1, 0, 0, 0]) == .nobody)
    }

    @Test("answers to other questions are passed over", .enabled(if: isLittleEndian))
    func unrelated() throws {
        #expect(try parse([]) == .unrelated)
        #expect(try parse(changed(8, 76)) == .unrelated)
        #expect(try parse(changed(4, 1)) == .unrelated)
        #expect(try parse(changed(8, 76) + Self.recorded) == .owner(.init(uid: 0, controlGroup: 1)))
    }

    @Test("an answer that is cut anywhere is refused or read as far as it goes, and nothing else")
    func cut() {
        for count in 0..<Self.recorded.count {
            let bytes = Array(Self.recorded[..<count])
            if count == 0 { continue }
            #expect(throws: SocketDiagnosis.Flaw.truncated) { try parse(bytes) }
        }
    }

    @Test(
        "lengths that lie are refused", .enabled(if: isLittleEndian),
        arguments: [
            (0, 15, SocketDiagnosis.Flaw.tooShort), (0, 0, .tooShort), (0, 0x7D, .truncated), (3, 0xFF, .truncated),
            (0, 80, .tooShort), (88, 0, .tooShort), (88, 3, .tooShort), (88, 200, .truncated), (89, 0xFF, .truncated),
            (104, 8, .tooShort),
        ])
    func lies(place: Int, value: UInt8, flaw: SocketDiagnosis.Flaw) {
        #expect(throws: flaw) { try parse(changed(place, value)) }
    }

    @Test("whatever comes is read or refused")
    func noise() {
        var random = SplitMix(state: 7)
        for _ in 0..<20_000 {
            var bytes = Self.recorded
            for _ in 0..<(1 + random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.next() % 4 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
            _ = try? parse(bytes)
        }
    }
}
