import Glibc
import Testing

@testable import Wire

private let suiteFolder: String? = unsafe getenv("LEO_JSON_SUITE").map { unsafe String(cString: $0) }

/// Nicolas Seriot's JSONTestSuite (MIT), unpacked by scripts/test into the folder that LEO_JSON_SUITE names: files whose
/// names begin with y must be accepted, with n refused, and with i are left to each parser.
@Suite("JSONTestSuite", .enabled(if: suiteFolder != nil))
struct JSONSuiteTests {
    /// Which of the undecided documents leo accepts: numbers of any size and precision, since their text is kept.
    ///
    /// Refused are halves of surrogate pairs, what is not UTF-8 (RFC 8259 8.1), a byte order mark, and 500 levels.
    private static let acceptedUndecided: Set<String> = [
        "i_number_double_huge_neg_exp.json", "i_number_huge_exp.json", "i_number_neg_int_huge_exp.json",
        "i_number_pos_double_huge_exp.json", "i_number_real_neg_overflow.json", "i_number_real_pos_overflow.json",
        "i_number_real_underflow.json", "i_number_too_big_neg_int.json", "i_number_too_big_pos_int.json",
        "i_number_very_big_negative_int.json",
    ]

    @Test("is decided file by file, with the spans of a slow reader")
    func files() throws {
        let folder = try #require(suiteFolder)
        let names = try Self.names(in: folder)
        #expect(names.filter { $0.hasPrefix("y_") }.count >= 95)
        #expect(names.filter { $0.hasPrefix("n_") }.count >= 188)
        #expect(names.filter { $0.hasPrefix("i_") }.count >= 35)
        #expect(Self.acceptedUndecided.isSubset(of: names))
        for name in names {
            let document = try Self.content(of: "\(folder)/\(name)")
            let isAccepted = name.hasPrefix("y_") || Self.acceptedUndecided.contains(name)
            let facts = cursorFacts(document)
            #expect((facts != nil) == isAccepted, "\(name)")
            #expect(facts == JSONReference.read(document), "\(name)")
            #expect(skippedSpan(document) == facts?.first?.range, "\(name)")
        }
    }

    private static func names(in folder: String) throws -> [String] {
        let directory = unsafe try #require(unsafe opendir(folder))
        defer { _ = unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".json") { names.append(name) }
        }
        return names.sorted()
    }

    private static func content(of path: String) throws -> [UInt8] {
        let file = unsafe try #require(unsafe fopen(path, "r"))
        defer { _ = unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        return Array(bytes[..<count])
    }
}
