import Testing
import Wire

@testable import Proxy

@Suite("The access log's time")
struct AccessLogTimeTests {
    @Test(
        "is RFC 3339 text in UTC",
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (-1, 999_999_999, "1969-12-31T23:59:59.999Z"),
            (951_782_399, 1_000_000, "2000-02-28T23:59:59.001Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
            (951_868_800, 0, "2000-03-01T00:00:00.000Z"),
            (1_709_210_096, 123_456_789, "2024-02-29T12:34:56.123Z"),
            (4_107_542_399, 0, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (-62_167_219_200, 0, "0000-01-01T00:00:00.000Z"),
            (253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, Int32, String)])
    func known(seconds: Int64, nanoseconds: Int32, text: String) {
        #expect(written([WallTime(secondsSinceEpoch: seconds, nanoseconds: nanoseconds)]) == [text])
    }

    @Test(
        "becomes the nearest moment with four digits of year where the clock is absurd",
        arguments: [
            (Int64.min, "0000-01-01T00:00:00.000Z"), (Int64.max, "9999-12-31T23:59:59.000Z"),
        ])
    func absurd(seconds: Int64, text: String) {
        #expect(written([WallTime(secondsSinceEpoch: seconds, nanoseconds: 0)]) == [text])
        #expect(written([WallTime(secondsSinceEpoch: 0, nanoseconds: .min)]) == ["1970-01-01T00:00:00.000Z"])
        #expect(written([WallTime(secondsSinceEpoch: 0, nanoseconds: .max)]) == ["1970-01-01T00:00:00.999Z"])
    }

    @Test("follows a calendar that is turned day by day for eight hundred years")
    func calendar() {
        // 1600-01-01 as days before 1970.
        var days: Int64 = -135_140
        for year in Int64(1600)..<2400 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            for (index, length) in lengths.enumerated() {
                for day in 1...length {
                    let second = (day * 7919 + year) % 86_400
                    let time = CivilTime(secondsSinceEpoch: days * 86_400 + second)
                    let isRight =
                        time.year == year && time.month == Int64(index) + 1 && time.day == day
                        && time.hour * 3600 + time.minute * 60 + time.second == second
                    if !isRight { Issue.record("\(year)-\(index + 1)-\(day) became \(time)") }
                    days += 1
                }
            }
        }
    }

    @Test("does not keep the text of another second")
    func remembered() {
        let times = [5, 5, 6, 5, 86_405].map { WallTime(secondsSinceEpoch: $0, nanoseconds: 7_000_000) }
        #expect(
            written(times) == [
                "1970-01-01T00:00:05.007Z", "1970-01-01T00:00:05.007Z", "1970-01-01T00:00:06.007Z",
                "1970-01-01T00:00:05.007Z", "1970-01-02T00:00:05.007Z",
            ])
    }

    private func written(_ times: [WallTime]) -> [String] {
        var stamp = TimestampText()
        return times.map { time in
            var queue = ByteQueue()
            stamp.append(time, to: &queue)
            return text(of: queue)
        }
    }
}
